"""Accuracy on every task after every task: how each arm forgets."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.scores import accuracy_matrix
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.style import DOUBLE, arm_name, house_style
from exaggerated_replay.store.records import Record

DARK = 65
"""Percent from which the heat map is dark enough for white figures."""


def of_study(study: Study) -> Figure:
    """Draw baseline and treatment of a study, or all its cells where neither reached its end."""
    return draw(arms_shown(study))


def arms_shown(study: Study) -> dict[str, list[Record]]:
    """Return the records of baseline and treatment, or of all cells where neither has any; gaps left out."""
    records = {cell: study.ended(cell) for cell in study.plan.cells}
    known = {cell: runs for cell, runs in records.items() if runs}
    arms = (study.plan.study.baseline, study.plan.study.treatment)
    return {arm: known[arm] for arm in arms if arm in known} or known


@house_style()
def draw(records: Mapping[str, Sequence[Record]]) -> Figure:
    """Draw one heat map per arm: accuracy on task j's test images after task i, mean over seeds.

    Args:
        records: Arm -> the records of its runs, one per seed; a panel each, usually baseline and treatment.

    Returns:
        A figure two columns wide; all panels share one colour scale, 0 to 100 %.

    Raises:
        UserError: If a panel has no record, or its runs differ in their number of tasks.
    """
    means = {heading: _mean(heading, runs) for heading, runs in records.items()}
    most = max(map(len, means.values()))
    figure = Figure(figsize=(DOUBLE, 0.8 + 0.25 * most), layout="constrained")
    panels = figure.subplots(1, len(means), squeeze=False)[0]
    for axes, (heading, mean) in zip(panels, means.items(), strict=True):
        tasks = len(mean)
        image = axes.imshow(mean, vmin=0, vmax=100, cmap="Blues", aspect="auto")
        for i, j in zip(*np.tril_indices(tasks), strict=True):
            axes.text(
                j,
                i,
                f"{mean[i, j]:.0f}",
                ha="center",
                va="center_baseline",
                color="white" if mean[i, j] > DARK else "black",
            )
        axes.set_xticks(range(tasks), range(1, tasks + 1))
        axes.set_yticks(range(tasks), range(1, tasks + 1))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(arm_name(heading))
        axes.set_xlabel("test images of task")
    panels[0].set_ylabel("after task")
    figure.colorbar(image, ax=panels, label="accuracy (%)", aspect=30, pad=0.02).outline.set_visible(False)
    return figure


def _mean(heading: str, runs: Sequence[Record]) -> np.ndarray:
    matrices = [accuracy_matrix(*run.scored) for run in runs]
    if len({matrix.shape for matrix in matrices}) != 1:
        raise UserError(f"'{heading}' needs at least one run, and all its runs the same number of tasks")
    return np.mean(matrices, axis=0)
