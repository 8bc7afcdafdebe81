"""What exaggeration changes, over the size of the experiment, as far as it was run."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.questions.trends import answer, height, lines_by_seed
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.paper import VALUES, speaks_of
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import TITLES
from exaggerated_replay.figures.colours import INK, arm_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import dots, means, of_seeds, shade_margin
from exaggerated_replay.figures.naming import arm_name, data_name
from exaggerated_replay.figures.sheet import below, key, log_axis, panels
from exaggerated_replay.planning.questions import SIZES, sizes

ASIDE = 1.12
"""Arms of one size lie so many times its value apart."""


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw a grid's paired differences over a size, with a straight trend over its logarithm.

    Args:
        study: Plan and records.
        grid: A grid that varies one of `SIZES` and nothing else.

    Returns:
        A figure two columns wide: means with 95 % intervals, dots for single seeds; a trend that has a verdict as a
        line from the least to the largest size that was run.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(study, grid)
    (size,) = sizes(study.plan.grids[grid], study.plan.cells)
    colours = arm_colours(study.plan)
    looks = line_looks({arm: colours[arm] for arm in found["arm"].unique()})
    decided = answer(study, grid).query("verdict != 'undecided'").set_index(["arm", "metric"]).index
    figure, ((*axes_of_metrics,),) = panels(2.55, len(TITLES), sharex=True, sharey=True)
    for axes, (metric, title) in zip(axes_of_metrics, TITLES.items(), strict=True):
        shade_margin(axes, study.plan.rules.margins.of(metric))
        for number, (arm, look) in enumerate(looks.items()):
            own = found[found["arm"] == arm]
            x, difference, seed = own[size].astype(float), own[metric], own["seed"]
            aside = ASIDE ** (number - (len(looks) - 1) / 2)
            dots(axes, x * aside, difference, look["color"], aside=2.5)
            means(axes, x, difference, look | {"linestyle": ""}, aside=aside)
            if (arm, metric) in decided:
                lines = lines_by_seed(x, difference, seed)
                _trend(axes, lines, np.array([x.min(), x.max()]), aside, colours[arm])
        axes.set_title(title)
        log_axis(axes, found[size])
        axes.grid(axis="y")
    papers = f"; the paper's: {VALUES[size]:,.10g}" if speaks_of(study.plan) else ""
    below(figure, f"{SIZES[size].title} (log scale{papers}), on {data_name(study.plan)}")
    axes_of_metrics[0].set_ylabel("difference (percentage points)")
    points = [Line2D([], [], **look | {"linestyle": ""}, markersize=3.5) for look in looks.values()]
    others = of_seeds(found.groupby(["arm", size]).size())
    if len(decided):
        others["trend"] = Line2D([], [], color=INK, linewidth=0.9)
    key(figure, [*points, *others.values()], [*(arm_name(study.plan, arm) for arm in looks), *others])
    return figure


def _trend(axes: Axes, lines: pd.DataFrame, ends: np.ndarray, aside: float, colour: str) -> None:
    """Draw the mean of all seeds' lines between two sizes, straight on the logarithmic axis."""
    axes.plot(ends * aside, [estimate(height(lines, x)).mean for x in ends], "-", color=colour, linewidth=0.9)
