"""What `dvc plots` draws of the cell in focus. The columns do not depend on the cell, so that variants line up."""

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS, PLACES, accuracy_matrix, so_far
from exaggerated_replay.analysis.study.study import Study


def plot_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables behind the plots, percent, means over those seeds whose runs did not diverge.

    Args:
        study: Its plan says which cell is in focus.

    Returns:
        task_accuracy: task, accuracy: of the final model on each task's test images.
        learning: after_task, accuracy: on the classes seen so far, after each task.
        accuracy_matrix: after_task, on_task, accuracy: on each task's test images after each task.
        convergence: iterations, first20, first50, overall: of the cells that differ in nothing but these.
    """
    focus = study.plan.cells[study.plan.focus]
    scored = [record.scored for record in study.ended(focus.name)]
    if scored:
        matrix, learning = (np.mean([of(*run) for run in scored], axis=0) for of in (accuracy_matrix, so_far))
    else:
        matrix, learning = np.empty((0, 0)), np.empty(0)
    tasks = len(matrix)
    after, on = np.tril_indices(tasks)
    length = "training.iterations"
    same_arm = [cell for cell in study.plan.cells.values() if cell.arm == focus.arm]
    alike = [cell.name for cell in same_arm if cell.without(length) == focus.without(length)]
    lengths = study.runs[study.runs["cell"].isin(alike)]
    tables = {
        "task_accuracy": pd.DataFrame({"task": range(1, tasks + 1), "accuracy": matrix[-1:].ravel()}),
        "learning": pd.DataFrame({"after_task": range(1, tasks + 1), "accuracy": learning}),
        "accuracy_matrix": pd.DataFrame({"after_task": after + 1, "on_task": on + 1, "accuracy": matrix[after, on]}),
        "convergence": lengths.groupby("iterations", as_index=False)[[*METRICS]].mean(),
    }
    return {name: table.round(PLACES) for name, table in tables.items()}
