"""Accuracy on every task after every task: how each arm forgets, and what the treatment changes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.scores import accuracy_matrix
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.naming import cell_name
from exaggerated_replay.figures.sheet import below, panels
from exaggerated_replay.store.records import Record

MOST = 8
"""Cells shown: more lines cannot be told apart."""
ABREAST = 4
"""Heat maps side by side."""
NUMBERED = 10
"""Tasks up to which there is room for a number in every field of a heat map, and at every field of its axes."""
DARK = 0.65
"""Share of its scale from which a heat map is dark enough for white figures."""
LEAST = 2.0
"""Points at which the scale of differences ends at least: less would make chance look like an effect."""


def of_study(study: Study) -> Figure:
    """Draw what `arms_shown` chooses of a study."""
    return draw({cell_name(study.plan, cell): runs for cell, runs in arms_shown(study).items()})


def arms_shown(study: Study) -> dict[str, list[Record]]:
    """Choose the cells whose forgetting is shown, and return their records; runs that diverged are left out.

    In a study of exaggeration these are baseline and treatment. In any other they are the methods: of every arm the
    first cell, baseline and treatment before the rest in the order of the grids; or the cells where all are of one
    arm. So, too, where neither baseline nor treatment reached its end. No more than `MOST`.
    """
    plan = study.plan
    pair = (plan.study.baseline, plan.study.treatment)
    records = {
        cell: study.ended(cell)
        for cell in dict.fromkeys([*pair, *(r.cell for r in plan.rows), *plan.cells])
        if cell in plan.cells
    }
    known = {cell: runs for cell, runs in records.items() if runs}
    if exaggerates(plan) and any(arm in known for arm in pair):
        return {arm: known[arm] for arm in pair if arm in known}
    first: dict[str, str] = {}
    for cell in known:
        first.setdefault(plan.cells[cell].arm, cell)
    chosen = [*first.values()] if len(first) > 1 else [*known]
    return {cell: known[cell] for cell in chosen[:MOST]}


@house_style()
def draw(records: Mapping[str, Sequence[Record]]) -> Figure:
    """Draw one heat map per arm: accuracy on task j's test images after task i, mean over seeds.

    Args:
        records: Name -> the records of its runs, one per seed; a panel each, usually baseline and treatment.

    Returns:
        A figure two columns wide; all panels share one colour scale, 0 to 100 %. Of two arms that learn
        as many tasks, a third panel shows the second minus the first, in points. Of more than `NUMBERED` tasks, colour
        bars stand in the place of numbers.

    Raises:
        UserError: If a panel has no record, or its runs differ in their number of tasks.
    """
    means = {heading: _mean(heading, runs) for heading, runs in records.items()}
    pair = [means.values()] if len(means) == 2 else []
    difference = [last - first for first, last in pair if last.shape == first.shape]
    widths = [1.0] * len(means) + [1.4] * len(difference)  # signs and decimals need room
    rows = -(-len(widths) // ABREAST)
    columns = -(-len(widths) // rows)
    height = 0.8 + 0.2 * min(max(map(len, means.values())), NUMBERED)
    figure, axes_of_maps = panels(rows * height, columns, rows, widths=widths if rows == 1 else None)
    maps, unused = axes_of_maps.flat[: len(widths)], axes_of_maps.flat[len(widths) :]
    for axes in unused:
        axes.set_axis_off()
    for axes, (heading, mean) in zip(maps, means.items(), strict=False):
        _heat_map(figure, axes, mean, heading, (0, 100), "Blues", "{:.0f}")
    for change in difference:
        end = max(LEAST, np.nanmax(np.abs(change)))
        _heat_map(figure, maps[-1], change, "difference (percentage points)", (-end, end), "PuOr_r", "{:+z.1f}")
    for axes in axes_of_maps[:, 0]:
        axes.set_ylabel("after task")
    below(figure, "accuracy (%) on the test images of task")
    return figure


def _heat_map(
    figure: Figure,
    axes: Axes,
    values: np.ndarray,
    title: str,
    limits: tuple[float, float],
    colours: str,
    form: str,
) -> None:
    tasks, (low, high) = len(values), limits
    image = axes.imshow(values, vmin=low, vmax=high, cmap=colours, aspect="auto")
    middle = 0 if low == 0 else (low + high) / 2
    if tasks > NUMBERED:
        figure.colorbar(image, ax=axes)
    else:
        for i, j in zip(*(indices.tolist() for indices in np.tril_indices(tasks)), strict=True):
            dark = abs(values[i, j] - middle) > DARK * (high - middle)
            said = form.format(values[i, j]).replace("-", "\N{MINUS SIGN}").replace("+0.0", "0")
            axes.text(j, i, said, ha="center", va="center_baseline", color="white" if dark else "black", fontsize=7)
    places = range(0, tasks, math.ceil(tasks / NUMBERED))
    axes.set_xticks(places, [str(place + 1) for place in places])
    axes.set_yticks(places, [str(place + 1) for place in places])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)


def _mean(heading: str, runs: Sequence[Record]) -> np.ndarray:
    matrices = [accuracy_matrix(*run.scored) for run in runs]
    if len({matrix.shape for matrix in matrices}) != 1:
        raise UserError(f"'{heading}' needs at least one run, and all its runs the same number of tasks")
    return np.mean(matrices, axis=0)
