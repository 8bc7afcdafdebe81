"""The house style, and saving figures byte for byte the same every time."""

import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike
from PIL import Image

from exaggerated_replay.analysis import names
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.roles import CONTROL, role
from exaggerated_replay.analysis.study.scores import PERCENT
from exaggerated_replay.analysis.words import short_data_name
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import Row, StudyPlan

SINGLE, DOUBLE = 3.4, 7.0
"""Widths of one and of two paper columns, in inches."""
ENDS = 0.9
"""Height of a figure's key and of what stands below its panels, in inches."""
LETTERS, TITLE_LETTERS = 15, 18
"""So many fit on an inch of a line, and of a panel's title, which has few wide ones."""

MUTED, INK = "#c3c9cf", "#222222"
BASELINE, TREATMENT = "#34495e", "#d55e00"
"""Of drawings that show no arm: what the baseline has, and what the treatment adds."""
NEUTRAL = "#7b858f"
"""Of controls, which are there to be compared with, not to be told apart."""

NEARLY = 0.98
"""Of a figure's width may a key take: letters are a little wider at some resolutions."""
COLOURS = 256
"""Of a small picture, shades at the edges of letters included: as many as a palette holds."""

WITHIN: dict[str, Any] = {"color": MUTED, "alpha": 0.4, "linewidth": 0}
"""The look of the margin, within which a difference is negligible."""
ALL_ZERO = "Every difference is zero: at each seed, both runs are right on as many test images."
DOTS: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 2, "markeredgewidth": 0, "alpha": 0.4}
"""The look of single seeds."""

# Of each form: its canvas, and what would differ between two saves of the same figure, or between versions of the
# plotting library. Called directly, because `savefig` draws a figure once more to settle a layout that is settled.
_CANVASES: dict[str, tuple[type[FigureCanvasBase], dict[str, None]]] = {
    "png": (FigureCanvasAgg, {"Software": None}),
    "pdf": (FigureCanvasPdf, {"CreationDate": None, "Creator": None, "Producer": None}),
    "svg": (FigureCanvasSVG, {"Date": None, "Creator": None}),
}
_LOCK = threading.RLock()


@dataclass(frozen=True)
class Look:
    """What is to be otherwise than the house has it; by default, nothing.

    Attributes:
        names: Arm or cell -> its name. What both an arm and a cell are called, is the arm.
        colours: Arm or cell -> its colour; an arm's is that of all its cells.
        size: Width and height of the whole figure, in inches.
        style: Styles of matplotlib's, over the house's: names, files, or settings.
        stacked: Whether panels stand one below the other.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    size: tuple[float, float] | None = None
    style: Sequence[Any] = ()
    stacked: bool = False


_HOUSE = Look()
_LOOK = ContextVar("look", default=_HOUSE)


@contextmanager
def looking(look: Look) -> Iterator[None]:
    """Have all figures that are drawn here look like this."""
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


@contextmanager
def stacked() -> Iterator[None]:
    """Have `panels` set what else stands side by side one below the other, as for a telephone."""
    with looking(replace(_LOOK.get(), stacked=True)):
        yield


def stack() -> bool:
    """Tell whether panels are stacked."""
    return _LOOK.get().stacked


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style whatever the user's own settings; also a decorator.

    The plotting library keeps one set of settings per process, so only one thread at a time may hold it. Of letters
    that the font lacks it says nothing here: `compose` did, once.
    """
    styles = [Path(__file__).with_name("house.mplstyle"), *_LOOK.get().style]
    with _LOCK, matplotlib.style.context(styles, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def sheet(width: float, height: float, layout: Any = "constrained") -> Figure:
    """Return an empty figure of a size in inches, or of the one that `looking` asks for."""
    return Figure(figsize=_LOOK.get().size or (width, height), layout=layout)


def panels(height: float, columns: int, rows: int = 1, *, widths: Sequence[float] | None = None, **shared: Any) -> Any:
    """Return a figure two columns wide, and its panels: side by side, or stacked in one column.

    Args:
        height: Of the figure in inches, where panels stand side by side.
        columns: Number of panels side by side.
        rows: Number of rows of them; where panels are stacked, those of one column follow each other.
        widths: Of the columns, as ratios; not used where panels are stacked.
        **shared: Which axes are shared, as `Figure.subplots` takes it.

    Returns:
        The figure, and an array [rows, columns] of axes.
    """
    if not stack():
        figure = sheet(DOUBLE, height)
        return figure, figure.subplots(rows, columns, squeeze=False, width_ratios=widths, **shared)
    figure = sheet(SINGLE, ENDS + columns * (height - ENDS / 2))
    return figure, figure.subplots(rows * columns, 1, squeeze=False, **shared).reshape(columns, rows).T


def below(figure: Figure, text: str) -> None:
    """Write what the x axes of all panels show, in as many lines as it takes."""
    figure.supxlabel("\n".join(fill(line, round(figure.get_figwidth() * LETTERS)) for line in text.split("\n")))


@house_style()
def fit_titles(figure: Figure) -> None:
    """Break titles of panels that are wider than their panel."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        letters = int(axes.get_position().width * figure.get_figwidth() * TITLE_LETTERS)
        axes.set_title(fill(axes.get_title(loc="left"), max(letters, 1), break_long_words=False), loc="left")


def arm_name(plan: StudyPlan, arm: str) -> str:
    """Return an arm's name for a figure."""
    return plain(_LOOK.get().names.get(arm) or names.arm_name(plan, arm))


def cell_name(plan: StudyPlan, cell: str) -> str:
    """Return a cell's name for a figure."""
    return plain(_named(plan, cell, names.cell_name(plan, cell)))


def row_names(plan: StudyPlan, rows: Sequence[Row]) -> list[str]:
    """Name rows of a grid by what tells them apart."""
    usual = names.row_names(plan, rows)
    return [plain(_named(plan, row.cell, name)) for row, name in zip(rows, usual, strict=True)]


def _named(plan: StudyPlan, cell: str, usual: str) -> str:
    """Return the name that somebody gave a cell; or else its usual one, with the name that they gave its arm."""
    given, arm = _LOOK.get().names, plan.cells[cell].arm
    if cell in given and cell not in plan.arms:
        return given[cell]
    arms_own = names.arm_name(plan, arm)
    return given[arm] + usual.removeprefix(arms_own) if arm in given and usual.startswith(arms_own) else usual


def arm_colours(plan: StudyPlan) -> dict[str, str]:
    """Return arm -> hexadecimal colour for a figure, of every arm of a plan."""
    chosen = _LOOK.get().colours
    return {arm: chosen.get(arm, look.colour) for arm, look in plan.arms.items()}


def cell_colours(plan: StudyPlan) -> dict[str, str]:
    """Return cell -> hexadecimal colour for a figure: its own, its arm's, or that of controls."""
    chosen, colours = _LOOK.get().colours, {}
    for name, cell in plan.cells.items():
        usual = NEUTRAL if role(cell.method) == CONTROL else plan.arms[cell.arm].colour
        colours[name] = chosen.get(name, chosen.get(cell.arm, usual))
    return colours


def data_name(plan: StudyPlan) -> str:
    """Return the name of a study's data for an axis."""
    return plain(short_data_name(plan)) + (", validation data" if plan.dataset.validation else "")


def plain(text: str) -> str:
    """Return a text of the user's as figures show it unchanged: its dollars begin no formula."""
    return text.replace("$", r"\$")


def short_number(value: float) -> str:
    """Return a number as an axis has room for it: 2,000, but 2e4 where `amount` has 20,000."""
    return (
        f"{value:,.5g}" if value < 1e4 else np.format_float_scientific(value, trim="-", exp_digits=1).replace("+", "")
    )


def log_axis(axes: Axes, sizes: pd.Series) -> None:
    """Set a logarithmic x axis with a mark at each of the sizes that were run, and nowhere else."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted(sizes.unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


@house_style()
def nothing() -> Figure:
    """Return a figure that says that there is nothing to draw."""
    figure = sheet(SINGLE, 1.0, layout=None)
    figure.text(0.5, 0.5, "no run reached its end", ha="center", va="center", color=INK)
    return figure


def shade_margin(axes: Axes, margin: float, *, upright: bool = False) -> None:
    """Shade the margin, within which a difference is negligible, and draw the line of no difference.

    Args:
        axes: Where to.
        margin: In the unit of the differences.
        upright: Whether these are along the x axis.
    """
    span, line = (axes.axvspan, axes.axvline) if upright else (axes.axhspan, axes.axhline)
    span(-margin, margin, **WITHIN, zorder=0)
    line(0, color=INK, linewidth=0.8, zorder=1)


def dots(axes: Axes, x: ArrayLike, y: ArrayLike, colour: str, *, aside: float = 0, down: float = 0) -> None:
    """Plot single seeds, moved by some points to where they hide nothing and are hidden by nothing."""
    moved = offset_copy(axes.transData, axes.get_figure(root=True), x=aside, y=-down, units="points")
    axes.plot(x, y, **DOTS, color=colour, transform=moved, zorder=1)
    axes.update_datalim(np.column_stack([x, y]))  # points in another transform are not counted by themselves


def means(axes: Axes, x: pd.Series, y: pd.Series, colour: str, *, aside: float = 1, **look: Any) -> None:
    """Plot the mean of all y that share their x, with its 95 % interval (Student's t); all x times `aside`."""
    estimates = {place: estimate(y[x == place].astype(float)) for place in sorted(set(x))}
    reach = np.nan_to_num([mean.high - mean.mean for mean in estimates.values()])
    style = {"marker": "o", "markersize": 3.5, "elinewidth": 0.9, "capsize": 1.8, "capthick": 0.9, **look}
    places = aside * np.array([*estimates], float)
    axes.errorbar(places, [mean.mean for mean in estimates.values()], reach, color=colour, **style)


def banded(axes: Axes, values: Mapping[float, ArrayLike], colour: str, name: str, *, above: float) -> None:
    """Plot mean accuracies as a line in a band of their 95 % intervals (Student's t); lines that coincide all show.

    Args:
        axes: Where to.
        values: x -> the accuracies there in percent, one per seed.
        colour: Of the line and its band.
        name: Of the line.
        above: How many lines are drawn above this one: it is the wider the more there are.
    """
    found = [estimate(of_seeds) for of_seeds in values.values()]
    low, mean, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "mean", "high"))
    axes.fill_between([*values], low.clip(min=0), high.clip(max=PERCENT), color=colour, alpha=0.15, linewidth=0)
    wide, large = 1.2 + 1.1 * above, 2.8 + 1.7 * above
    axes.plot([*values], mean, "o-", color=colour, linewidth=wide, markersize=large, label=name)


def of_seeds(*, several: bool, band: bool = False, margin: bool = True) -> dict[str, Artist]:
    """Return what a key says of intervals, single seeds and the margin: label -> its look.

    Args:
        several: Whether there are several seeds somewhere; of one there is neither.
        band: Whether intervals are bands; bars otherwise.
        margin: Whether the margin is shaded.
    """
    bar = Line2D([], [], color=INK, marker="|", markersize=6, linewidth=0.9)
    interval: Artist = Patch(color=INK, alpha=0.15, linewidth=0) if band else bar
    seeds = {"95 % confidence interval": interval, "single seeds": Line2D([], [], **DOTS, color=INK)}
    return (seeds if several else {}) | ({"negligible differences": Patch(**WITHIN)} if margin else {})


def key(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """Set one key for a whole figure above the panels, where it covers no data: in one row, or as few as it fits into.

    Args:
        figure: A figure with constrained layout.
        handles: What is explained.
        labels: Its explanations, as many.
    """
    labels = [fill(label, round(figure.get_figwidth() * LETTERS) - 6) for label in labels]
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.6)
        if columns == 1 or legend.get_window_extent().width <= NEARLY * figure.bbox.width:
            return
        legend.remove()


@house_style()
def save(figure: Figure, targets: Iterable[Path]) -> None:
    """Write a figure to files that depend on nothing else: no date, no version, no random identifier.

    Args:
        figure: Its layout is settled once and kept, so that all files look the same.
        targets: Files to write; the suffix (.png at 300 dpi, .pdf, .svg) chooses the format.

    Raises:
        UserError: If a suffix is none of the three.
    """
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")
    for target in map(Path, targets):
        form = target.suffix.removeprefix(".")
        if form not in _CANVASES:
            raise UserError(f"cannot save a figure as '{target.name}': end its name in .png, .pdf or .svg")
        target.parent.mkdir(parents=True, exist_ok=True)
        canvas, metadata = _CANVASES[form]
        figure.set_dpi(matplotlib.rcParams["savefig.dpi"])  # PDF and SVG leave it at their own
        getattr(canvas(figure), f"print_{form}")(target, metadata=metadata)


def small_picture(png: Path, target: Path) -> None:
    """Save a figure with as few colours as look the same: a third of the bytes, and the same ones every time."""
    with Image.open(png) as picture:
        few = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    few.save(target, "PNG", optimize=True)
