"""The house style, and saving figures byte for byte the same every time."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike
from PIL import Image

from exaggerated_replay.analysis.words import in_words, short_data_name, written
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import StudyPlan

SINGLE, DOUBLE = 3.4, 7.0
"""Widths of one and of two paper columns, in inches."""

BASELINE, TREATMENT = "#34495e", "#d55e00"
OTHERS = ("#332288", "#88ccee", "#117733", "#aa4499", "#999933", "#44aa99", "#882255", "#ddcc77", "#661100")
"""Colours that stay apart for colour-blind readers (Okabe and Ito's vermilion, Tol's muted scheme)."""
MUTED, INK = "#c3c9cf", "#222222"

COLOURS = 64
"""Of a small picture, shades at the edges of letters included."""

DOTS: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 2, "markeredgewidth": 0, "alpha": 0.4}
"""The look of single seeds."""

PANELS = {"first20": "first 20 % of classes", "first50": "first 50 % of classes", "overall": "all classes"}
"""Title of each metric's panel."""

_NAMES = {
    **{"bir": "BI-R", "bir-si": "BI-R+SI", "rr": "RR", "ra": "RA", "rr-ra": "RR+RA"},
    **{"rr-acting": "RR, acting", "ra-acting": "RA, acting", "rr-ra-acting": "RR+RA, acting"},
    "ra-stored": "RA to real means",
    **{"er": "ER", "ewc": "EWC", "si": "SI", "lwf": "LwF", "dgr": "DGR"},
    **{"slda": "streaming LDA", "gaussians": "Gaussian per class", "generative_classifier": "VAE per class"},
}
# What would differ between two saves of the same figure, or between versions of the plotting library.
_METADATA = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
}
_LOCK = threading.RLock()


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style whatever the user's own settings; also a decorator.

    The plotting library keeps one set of settings per process, so only one thread at a time may hold it.
    """
    with _LOCK, matplotlib.style.context(Path(__file__).with_name("house.mplstyle"), after_reset=True):
        yield


def arm_name(arm: str) -> str:
    """Return an arm's name as the paper writes it, or else as the configuration does."""
    return plain(_NAMES.get(arm, arm))


def cell_name(plan: StudyPlan, cell: str) -> str:
    """Return a cell's name as a figure shows it: RR+RA, f = 5. Settings that are its arm's own are not in it."""
    arm = plan.cells[cell].arm
    rest = cell.removeprefix(arm)
    row = next((row for row in plan.rows if row.cell == cell), None)
    last = {key.rpartition(".")[2]: value for key, value in row.settings.items()} if row else {}
    own = [setting_name(name, written(value)) for name, value in last.items() if f"-{name}" in rest]
    return ", ".join([arm_name(arm), *(own or [plain(rest.removeprefix("-"))] * bool(rest))])


def setting_name(name: str, value: str) -> str:
    """Return a setting as a figure shows it: replay batch = 512."""
    return plain(in_words(f"{name} = {value}"))


def data_name(plan: StudyPlan) -> str:
    """Return the name of a study's data for an axis."""
    return plain(short_data_name(plan))


def plain(text: str) -> str:
    """Return a text of the user's as figures show it unchanged: its dollars begin no formula."""
    return text.replace("$", r"\$")


def short_number(value: float) -> str:
    """Return a number as an axis has room for it: 2,000, or 1e8."""
    return (
        f"{value:,.5g}" if value < 1e4 else np.format_float_scientific(value, trim="-", exp_digits=1).replace("+", "")
    )


def arm_colours(plan: StudyPlan) -> dict[str, str]:
    """Give every arm of a plan one colour, the same in every figure.

    Args:
        plan: The plan of the study; its baseline and treatment have fixed colours.

    Returns:
        Arm -> hexadecimal colour.
    """
    fixed = {plan.study.baseline: BASELINE, plan.study.treatment: TREATMENT}
    others = sorted({cell.arm for cell in plan.cells.values()} - set(fixed))
    return {arm: OTHERS[k % len(OTHERS)] for k, arm in enumerate(others)} | fixed


@house_style()
def nothing() -> Figure:
    """Return a figure that says that there is nothing to draw."""
    figure = Figure(figsize=(SINGLE, 1.0))
    figure.text(0.5, 0.5, "no run reached its end", ha="center", va="center", color=INK)
    return figure


def dots(axes: Axes, x: ArrayLike, y: ArrayLike, colour: str, *, aside: float = 0, down: float = 0) -> None:
    """Plot single seeds, moved by some points to where they hide nothing and are hidden by nothing."""
    moved = offset_copy(axes.transData, axes.get_figure(root=True), x=aside, y=-down, units="points")
    axes.plot(x, y, **DOTS, color=colour, transform=moved, zorder=1)
    axes.update_datalim(np.column_stack([x, y]))  # points in another transform are not counted by themselves


def key(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """Set one key for a whole figure above the panels, where it covers no data: in one row, or as few as it fits into.

    Args:
        figure: A figure with constrained layout.
        handles: What is explained.
        labels: Its explanations, as many.
    """
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.6)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
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
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for target in map(Path, targets):
        if target.suffix not in _METADATA:
            raise UserError(f"cannot save a figure as '{target.name}': end its name in .png, .pdf or .svg")
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, metadata=_METADATA[target.suffix])


def small(png: Path, target: Path) -> None:
    """Save a figure with as few colours as look the same: a third of the bytes, and the same ones every time."""
    with Image.open(png) as picture:
        few = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    few.save(target, "PNG", optimize=True)
