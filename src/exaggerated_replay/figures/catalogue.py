"""Drawing all figures of a study in one go; `analysis/study/outputs.py` says which it has.

Modules that draw are imported when they draw.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.study.outputs import FROM_MORE, featured, figures_of, picture_file, print_files
from exaggerated_replay.analysis.study.runs import FINISHED, Study
from exaggerated_replay.figures.style import nothing, save, small

FROM_SETTINGS = ("architecture",)


def draw_all(study: Study, folder: Path) -> None:
    """Draw every figure of a study: for print as PNG, PDF and SVG, and, of those that its README shows, a small PNG.

    The figures that need more than records are left out where that is not here. Where no run reached its end, each
    says so.
    """
    ended = study.runs["status"].eq(FINISHED).any()
    shown = featured(study.plan)

    def draw(name: str, kind: str, of: Any) -> None:
        drawing = import_module(f"exaggerated_replay.figures.{kind}")
        figure = drawing.of_study(study, of) if ended or kind in FROM_SETTINGS else nothing()
        if figure is None:
            return
        prints = [folder / file for file in print_files(name)]
        save(figure, prints)
        if name in shown:
            (png,) = (path for path in prints if path.suffix == ".png")
            small(png, folder / picture_file(name))

    for name, (kind, grid) in figures_of(study.plan).items():
        draw(name, kind, grid)
    for kind in FROM_MORE if ended else ():
        draw(kind, kind, folder)
