"""What exaggeration changes, over the size of the experiment: does it grow or shrink towards the paper's?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import statsmodels.api as sm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy import stats

from exaggerated_replay.analysis import paper
from exaggerated_replay.analysis.effects import effects
from exaggerated_replay.analysis.runs import Study
from exaggerated_replay.analysis.statistics import ALPHA, estimate
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
from exaggerated_replay.planning.drawing import sizes

AXES = {
    "model.units": ("units of a hidden layer", paper.SIZE["units"]),
    "training.iterations": ("iterations per task", paper.SIZE["iterations"]),
    "training.batch": ("samples of the current task a step", paper.SIZE["batch"]),
    "training.replay_batch": ("replayed samples a step", paper.SIZE["replay_batch"]),
    "method.si.strength": ("strength c of synaptic intelligence", 1e8),
}
"""What may grow: dotted key -> its name, and the paper's value."""
STEPS = 60


def of_study(study: Study, grid: str) -> Figure:
    """Draw a grid of a study."""
    return draw(study.plan, study.runs, grid)


@house_style()
def draw(plan: Mapping, runs: pd.DataFrame, grid: str) -> Figure:
    """Draw a grid's paired differences over a size, with a straight trend over its logarithm.

    Args:
        plan: The plan of the study.
        runs: One row per run; accuracies in percent.
        grid: A grid that varies one of `AXES` and nothing else.

    Returns:
        A figure two columns wide: means with 95 % intervals, dots for single seeds; the trend with its 95 % interval,
        drawn on to the paper's size where that is larger.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(plan, runs, grid)
    (size,) = sizes(plan["grids"][grid], {name: cell["config"] for name, cell in plan["cells"].items()})
    name, papers = AXES[size]
    colours = arm_colours(plan)
    arms = list(found["arm"].unique())
    figure = Figure(figsize=(DOUBLE, 2.4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        axes.axvline(papers, color=INK, linewidth=0.7, linestyle=":", zorder=1)
        for arm in arms:
            own = found[found["arm"] == arm]
            _arm(axes, own[size].astype(float), own[metric], own["seed"], papers, colours[arm])
        axes.set_title(title)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([*sorted(found[size].unique()), papers]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        axes.grid(axis="y")
    figure.supxlabel(f"{name} (log scale; dotted: the paper's)")
    panels[0].set_ylabel(f"difference on {data_name(plan)} (points)")
    handles = [Line2D([], [], color=colours[arm], marker="o", markersize=3.5) for arm in arms]
    key(figure, [*handles, Patch(color=INK, alpha=0.15, linewidth=0)], [*map(arm_name, arms), "trend, 95 % interval"])
    return figure


def trend(size: pd.Series, difference: pd.Series, seed: pd.Series, at: np.ndarray) -> np.ndarray:
    """Fit a straight line over the logarithm of the size.

    Runs of one seed share their class order, so the interval is by seeds: cluster-robust, with one degree of freedom
    less than seeds.

    Returns:
        Shape [len(at), 3]: value, and the ends of its 95 % interval; empty with less than two sizes or three seeds.
    """
    if size.nunique() < 2 or seed.nunique() < 3:
        return np.empty((0, 3))
    design = sm.add_constant(np.log10(size.to_numpy(dtype=float)))
    groups = pd.factorize(seed)[0]
    fit = sm.OLS(difference.to_numpy(dtype=float), design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    found = fit.get_prediction(sm.add_constant(np.log10(at), has_constant="add"))
    margin = stats.t.ppf(1 - ALPHA / 2, seed.nunique() - 1) * found.se_mean
    return np.column_stack([found.predicted_mean, found.predicted_mean - margin, found.predicted_mean + margin])


def _arm(axes: Axes, size: pd.Series, difference: pd.Series, seed: pd.Series, papers: float, colour: str) -> None:
    dots(axes, size, difference, colour)
    means = {x: estimate(difference[size == x]) for x in sorted(set(size))}
    reach = np.nan_to_num([mean.high - mean.mean for mean in means.values()])
    centre = [mean.mean for mean in means.values()]
    axes.errorbar(list(means), centre, reach, fmt="o", color=colour, markersize=3.5, elinewidth=0.9)
    at = np.geomspace(size.min(), max(size.max(), papers), STEPS)
    line = trend(size, difference, seed, at)
    if len(line):
        axes.plot(at, line[:, 0], "-", color=colour, linewidth=0.9)
        axes.fill_between(at, line[:, 1], line[:, 2], color=colour, alpha=0.15, linewidth=0)
