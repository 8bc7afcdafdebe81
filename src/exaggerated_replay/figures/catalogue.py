"""Drawing all figures of a study in one go; `analysis/study/outputs.py` says which it has.

A figure is a module: of a grid with `draw(study, grid)`, of the study as a whole with `of_study(study)`, and where that
needs more than records, with `of_study(study, folder)`. Modules are imported when they draw.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.study.outputs import FROM_MORE, featured, figures_of, picture_file, print_files
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import nothing, save, small
from exaggerated_replay.planning.questions import WholeFigure
from exaggerated_replay.store.records import FINISHED


def draw_all(study: Study, folder: Path) -> None:
    """Draw every figure of a study: for print as PNG, PDF and SVG, and, of those that its README shows, a small PNG.

    The figures that need more than records are left out where that is not here. Where no run reached its end, each
    says so.
    """
    ended = study.runs["status"].eq(FINISHED).any()
    shown = featured(study.plan)

    def keep(name: str, figure: Any) -> None:
        prints = [folder / file for file in print_files(name)]
        save(figure, prints)
        if name in shown:
            (png,) = (path for path in prints if path.suffix == ".png")
            small(png, folder / picture_file(name))

    for name, (kind, grid) in figures_of(study.plan).items():
        if not ended and not (isinstance(kind, WholeFigure) and kind.needs == "settings"):
            keep(name, nothing())
        elif grid:
            keep(name, _module(kind.name).draw(study, grid))
        else:
            keep(name, _module(kind.name).of_study(study))
    for name in FROM_MORE if ended else ():
        if (figure := _module(name).of_study(study, folder)) is not None:
            keep(name, figure)


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
