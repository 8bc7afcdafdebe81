"""Whether finished runs are what they say they are: records, checkpoints, names."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.planning.params import check, check_arm
from exaggerated_replay.planning.plan import name_of_values
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.store.records import RECORD, WEIGHTS


def verify_runs(directories: list[Path]) -> tuple[list[str], list[Path]]:
    """Check every run: its record against its name, its checkpoint against its record.

    Args:
        directories: Of the runs.

    Returns:
        What is wrong, a sentence each; and the runs that are right but have no checkpoint, as imported ones.
    """
    problems, without_checkpoint = [], []
    for directory in directories:
        weights = directory / WEIGHTS
        if not (directory / RECORD).is_file():
            problems.append(f"{directory} is not finished: run the workflow")
            continue
        try:
            record = read_json(directory / RECORD)
            verify_record(directory.name, record)
        except UserError as error:
            problems.append(f"{directory}: {error}")
            continue
        if not weights.is_file():
            without_checkpoint.append(directory)
        elif file_digest(weights) != record["sha256"][WEIGHTS]:
            problems.append(
                f"{weights} is not the checkpoint that its record names: delete it, and `dvc checkout` it or run the "
                "workflow again"
            )
    return problems, without_checkpoint


def verify_record(name: str, record: Any) -> None:
    """Check that a record is whole, that its counts fit together, and that it belongs to the run of this name.

    Raises:
        UserError: It does not.
    """
    try:
        values = record["settings"]
        settings = check(RunSettings, {**values, "method": check_arm(values["method"], "method")})
        counts = {key: np.array(value) for key, value in record["counts"].items()}
        correct, tested, predicted = (counts[key] for key in ("correct", "tested", "predicted"))
        fits = (
            all(array.dtype.kind == "i" and array.min() >= 0 for array in (correct, tested, predicted))
            and correct.shape == (len(settings.tasks), len(tested))
            and predicted.shape == tested.shape
            and (correct <= tested).all()
            and (correct[-1] <= predicted).all()
            and predicted.sum() == tested.sum()
        )
        described = {*record["environment"]} >= {"device", "torch"} and isinstance(record["instruments"], dict)
        signed = re.fullmatch(r"[0-9a-f]{64}", record["sha256"][WEIGHTS])
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).removeprefix("params.yaml: ")
        raise UserError(f"{name} has no whole record ({reason})") from error
    if not agree(values, asdict(settings)) or name != name_of_values(values):
        raise UserError(f"{name} is not the run that its name says: its settings belong to {name_of_values(values)}")
    if not (fits and described and signed):
        raise UserError(f"{name} has no whole record: its counts or its checksum make no sense")


def agree(values: Any, checked: Any) -> bool:
    """Return whether a record's settings are those that checking made of them.

    A setting that came later than the record is not in it, and has no part in its name: that run had the default.
    """
    if isinstance(values, dict) and isinstance(checked, dict):
        return all(key in checked and agree(value, checked[key]) for key, value in values.items())
    return values == checked
