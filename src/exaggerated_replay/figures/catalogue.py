"""Drawing figures of a study: one, as somebody wants it, or all; `analysis/study/outputs.py` says which it has.

A figure is a module: of a grid with `draw(study, grid)`, of the study as a whole with `of_study(study)`, and where that
needs more than records, with `of_study(study, folder)`. Modules are imported when they draw.
"""

import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib import import_module
from numbers import Real
from pathlib import Path
from typing import Any, cast

from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.outputs import (
    all_figures,
    featured,
    figures_of,
    more_figures,
    narrow_file,
    picture_file,
    print_files,
)
from exaggerated_replay.analysis.study.study import Study, open_study
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.look import Look, house_style, looking, stacked
from exaggerated_replay.figures.saving import save, small_picture
from exaggerated_replay.figures.sheet import fit_titles, nothing
from exaggerated_replay.planning.questions import WholeFigure
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.store.records import FINISHED

Size = tuple[float, float]


def draw_figure(
    folder: Path | str,
    name: str,
    *,
    names: Mapping[str, str] | None = None,
    colours: Mapping[str, Any] | None = None,
    size: Size | None = None,
    style: Any = None,
    stacked: bool = False,
) -> Figure:
    """Draw one figure of a study as somebody wants it: `draw_figure("results/default", "table1", size=(7, 2.5))`.

    Args:
        folder: The study's folder.
        name: A grid of the study, or a figure of it as a whole, such as "forgetting".
        names: Arm or cell -> what it is to be called.
        colours: Arm or cell -> any colour that matplotlib knows; an arm's is that of all its cells.
        size: Width and height of the figure in inches.
        style: A style of matplotlib's, or a list of some, over the house's: a name, a file, or a mapping of settings.
        stacked: Whether panels stand one below the other instead of side by side.

    Returns:
        The figure, which nothing else refers to.

    Raises:
        UserError: There is no such study, figure, arm, cell, colour, size or style, or nothing to draw the figure from.
    """
    folder = Path(folder)
    study = open_study(folder)
    _check_known([name], all_figures(study.plan), f"a figure of the study {study.plan.study.name}")
    with looking(_look(study.plan, names or {}, colours or {}, size, style, stacked)):
        figure = _draw(study, name, folder)
        if figure and size:
            fit_titles(figure)
    if figure is None:
        raise UserError(
            f"{name} cannot be drawn from {folder}: it needs checkpoints or traces, which are missing there"
        )
    return figure


def draw_all(study: Study, folder: Path) -> None:
    """Draw every figure of a study: for print as PNG, PDF and SVG, of those that its README shows, a small PNG.

    And those that have panels side by side once more as SVG, with these stacked, for narrow screens.

    The figures that need more than records are left out where that is not here. Where no run reached its end, each
    says so.
    """
    shown = featured(study.plan)
    for name, kind in all_figures(study.plan).items():
        _keep(name, partial(_draw, study, name, folder), folder, stacks=kind.stacks, small=name in shown)


def _draw(study: Study, name: str, folder: Path) -> Figure | None:
    """Draw a figure; None where it needs more than records, and that is not in the folder."""
    ended = study.runs["status"].eq(FINISHED).any()
    if name in more_figures(study.plan):
        return cast(Figure | None, _module(name).of_study(study, folder)) if ended else None
    kind, grid = figures_of(study.plan)[name]
    if not ended and not (isinstance(kind, WholeFigure) and kind.needs == "settings"):
        return nothing()
    module = _module(kind.name)
    return cast(Figure, module.draw(study, grid) if grid else module.of_study(study))


def _look(
    plan: StudyPlan, names: Mapping[str, str], colours: Mapping[str, Any], size: Size | None, style: Any, stacked: bool
) -> Look:
    """Return what `draw_figure` was asked for, checked.

    Raises:
        UserError: Something is unknown.
    """
    known = list(dict.fromkeys([*plan.arms, *plan.cells]))
    _check_known([*names, *colours], known, f"an arm or a cell of the study {plan.study.name}")
    called = [names.get(arm, look.label) for arm, look in plan.arms.items()]
    if twice := sorted(said for said in names.values() if max(called.count(said), [*names.values()].count(said)) > 1):
        raise UserError(f"two arms or cells would be called {twice[0]!r}: give each a name of its own")
    if strange := [(name, colour) for name, colour in colours.items() if not is_color_like(colour)]:
        raise UserError(
            f"the colour of {strange[0][0]} is {strange[0][1]!r}, which matplotlib does not know: "
            'write it as "#d55e00", or as one of its names, such as "tab:orange"'
        )
    if size is not None and not _is_size(size):
        raise UserError(f"size is {size!r}, but must be a width and a height in inches, such as (3.4, 2.5)")
    styles = [] if style is None else [*style] if isinstance(style, list | tuple) else [style]
    look = Look(names, {name: to_hex(colour) for name, colour in colours.items()}, size, styles, stacked)
    try:
        with looking(look), house_style():
            return look
    except (OSError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise UserError(f"style is {style!r}, which matplotlib cannot use: {reason}") from None


def _is_size(size: Any) -> bool:
    try:
        width, height = size
    except (TypeError, ValueError):
        return False
    return all(isinstance(side, Real) and 0 < float(side) < math.inf for side in (width, height))


def _check_known(asked: Collection[str], known: Collection[str], what: str) -> None:
    for name in asked:
        if name not in known:
            raise UserError(f"{name} is not {what}: choose among {', '.join(known)}")


def _keep(name: str, draw: Callable[[], Figure | None], folder: Path, *, stacks: bool, small: bool) -> None:
    """Draw a figure and save it in every form; nothing where there is nothing to draw."""
    if (figure := draw()) is None:
        return
    prints = [folder / file for file in print_files(name)]
    save(figure, prints)
    if stacks:
        with stacked():
            save(cast(Figure, draw()), [folder / narrow_file(name)])
    if small:
        (png,) = (path for path in prints if path.suffix == ".png")
        small_picture(png, folder / picture_file(name))


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
