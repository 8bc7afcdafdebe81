"""Differences from the baseline, row by row of a comparison (Table 1 as a figure)."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from exaggerated_replay.analysis.questions.comparison import comparison, row_labels
from exaggerated_replay.analysis.questions.layout import has_published
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import (
    DOTS,
    DOUBLE,
    INK,
    PANELS,
    arm_colours,
    arm_name,
    cell_name,
    data_name,
    dots,
    house_style,
    key,
    setting_name,
)

MEAN: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4.5}
PAPER: dict[str, Any] = {"marker": "D", "linestyle": "", "markersize": 4.5, "color": INK, "markerfacecolor": "none"}


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw a grid's paired differences: mean, 95 % interval, single seeds and the paper's value, if any.

    Args:
        study: Plan and records.
        grid: A grid with at least one cell that has a baseline.

    Returns:
        A figure two columns wide; all panels share one axis, in percentage points.

    Raises:
        UserError: If the grid cannot be compared.
    """
    table = comparison(study, grid)
    compared = table[table["baseline"].notna()]
    labels = [_label(row) for _, row in _apart(row_labels(table).loc[compared.index]).iterrows()]
    colours = arm_colours(study.plan)
    figure = Figure(figsize=(DOUBLE, 1.0 + 0.22 * len(compared)), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
        axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
        for y, (_, row) in enumerate(compared.iterrows()):
            treated, base = study.pair(row["cell"], row["baseline"])
            _row(axes, y, row, metric, treated[metric] - base[metric], colours[row["arm"]])
        axes.set_title(title)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.35, -0.6)
    baselines = compared["baseline"].unique()
    baseline = cell_name(study.plan, baselines[0]) if len(baselines) == 1 else "its baseline"
    figure.supxlabel(f"difference from {baseline} on {data_name(study.plan)} (percentage points)")
    _key(figure, compared)
    return figure


def _apart(labels: pd.DataFrame) -> pd.DataFrame:
    """Leave out the settings that all rows share: a figure has no room for what tells nothing apart."""
    telling = [column for column in labels if column in ("arm", "cell") or labels[column].nunique() > 1]
    return labels[telling] if telling else labels


def _label(row: pd.Series) -> str:
    """Name a row by its arm and what the grid set: RR+RA, f = 20."""
    return ", ".join(
        arm_name(value) if key in ("arm", "cell") else setting_name(str(key), value)
        for key, value in row.items()
        if value
    )


def _row(axes: Axes, y: int, row: pd.Series, metric: str, seeds: pd.Series, colour: str) -> None:
    mean, low, high = (row[f"{metric}_{name}"] for name in ("difference", "low", "high"))
    axes.plot([low, high], [y, y], "-", color=colour)
    axes.plot(mean, y, **MEAN, color=colour)
    if len(seeds) > 1:  # just below their mean, where the interval does not hide them
        dots(axes, seeds, [y] * len(seeds), colour, down=5)
    axes.plot(row[f"{metric}_published_absolute"], y, **PAPER, zorder=3)


def _key(figure: Figure, compared: pd.DataFrame) -> None:
    entries = {"mean, 95 % confidence interval": {**MEAN, "linestyle": "-"}, "single seeds": DOTS}
    if (compared["seeds"] == 1).all():
        entries = {"single seed, no interval": MEAN}
    if has_published(compared):
        entries["paper (CIFAR-100)"] = PAPER
    key(figure, [Line2D([], [], **({"color": INK} | look)) for look in entries.values()], list(entries))
