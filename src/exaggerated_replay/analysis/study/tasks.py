"""Runs task by task: accuracy on every task after every task, and what each cell had reached when a task ended."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.study.scores import PLACES, accuracy_matrix, by_task, so_far
from exaggerated_replay.analysis.study.study import Study, open_study
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.store.records import Record


def read_tasks(folder: Path | str) -> pd.DataFrame:
    """Return the runs of a study task by task, for a notebook: `read_tasks("results/default")`.

    Returns:
        One row per cell, seed, task learned and task tested; see `tasks_table`.

    Raises:
        UserError: There is no such study, or a record is missing.
    """
    return tasks_table(open_study(Path(folder)))


def tasks_table(study: Study) -> pd.DataFrame:
    """Return cell, seed, after_task, on_task, accuracy (percent) and tested (samples) of runs that did not diverge."""
    rows = []
    for cell, seed, record in _finished(study):
        counts, sizes = record.scored
        matrix, tested = accuracy_matrix(counts, sizes), by_task(np.array(counts["tested"]), sizes)
        for after, on in zip(*np.tril_indices(len(sizes)), strict=True):
            rows.append((cell, seed, after + 1, on + 1, matrix[after, on], tested[on]))
    return pd.DataFrame(rows, columns=["cell", "seed", "after_task", "on_task", "accuracy", "tested"])


def learning_table(study: Study) -> pd.DataFrame:
    """Return what every cell had reached after every task: means over those seeds whose runs did not diverge.

    Returns:
        cell, after_task, classes (seen so far; the mean over seeds, which may divide them otherwise), seeds; accuracy
        and sd, on the classes seen so far; on_new_task; intransigence: how much better the reference that may look at
        all data so far does on the new task, over their common seeds (Chaudhry et al., 2018), blank without one.
        Below zero it is a transfer forward.
    """
    rows = []
    for cell, seed, record in _finished(study):
        counts, sizes = record.scored
        matrix = accuracy_matrix(counts, sizes)
        for task, accuracy in enumerate(so_far(counts, sizes), start=1):
            rows.append((cell, task, seed, sum(sizes[:task]), accuracy, matrix[task - 1, task - 1]))
    names = ["cell", "after_task", "seed", "classes", "accuracy", "on_new_task"]
    runs = pd.DataFrame(rows, columns=names)
    new = {(cell, task, seed): found for cell, task, seed, *_, found in rows}
    references = {cell: reference_of(study.plan, cell) or "" for cell in study.plan.cells}
    runs["intransigence"] = [
        new.get((references[cell], task, seed), np.nan) - found for (cell, task, seed), found in new.items()
    ]
    groups = runs.groupby(["cell", "after_task"], sort=False)
    table = groups[[*names[3:], "intransigence"]].mean().assign(seeds=groups.size(), sd=groups["accuracy"].std())
    columns = ["classes", "seeds", "accuracy", "sd", "on_new_task", "intransigence"]
    return table[columns].round(PLACES).reset_index()


def reference_of(plan: StudyPlan, cell: str) -> str | None:
    """Return the cell of a plan that trains jointly under a cell's settings but for its method; None without one."""
    wanted = plan.cells[cell].without("method")
    known = plan.every("method.method") & {*method_names()}
    joint = {name for name in known if settings_of(name).draws_from == "tasks so far"}
    return next(
        (
            name
            for name, other in plan.cells.items()
            if other.setting("method.method") in joint and other.without("method") == wanted
        ),
        None,
    )


def _finished(study: Study) -> Iterator[tuple[str, int, Record]]:
    """Return cell, seed and record of every run that did not diverge."""
    for name, cell in study.plan.cells.items():
        for run in cell.runs:
            if study.records[run.name].counts:
                yield name, run.seed, study.records[run.name]
