"""Drawing all figures of a study in one go; `analysis/study/outputs.py` says which it has.

A figure is a module: of a grid with `draw(study, grid)`, of the study as a whole with `of_study(study)`, and where that
needs more than records, with `of_study(study, folder)`. Modules are imported when they draw.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.outputs import (
    featured,
    figures_of,
    more_figures,
    narrow_file,
    picture_file,
    print_files,
)
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import nothing, save, small_picture, stacked
from exaggerated_replay.planning.questions import WholeFigure
from exaggerated_replay.store.records import FINISHED


def draw_all(study: Study, folder: Path) -> None:
    """Draw every figure of a study: for print as PNG, PDF and SVG, of those that its README shows, a small PNG.

    And each as SVG once more, with its panels stacked, for narrow screens.

    The figures that need more than records are left out where that is not here. Where no run reached its end, each
    says so.
    """
    ended = study.runs["status"].eq(FINISHED).any()
    shown = featured(study.plan)

    for name, (kind, grid) in figures_of(study.plan).items():
        if not ended and not (isinstance(kind, WholeFigure) and kind.needs == "settings"):
            _keep(name, nothing, folder, small=name in shown)
        elif grid:
            _keep(name, partial(_module(kind.name).draw, study, grid), folder, small=name in shown)
        else:
            _keep(name, partial(_module(kind.name).of_study, study), folder, small=name in shown)
    for name in more_figures(study.plan) if ended else ():
        _keep(name, partial(_module(name).of_study, study, folder), folder, small=name in shown)


def _keep(name: str, draw: Callable[[], Figure | None], folder: Path, *, small: bool) -> None:
    """Draw a figure and save it in every form; nothing where there is nothing to draw."""
    if (figure := draw()) is None:
        return
    prints = [folder / file for file in print_files(name)]
    save(figure, prints)
    with stacked():
        save(cast(Figure, draw()), [folder / narrow_file(name)])
    if small:
        (png,) = (path for path in prints if path.suffix == ".png")
        small_picture(png, folder / picture_file(name))


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
