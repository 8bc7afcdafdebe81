"""The runs of a study as one table, a row per cell and seed, and the tables of its folder as they are read again."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from exaggerated_replay.analysis.study.scores import PLACES, blank_scores, instruments, scores
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.store.records import Record
from exaggerated_replay.wording import significant

SETTINGS = {
    "iterations": "training.iterations",
    "f": "method.f",
    "lambda_rr": "method.lambda_rr",
    "lambda_ra": "method.lambda_ra",
}
"""Settings that every table of runs has: column -> dotted key. Those that a grid varies come under their dotted key."""
MEASURED = ("reconstruction", "dropped")
"""Columns that are no accuracies."""


def runs_table(plan: StudyPlan, records: Mapping[str, Record]) -> pd.DataFrame:
    """Return the tidy table of all runs, one row per cell and seed.

    Args:
        plan: The plan.
        records: Run -> record.

    Returns:
        digest, cell, arm, seed; status ("finished", or "diverged in task 3"); iterations, f, lambda_rr, lambda_ra,
        and every other setting that a grid varies, under its dotted key; first20, first50, overall, macro_precision,
        forgetting, average_incremental, backward_transfer, new_tasks, task1 ... taskT (percent; blank where the run
        diverged); reconstruction, dropped (see `instruments`); device, torch.
    """
    columns = SETTINGS | {key: key for key in plan.varied if key not in SETTINGS.values()}
    rows = []
    for cell in plan.cells.values():
        chosen = {column: cell.setting(key) for column, key in columns.items()}
        for run in cell.runs:
            record = records[run.name]
            rows.append(
                {
                    "digest": run.digest,
                    "cell": cell.name,
                    "arm": cell.arm,
                    "seed": run.seed,
                    "status": record.status,
                    **chosen,
                    **(scores(*record.scored) if record.counts else blank_scores(record.task_sizes)),
                    **instruments(record.instruments),
                    "device": record.device,
                    "torch": record.torch,
                }
            )
    # Left to itself, a column of settings would turn whole numbers into fractions wherever a cell has none.
    whole = {column: pd.Series([row[column] for row in rows], dtype=object) for column in columns}
    return pd.DataFrame(rows).assign(**whole)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of a study's folder; a cell may be called "null" or 1, a grid "2024"."""
    names = dict.fromkeys(("grid", "family", "cell", "arm", "baseline", "rival", "other"), str)
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)


def runs_csv(runs: pd.DataFrame) -> str:
    """Return the table as text, each number with the digits it has: accuracies two decimals, others four figures."""
    numbers = runs.select_dtypes("float").columns
    accuracies = [column for column in numbers if column not in MEASURED]
    rounded = {column: runs[column].map(significant) for column in numbers if column in MEASURED}
    return as_csv(runs.round(dict.fromkeys(accuracies, PLACES)).assign(**rounded))


def as_csv(table: pd.DataFrame) -> str:
    """Return a table as text, the same on every system."""
    return table.to_csv(index=False, lineterminator="\n")


def measured_csv(table: pd.DataFrame) -> str:
    """Return what runs measured as text, with the digits that every processor agrees on."""
    return _rounded_csv(table, significant)


def computed_csv(table: pd.DataFrame) -> str:
    """Return what was computed from counts as text: with more digits than anything shows, or it would round twice."""
    return _rounded_csv(table, partial(significant, digits=8))


def _rounded_csv(table: pd.DataFrame, rounded: Callable[[float], float]) -> str:
    numbers = table.select_dtypes("float").columns
    return as_csv(table.assign(**{column: table[column].map(rounded) for column in numbers}))
