"""What exaggeration changes, over the size of the experiment, as far as it was run."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.questions.trends import PAPERS, height, lines_by_seed
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import (
    DOUBLE,
    INK,
    PANELS,
    arm_colours,
    arm_name,
    data_name,
    dots,
    house_style,
    key,
    short_number,
)
from exaggerated_replay.planning.questions import SIZES, sizes

STEPS = 60
FEWEST = 3  # seeds: with two, the interval of a trend is wider than the panel is high


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw a grid's paired differences over a size, with a straight trend over its logarithm.

    Args:
        study: Plan and records.
        grid: A grid that varies one of `SIZES` and nothing else.

    Returns:
        A figure two columns wide: means with 95 % intervals, dots for single seeds; the trend with its 95 % interval,
        from the least to the largest size that was run.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(study, grid)
    (size,) = sizes(study.plan.grids[grid], study.plan.cells)
    colours = arm_colours(study.plan)
    arms = list(found["arm"].unique())
    figure = Figure(figsize=(DOUBLE, 2.4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    trends = 0
    for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        for arm in arms:
            own = found[found["arm"] == arm]
            x, difference, seed = own[size].astype(float), own[metric], own["seed"]
            _points(axes, x, difference, colours[arm])
            lines = lines_by_seed(x, difference, seed)
            if len(lines) >= FEWEST:
                _trend(axes, lines, np.geomspace(x.min(), x.max(), STEPS), colours[arm])
                trends += 1
        axes.set_title(title)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sorted(found[size].unique())))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        axes.grid(axis="y")
    figure.supxlabel(f"{SIZES[size].title} (log scale; the paper's: {PAPERS[size]:,.10g})")
    panels[0].set_ylabel(f"difference on {data_name(study.plan)} (points)")
    entries: dict[str, Artist] = {
        arm_name(arm): Line2D([], [], color=colours[arm], marker="o", markersize=3.5) for arm in arms
    }
    if trends:
        entries["trend, 95 % interval"] = Patch(color=INK, alpha=0.15, linewidth=0)
    key(figure, [*entries.values()], [*entries])
    return figure


def _points(axes: Axes, size: pd.Series, difference: pd.Series, colour: str) -> None:
    dots(axes, size, difference, colour)
    means = {x: estimate(difference[size == x]) for x in sorted(set(size))}
    reach = np.nan_to_num([mean.high - mean.mean for mean in means.values()])
    centre = [mean.mean for mean in means.values()]
    axes.errorbar(list(means), centre, reach, fmt="o", color=colour, markersize=3.5, elinewidth=0.9)


def _trend(axes: Axes, lines: pd.DataFrame, at: np.ndarray, colour: str) -> None:
    trend = [estimate(height(lines, x)) for x in at]
    axes.plot(at, [there.mean for there in trend], "-", color=colour, linewidth=0.9)
    low, high = ([getattr(there, end) for there in trend] for end in ("low", "high"))
    axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
