"""Every reading of the paper, sorted by its effect, with its switches below (specification curve)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import in_words, written
from exaggerated_replay.figures.style import (
    BASELINE,
    DOUBLE,
    INK,
    MUTED,
    PANELS,
    TREATMENT,
    data_name,
    house_style,
    key,
    plain,
)
from exaggerated_replay.planning.study_plan import varied

METRIC = "first20"
ROW, TOP = 0.14, 1.9
"""Heights of a switch's row and of the curve, in inches."""


@house_style()
def draw(study: Study, grid: str, metric: str = METRIC) -> Figure:
    """Draw the paired difference of every cell of a grid, smallest first, and which settings made it.

    Args:
        study: Plan and records.
        grid: A grid whose cells differ in their settings; any number of axes.
        metric: first20, first50 or overall.

    Returns:
        A figure two columns wide: means with 95 % intervals (Student's t), dots for single seeds; below, a mark for
        the value that every setting has in the cell above.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(study, grid)
    cells = found.groupby("cell")[metric].mean().sort_values(kind="stable").index
    rows = switches(study, grid, list(cells))
    figure = Figure(figsize=(DOUBLE, TOP + ROW * len(rows) + 0.3), layout="constrained")
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[TOP, ROW * len(rows)])
    top.axhline(0, color=INK, linewidth=0.8, zorder=1)
    for x, cell in enumerate(cells):
        seeds = found.loc[found["cell"] == cell, metric]
        mean = estimate(seeds)
        colour = BASELINE if not mean.excludes_zero else TREATMENT
        top.plot([x] * len(seeds), seeds, "o", markersize=1.8, markeredgewidth=0, alpha=0.35, color=colour)
        top.plot([x, x], [mean.low, mean.high], "-", color=colour, linewidth=0.9)
        top.plot(x, mean.mean, "o", color=colour, markersize=3.2)
    top.set_ylabel(f"difference on {data_name(study.plan)} (points)")
    top.set_title(f"{PANELS[metric]}: {len(cells)} specifications, by their effect")
    top.grid(axis="y")
    _matrix(below, rows, len(cells))
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=3.2, linewidth=0.9) for colour in (BASELINE, TREATMENT)
    ]
    key(figure, handles, ["95 % interval includes zero", "95 % interval excludes zero"])
    return figure


def switches(study: Study, grid: str, cells: list[str]) -> dict[tuple[str, str], list[bool]]:
    """Return for every setting that tells the cells apart, and each of its values, which cells have it.

    Returns:
        (setting, value) -> one flag per cell; settings by the last part of their key.
    """
    shown = [study.cell(cell) for cell in cells]
    values = {"arm": [cell.arm for cell in shown]} | {
        key.rpartition(".")[2]: [written(cell.setting(key)) for cell in shown] for key in varied(study.plan.grids[grid])
    }
    return {
        (name, value): [one == value for one in chosen]
        for name, chosen in values.items()
        if len(set(chosen)) > 1
        for value in dict.fromkeys(chosen)
        if value  # the baseline has no repulsion factor, say
    }


def _matrix(axes: Axes, rows: Mapping[tuple[str, str], list[bool]], cells: int) -> None:
    names = [name for name, _ in rows]
    for y, flags in enumerate(rows.values()):
        chosen = np.flatnonzero(flags)
        axes.plot(np.arange(cells), [y] * cells, "s", color=MUTED, markersize=1.2, markeredgewidth=0)
        axes.plot(chosen, [y] * len(chosen), "s", color=INK, markersize=3, markeredgewidth=0)
        if y and names[y] != names[y - 1]:
            axes.axhline(y - 0.5, color=MUTED, linewidth=0.5)
    axes.set_yticks(range(len(rows)), [plain(in_words(f"{name}: {value}")) for name, value in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-0.8, cells - 0.2)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
