"""A study with the records of its runs, as one table: one row per cell and seed."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.study.scores import PLACES, blank_scores, instruments, scores, significant, task_sizes
from exaggerated_replay.analysis.study.written_plan import whole
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, RECORDS
from exaggerated_replay.store.keeping import sealed_records
from exaggerated_replay.store.lines import read_records
from exaggerated_replay.store.records import RECORD, is_sealed

FINISHED = "finished"
SETTINGS = {
    "iterations": "training.iterations",
    "f": "method.f",
    "lambda_rr": "method.lambda_rr",
    "lambda_ra": "method.lambda_ra",
}
"""Settings that every table of runs has: column -> dotted key. Those that a grid varies come under their dotted key."""
MEASURED = ("reconstruction", "dropped")
"""Columns that are no accuracies."""


@dataclass(frozen=True)
class Study:
    """A plan and the records of its runs.

    Attributes:
        plan: As the workflow wrote it.
        records: Run -> record.
    """

    plan: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """One row per cell and seed; see `runs_table`."""
        return runs_table(self.plan, self.records)

    def cell_records(self, cell: str) -> list[Mapping[str, Any]]:
        """Return the records of a cell's runs that did not diverge, one per seed."""
        found = [self.records[run_of(run)] for run in self.plan["cells"][cell]["runs"]]
        return [record for record in found if record["counts"]]


def run_of(planned: Mapping[str, Any]) -> str:
    """Return the name of a run as a cell of the plan lists it."""
    return Path(planned["directory"]).name


def load_study(plan: Mapping[str, Any], runs: Path, kept: Path | None = None) -> Study:
    """Read the record of every run of a plan.

    Args:
        plan: As the workflow wrote it.
        runs: The folder of run directories.
        kept: A study's file of records, for runs that are not there.

    Raises:
        UserError: A record is in neither of them, or broken.
    """
    found = _found(plan, runs, kept)
    for run in sorted(plan["runs"].keys() - found.keys()):
        raise UserError(f"{runs / run / RECORD} is missing: run the workflow to make it")
    return Study(plan, found)


def finished_so_far(plan: Mapping[str, Any], runs: Path, kept: Path | None = None, store: Path | None = None) -> Study:
    """Read the records that are there, and leave the runs out that are not: of a study that is still at work.

    Args:
        plan: As the workflow wrote it.
        runs: The folder of run directories.
        kept: A study's file of records, for runs that are not there.
        store: Where every finished run is kept, for those that are in neither.
    """
    found = _found(plan, runs, kept)
    if store:
        found = dict(sorted((found | sealed_records(store, plan["runs"].keys() - found.keys())).items()))
    cells = {
        name: {**cell, "runs": [run for run in cell["runs"] if run_of(run) in found]}
        for name, cell in plan["cells"].items()
    }
    return Study({**plan, "cells": cells}, found)


def open_study(folder: Path) -> Study:
    """Read a study from its folder alone, for example `results/default`.

    Raises:
        UserError: There is no such study, or a record is missing.
    """
    if not (folder / PLAN).is_file():
        others = sorted(path.parent.name for path in folder.parent.glob(f"*/{PLAN}"))
        hint = f"choose one of {', '.join(others)}" if others else "run the workflow to make one"
        raise UserError(f"{folder} is not the folder of a study: {hint}")
    records = read_records(folder / RECORDS)
    plan = whole(read_json(folder / PLAN), records, folder)
    return Study(plan, {run: records[run] for run in sorted(plan["runs"])})


def read_study(folder: Path | str) -> pd.DataFrame:
    """Return the runs of a study, for a notebook: `read_study("results/default")`.

    Returns:
        One row per cell and seed; see `runs_table`.

    Raises:
        UserError: There is no such study, or a record is missing.
    """
    return open_study(Path(folder)).runs


def _found(plan: Mapping[str, Any], runs: Path, kept: Path | None) -> dict[str, Any]:
    """Return the records that there are; the file of records is read only where one is not among the runs."""
    here = [run for run in sorted(plan["runs"]) if (runs / run / RECORD).is_file()]
    more = read_records(kept) if kept and kept.is_file() and len(here) < len(plan["runs"]) else {}
    found = {run: more[run] for run in plan["runs"] if run in more} | {run: _read(runs / run / RECORD) for run in here}
    return dict(sorted(found.items()))


def _read(path: Path) -> Any:
    record = read_json(path)
    if not is_sealed(record):
        raise UserError(f"{path} is not as its run wrote it: bring it back with git or dvc, or run the workflow again")
    return record


def runs_table(plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the tidy table of all runs, one row per cell and seed.

    Args:
        plan: As `plan.json` holds it.
        records: Run -> record.

    Returns:
        digest, cell, arm, seed; status ("finished", or "diverged in task 3"); iterations, f, lambda_rr, lambda_ra,
        and every other setting that a grid varies, under its dotted key; first20, first50, overall, macro_precision,
        forgetting, average_incremental, backward_transfer, new_tasks, task1 ... taskT (percent; blank where the run
        diverged); reconstruction, dropped (see `instruments`); device, torch.
    """
    varied = {key: key for key in varied_settings(plan) if key not in SETTINGS.values()}
    rows = []
    for name, cell in plan["cells"].items():
        chosen = {column: setting(cell["config"], key) for column, key in (SETTINGS | varied).items()}
        for run in cell["runs"]:
            record = records[run_of(run)]
            diverged, sizes = record.get("diverged"), task_sizes(record)
            rows.append(
                {
                    "digest": run["digest"],
                    "cell": name,
                    "arm": cell["arm"],
                    "seed": run["seed"],
                    "status": f"diverged in task {diverged['task']}" if diverged else FINISHED,
                    **chosen,
                    **(scores(record["counts"], sizes) if record["counts"] else blank_scores(sizes)),
                    **instruments(record["instruments"]),
                    "device": record["environment"]["device"],
                    "torch": record["environment"]["torch"],
                }
            )
    # Left to itself, a column of settings would turn whole numbers into fractions wherever a cell has none.
    whole = {column: pd.Series([row[column] for row in rows], dtype=object) for column in SETTINGS | varied}
    return pd.DataFrame(rows).assign(**whole)


def varied_settings(plan: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys that the grids of a plan vary, in the order of the grids."""
    rows = [row for rows in plan["grids"].values() for row in rows]
    return list(dict.fromkeys(key for row in rows for key in row["settings"]))


def setting(config: Mapping[str, Any], key: str) -> Any:
    """Return a setting of a cell by its dotted key; None where its arm has no such setting."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of a study's folder; a cell may be called "null" or 1."""
    names = dict.fromkeys(("cell", "arm", "baseline", "rival", "other"), str)
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)


def runs_csv(runs: pd.DataFrame) -> str:
    """Return the table as text, each number with the digits it has: accuracies two decimals, others four figures."""
    numbers = runs.select_dtypes("float").columns
    accuracies = [column for column in numbers if column not in MEASURED]
    rounded = {column: runs[column].map(significant) for column in numbers if column in MEASURED}
    return runs.round(dict.fromkeys(accuracies, PLACES)).assign(**rounded).to_csv(index=False, lineterminator="\n")
