"""The plan as a study's folder holds it: without what its records say, and what only the workflow needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RUNS

FOR_JOBS = ("compute", "prepared", "runs", "sources", "splits", "varied")


def slim(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a study's plan.json says: a cell's runs by their names, and no settings of runs."""
    cells = {
        name: {
            "arm": cell["arm"],
            "config": cell["config"],
            "runs": [Path(run["directory"]).name for run in cell["runs"]],
        }
        for name, cell in plan["cells"].items()
    }
    return {key: value for key, value in plan.items() if key not in FOR_JOBS} | {"cells": cells}


def whole(written: Any, records: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the plan that `slim` was given, but for what only the workflow needs.

    Args:
        written: As plan.json says it.
        records: Run -> record.
        folder: Of the study, for whoever reads what is wrong.

    Raises:
        UserError: It is no such plan, or names a run that has no record.
    """
    try:
        names = {name: cell["runs"] for name, cell in written["cells"].items()}
        if missing := [run for runs in names.values() for run in runs if run not in records]:
            raise UserError(
                f"{folder} has no record of {missing[0]}: bring it back with git, or run the workflow again"
            )
        cells = {
            name: {**written["cells"][name], "runs": [_planned(run, records[run]) for run in runs]}
            for name, runs in names.items()
        }
        known = dict.fromkeys(run for runs in names.values() for run in runs)
        return {**written, "cells": cells, "runs": {run: records[run]["settings"] for run in known}}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder}/plan.json is not as the workflow writes it: bring it back with git, or run the workflow again"
        ) from error


def _planned(run: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {"seed": record["settings"]["seed"], "digest": run.rpartition("-")[2], "directory": str(RUNS / run)}
