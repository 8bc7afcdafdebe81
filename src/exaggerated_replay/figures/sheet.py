"""The sheet of a figure: its size, panels, titles, axes and key."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from exaggerated_replay.figures.colours import INK
from exaggerated_replay.figures.look import asked, house_style

SINGLE, DOUBLE = 3.4, 7.0
"""Widths of one and of two paper columns, in inches."""
ENDS = 0.9
"""Height of a figure's key and of what stands below its panels, in inches."""
LETTERS, TITLE_LETTERS = 15, 18
"""So many fit on an inch of a line, and of a panel's title, which has few wide ones."""
NEARLY = 0.98
"""Of a figure's width may a key take: letters are a little wider at some resolutions."""


def sheet(width: float, height: float, layout: Any = "constrained") -> Figure:
    """Return an empty figure of a size in inches, or of the one that `looking` asks for."""
    return Figure(figsize=asked().size or (width, height), layout=layout)


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
    if not asked().stacked:
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


def key(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Set one key for a whole figure above the panels, where it covers no data: in one row, or as few as it fits into.

    Args:
        figure: A figure with constrained layout.
        handles: What is explained: artists, or tuples of some, which lie on each other.
        labels: Its explanations, as many.
    """
    labels = [fill(label, round(figure.get_figwidth() * LETTERS) - 6) for label in labels]
    # Of as many rows, the fewest columns, because matplotlib fills these first, and leaves gaps in the last row.
    for columns in dict.fromkeys(math.ceil(len(labels) / rows) for rows in range(1, len(labels) + 1)):
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.6)
        if columns == 1 or legend.get_window_extent().width <= NEARLY * figure.bbox.width:
            return
        legend.remove()


@house_style()
def nothing() -> Figure:
    """Return a figure that says that there is nothing to draw."""
    figure = sheet(SINGLE, 1.0, layout=None)
    figure.text(0.5, 0.5, "no run reached its end", ha="center", va="center", color=INK)
    return figure
