"""Paired differences, row by row of a comparison (Table 1 as a figure)."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from exaggerated_replay.analysis.questions.comparison import comparison, over_f
from exaggerated_replay.analysis.questions.layout import has_published
from exaggerated_replay.analysis.study.paper import VALUES
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import TITLES, span
from exaggerated_replay.figures.colours import INK, cell_colours
from exaggerated_replay.figures.look import asked, house_style
from exaggerated_replay.figures.marks import ALL_ZERO, DOTS, WITHIN, dots, shade_margin
from exaggerated_replay.figures.naming import arm_name, cell_name, data_name, row_names
from exaggerated_replay.figures.sheet import below, key, panels

MEAN: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 3}
INTERVAL: dict[str, Any] = {
    "marker": "|",
    "linestyle": "-",
    "linewidth": 1.1,
    "markersize": 6.5,
    "markeredgewidth": 1.1,
}
"""Its ends stand above and below the mean's dot, so that it shows however narrow it is."""
PAPER: dict[str, Any] = {"marker": "D", "linestyle": "", "markersize": 4.5, "color": INK, "markerfacecolor": "none"}
SIZE = {"model.units": "units", "training.iterations": "iterations"}
AT_PAPERS_SIZE = f"paper ({', '.join(f'{VALUES[key]:,} {name}' for key, name in SIZE.items())})"
NARROW = 26
"""Letters of a name on a line, where panels are stacked."""


def draw(study: Study, grid: str) -> Figure:
    """Draw a grid's paired differences: mean, 95 % interval, single seeds and the paper's value, if any.

    Args:
        study: Plan and records.
        grid: A grid with at least one cell that has a baseline.

    Returns:
        A figure two columns wide; all panels share one axis, in percentage points, with the margin of what is
        negligible shaded.

    Raises:
        UserError: If the grid cannot be compared.
    """
    return draw_rows(study, *compared(study, grid))


def compared(study: Study, grid: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a grid that are compared with something, as `comparison` has them, and their names."""
    table = comparison(study, grid)
    there = table["baseline"].notna()
    rows = [row for row, shown in zip(study.plan.grids[grid], there, strict=True) if shown]
    return table[there].reset_index(drop=True), row_names(study.plan, rows)


@house_style()
def draw_rows(study: Study, table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw rows of a comparison under their names, as `draw` does."""
    colours = cell_colours(study.plan)
    shown = [fill(name, NARROW) for name in names] if asked().stacked else names
    pitch = max(0.22, 0.11 * max(name.count("\n") + 1 for name in shown))
    figure, ((*axes_of_metrics,),) = panels(1.05 + pitch * len(names), len(TITLES), sharex=True, sharey=True)
    for axes, (metric, title) in zip(axes_of_metrics, TITLES.items(), strict=True):
        shade_margin(axes, study.plan.rules.margins.of(metric), upright=True)
        for y, (_, row) in enumerate(table.iterrows()):
            treated, base = study.pair(row["cell"], row["baseline"])
            _row(axes, y, row, metric, treated[metric] - base[metric], colours[row["cell"]])
        axes.set_title(title)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_yticks(range(len(names)), shown)
    axes_of_metrics[0].locator_params(axis="x", min_n_ticks=3)
    axes_of_metrics[0].set_ylim(len(names) - 0.35, -0.6)
    about = f"{_subject(study, table)} from {_baseline(study, table)} ({data_name(study.plan)}; percentage points)"
    columns = [f"{metric}_{name}" for metric in METRICS for name in ("difference", "low", "high")]
    below(figure, f"{about}\n{ALL_ZERO}" if table[columns].fillna(0).eq(0).to_numpy().all() else about)
    _key(study, figure, table)
    return figure


def _subject(study: Study, table: pd.DataFrame) -> str:
    """Say whose difference the rows show, where their names do not: that of one arm over f."""
    return f"difference of {arm_name(study.plan, table['arm'].iloc[0])}" if over_f(table) else "difference"


def _baseline(study: Study, table: pd.DataFrame) -> str:
    """Name what the rows are compared with."""
    cells = table["baseline"].unique()
    if len(cells) == 1:
        return cell_name(study.plan, cells[0])
    arms = {study.cell(cell).arm for cell in cells}
    return f"{arm_name(study.plan, *arms)} with the same settings" if len(arms) == 1 else "each row's baseline"


def _row(axes: Axes, y: int, row: pd.Series, metric: str, seeds: pd.Series, colour: str) -> None:
    mean, low, high = (row[f"{metric}_{name}"] for name in ("difference", "low", "high"))
    axes.plot([low, high], [y, y], **INTERVAL, color=colour)
    axes.plot(mean, y, **MEAN, color=colour)
    if len(seeds) > 1:  # just below their mean, where the interval does not hide them
        dots(axes, seeds, [y] * len(seeds), colour, down=5.5)
    axes.plot(row.get(f"{metric}_published_absolute", np.nan), y, **PAPER, zorder=1.5)


def _here(study: Study, table: pd.DataFrame) -> str:
    """Say what size the rows have that stand beside a value of the paper's, where it is the same for all of them."""
    beside = table.loc[table["first20_published_absolute"].notna(), "cell"]
    sizes = {", ".join(f"{study.cell(cell).setting(key):,} {name}" for key, name in SIZE.items()) for cell in beside}
    return f" here ({sizes.pop()})" if len(sizes) == 1 else ""


def _key(study: Study, figure: Figure, table: pd.DataFrame) -> None:
    here = _here(study, table) if has_published(table) else ""
    mean = f"mean{here}, 95 % confidence interval, {span(table['seeds'], 'seed')}"
    looks = {mean: {**INTERVAL, "marker": "o", "markersize": 3}, "single seeds": DOTS}
    if (table["seeds"] == 1).all():
        looks = {"single seed, no interval": MEAN}
    if has_published(table):
        looks[AT_PAPERS_SIZE] = PAPER
    entries: dict[str, Artist] = {name: Line2D([], [], **({"color": INK} | look)) for name, look in looks.items()}
    entries["negligible differences"] = Patch(**WITHIN)
    key(figure, [*entries.values()], [*entries])
