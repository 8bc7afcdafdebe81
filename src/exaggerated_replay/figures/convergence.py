"""Accuracy against the number of iterations per task (Fig. 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import DOTS, DOUBLE, INK, arm_colours, arm_name, data_name, dots, house_style, key

PANELS = {
    "overall": "a  all classes",
    "first50": "b  first 50 % of classes",
    "first20": "c  first 20 % of classes",
}


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw Fig. 3: overall, first 50 % and first 20 % accuracy over iterations, each arm a line.

    Lines are means over seeds, bands their 95 % confidence intervals (Student's t), dots single seeds.

    Args:
        study: Plan and records.
        grid: A grid whose cells differ in their iterations.

    Returns:
        A figure two columns wide.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    found = _grid_runs(study, grid)
    arms = {arm: colour for arm, colour in arm_colours(study.plan).items() if arm in set(found["arm"])}
    figure = Figure(figsize=(DOUBLE, 2.4), layout="constrained")
    for axes, (metric, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for k, (arm, colour) in enumerate(arms.items()):
            own = found.loc[found["arm"] == arm, ["iterations", metric]]
            _line(axes, own, colour, arm_name(arm), above=len(arms) - 1 - k, shift=5 * (k - (len(arms) - 1) / 2))
        axes.set_title(title)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sorted(found["iterations"].unique())))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.margins(x=0.08)
        axes.grid(axis="y")
    figure.supxlabel("iterations per task")
    figure.axes[0].set_ylabel(f"test accuracy on {data_name(study.plan)} (%)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if (found.groupby(["arm", "iterations"]).size() > 1).any():
        handles += [Patch(color=INK, alpha=0.15, linewidth=0), Line2D([], [], **DOTS, color=INK)]
        labels += ["95 % confidence interval", "single seeds"]
    key(figure, handles, labels)
    return figure


def _grid_runs(study: Study, grid: str) -> pd.DataFrame:
    parts = []
    for row in study.plan.grid(grid):
        if row.baseline is not None:
            study.pair(row.cell, row.baseline)  # only comparable runs share a panel
        cell = study.cell(row.cell)
        parts.append(study.cell_runs(cell.name).assign(arm=cell.arm, iterations=cell.setting("training.iterations")))
    return pd.concat(parts)


def _line(axes: Axes, own: pd.DataFrame, colour: str, name: str, *, above: int, shift: float) -> None:
    """Plot one arm so that it shows even where arms coincide.

    Its dots are shifted sideways, in points; its line is the wider the more arms are drawn above it.
    """
    x, y = own.to_numpy().T
    dots(axes, x, y, colour, aside=shift)
    estimates = {iterations: estimate(y[x == iterations]) for iterations in sorted(set(x))}
    axes.fill_between(
        list(estimates),
        [mean.low for mean in estimates.values()],
        [mean.high for mean in estimates.values()],
        color=colour,
        alpha=0.15,
        linewidth=0,
    )
    axes.plot(
        list(estimates),
        [mean.mean for mean in estimates.values()],
        "o-",
        color=colour,
        linewidth=1.2 + 1.1 * above,
        markersize=2.8 + 1.7 * above,
        label=name,
    )
