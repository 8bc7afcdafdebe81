"""What `dvc plots` draws of the cell in focus. The columns do not depend on the cell, so that variants line up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.scores import accuracy_matrix, cell_records
from exaggerated_replay.files import replacing

DIGITS = 2


def write_plots(plan: Mapping[str, Any], runs: pd.DataFrame, targets: list[Path]) -> None:
    """Write each table under the name that its file's name is.

    Args:
        plan: results/plan.json.
        runs: The runs table.
        targets: `task_accuracy.csv`, `learning.csv`, `accuracy_matrix.csv`, `convergence.csv`, anywhere.
    """
    tables = plot_tables(plan, cell_records(plan["cells"][plan["focus"]]), runs)
    for target in targets:
        with replacing(target) as temporary:
            tables[target.stem].to_csv(temporary, index=False, lineterminator="\n")


def plot_tables(plan: Mapping[str, Any], records: list[dict[str, Any]], runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the tables behind the plots, percent, means over seeds.

    Args:
        plan: results/plan.json.
        records: Of the runs of the cell in focus.
        runs: The runs table.

    Returns:
        task_accuracy: task, accuracy: of the final model on each task's test images.
        learning: after_task, accuracy: on the classes seen so far, after each task.
        accuracy_matrix: after_task, on_task, accuracy: on each task's test images after each task.
        convergence: iterations, first20, first50, overall: of the cells of the same arm.
    """
    cell = plan["cells"][plan["focus"]]
    tasks = plan["dataset"]["tasks"]
    counts = [record["counts"] for record in records]
    matrix = np.mean([accuracy_matrix(count, tasks) for count in counts], axis=0)
    tested = np.mean([np.reshape(count["tested"], (tasks, -1)).sum(1) for count in counts], axis=0)
    after, on = np.tril_indices(tasks)
    learning = [np.average(matrix[t, : t + 1], weights=tested[: t + 1]) for t in range(tasks)]
    same_arm = runs[runs["arm"] == cell["arm"]]
    return {
        "task_accuracy": pd.DataFrame({"task": range(1, tasks + 1), "accuracy": matrix[-1]}).round(DIGITS),
        "learning": pd.DataFrame({"after_task": range(1, tasks + 1), "accuracy": learning}).round(DIGITS),
        "accuracy_matrix": pd.DataFrame(
            {"after_task": after + 1, "on_task": on + 1, "accuracy": matrix[after, on]}
        ).round(DIGITS),
        "convergence": same_arm.groupby("iterations", as_index=False)[["first20", "first50", "overall"]]
        .mean()
        .round(DIGITS),
    }
