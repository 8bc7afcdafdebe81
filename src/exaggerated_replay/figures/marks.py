"""The marks of figures: means with their intervals, single seeds, and the margin of what is negligible."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike

from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.scores import PERCENT
from exaggerated_replay.analysis.words import span
from exaggerated_replay.figures.colours import INK, MUTED

WITHIN: dict[str, Any] = {"color": MUTED, "alpha": 0.4, "linewidth": 0}
"""The look of the margin, within which a difference is negligible."""
ALL_ZERO = "Every difference is zero: at each seed, both runs are right on as many test images."
DOTS: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 2, "markeredgewidth": 0, "alpha": 0.4}
"""The look of single seeds."""


def shade_margin(axes: Axes, margin: float, *, upright: bool = False) -> None:
    """Shade the margin, within which a difference is negligible, and draw the line of no difference.

    Args:
        axes: Where to.
        margin: In the unit of the differences.
        upright: Whether these are along the x axis.
    """
    shade, line = (axes.axvspan, axes.axvline) if upright else (axes.axhspan, axes.axhline)
    shade(-margin, margin, **WITHIN, zorder=0)
    line(0, color=INK, linewidth=0.8, zorder=1)


def dots(axes: Axes, x: ArrayLike, y: ArrayLike, colour: str, *, aside: float = 0, down: float = 0) -> None:
    """Plot single seeds, moved by some points to where they hide nothing and are hidden by nothing."""
    moved = offset_copy(axes.transData, axes.get_figure(root=True), x=aside, y=-down, units="points")
    axes.plot(x, y, **DOTS, color=colour, transform=moved, zorder=1)
    axes.update_datalim(np.column_stack([x, y]))  # points in another transform are not counted by themselves


def means(axes: Axes, x: pd.Series, y: pd.Series, look: Mapping[str, Any], *, aside: float = 1) -> None:
    """Plot the mean of all y that share their x, with its 95 % interval (Student's t); all x times `aside`."""
    estimates = {place: estimate(y[x == place].astype(float)) for place in sorted(set(x))}
    reach = np.nan_to_num([mean.high - mean.mean for mean in estimates.values()])
    style = {"markersize": 3.5, "elinewidth": 0.9, "capsize": 1.8, "capthick": 0.9, **look}
    places = aside * np.array([*estimates], float)
    axes.errorbar(places, [mean.mean for mean in estimates.values()], reach, **style)


def banded(axes: Axes, values: Mapping[float, ArrayLike], look: Mapping[str, Any], name: str, *, above: float) -> None:
    """Plot mean accuracies as a line in a band of their 95 % intervals (Student's t); lines that coincide all show.

    Args:
        axes: Where to.
        values: x -> the accuracies there in percent, one per seed.
        look: Of the line, whose colour the band has, too; see `line_looks`.
        name: Of the line.
        above: How many lines are drawn above this one: it is the wider the more there are.
    """
    found = [estimate(accuracies) for accuracies in values.values()]
    low, mean, high = (np.array([getattr(one, part) for one in found]) for part in ("low", "mean", "high"))
    axes.fill_between([*values], low.clip(min=0), high.clip(max=PERCENT), color=look["color"], alpha=0.15, linewidth=0)
    wide, large = 1.2 + 1.1 * above, 2.8 + 1.7 * above
    axes.plot([*values], mean, **look, linewidth=wide, markersize=large, label=name)


def of_seeds(
    counts: Iterable[int], *, band: bool = False, single: bool = True, margin: bool = True
) -> dict[str, Artist | tuple[Artist, ...]]:
    """Return what a key says of intervals, single seeds and the margin: label -> its look.

    Args:
        counts: How many seeds each mean is of; where all are of one, there is no interval.
        band: Whether intervals are bands; bars otherwise. Where the margin is shaded, those of differences are bars.
        single: Whether single seeds are shown.
        margin: Whether the margin is shaded.
    """
    entries: dict[str, Artist | tuple[Artist, ...]] = {}
    if max(counts := [*counts], default=0) > 1:
        bar = Line2D([], [], color=INK, marker="|", markersize=6, linewidth=0.9)
        bands = (Patch(color=INK, alpha=0.15, linewidth=0),) if band else ()
        entries[f"95 % confidence interval, {span(counts, 'seed')}"] = (*bands, bar) if margin or not band else bands
        if single:
            entries["single seeds"] = Line2D([], [], **DOTS, color=INK)
    return entries | ({"negligible differences": Patch(**WITHIN)} if margin else {})
