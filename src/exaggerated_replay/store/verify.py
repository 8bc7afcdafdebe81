"""Whether finished runs are what they say they are: records, checkpoints, names."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.places import RECORD, TRACES, WEIGHTS
from exaggerated_replay.planning.checking import check, check_arm
from exaggerated_replay.planning.study_plan import name_of_values
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.store.records import Record

SHA256 = re.compile(r"[0-9a-f]{64}")


def verify_runs(directories: list[Path]) -> tuple[list[str], list[Path]]:
    """Check every run: its record against its name, its checkpoint against its record, its data against the others'.

    Args:
        directories: Of the runs.

    Returns:
        What is wrong, a sentence each; and the runs that are right but have no checkpoint, as imported ones.
    """
    problems, without_checkpoint = [], []
    contents: dict[str, dict[str, list[str]]] = {}  # data by name -> by content -> runs
    for directory in directories:
        if not (directory / RECORD).is_file():
            problems.append(f"{directory} is not finished: run the workflow")
            continue
        try:
            record = verify_record(directory.name, read_json(directory / RECORD))
        except UserError as error:
            problems.append(f"{directory}: {error}")
            continue
        digests = record.digests
        contents.setdefault(record.settings["data"], {}).setdefault(digests["data"], []).append(directory.name)
        # Something else may stand there: a folder, or a link into a cache that lost the file.
        present = [path for name in (WEIGHTS, TRACES) if name in digests and os.path.lexists(path := directory / name)]
        problems += [
            f"{path} is not the file that its record names: `dvc checkout` it, or run the workflow again"
            for path in present
            if not path.is_file() or file_digest(path) != digests[path.name]
        ]
        if directory / WEIGHTS not in present:
            without_checkpoint.append(directory)
    for runs_by_content in contents.values():
        _, *odd = sorted(runs_by_content.values(), key=len, reverse=True)
        problems += [
            f"{run} learned from other arrays than most runs on the same data: delete it, and run the workflow again"
            for runs in odd
            for run in runs
        ]
    return problems, without_checkpoint


def verify_record(name: str, values: Any) -> Record:
    """Check that a record is whole, that its counts fit together, and that it belongs to the run of this name.

    Raises:
        UserError: It does not.
    """
    try:
        record = Record.of(values)
        settings = check(RunSettings, {**record.settings, "method": check_arm(record.settings["method"], "method")})
        digests = {WEIGHTS: "", "data": "", RECORD: "", **record.digests}
        fits = all(isinstance(digest, str) and SHA256.fullmatch(digest) for digest in digests.values())
        fits = fits and (record.counts is None or _counts_fit(record.counts, settings))
        own_name = name_of_values(record.settings)
    except (UserError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = str(error).removeprefix("params.yaml: ")
        raise UserError(f"{name} has no valid record ({reason})") from error
    if name != own_name or not agree(record.settings, asdict(settings)):
        raise UserError(f"{name} is not the run that its name says: its settings belong to {own_name}")
    if not fits:
        raise UserError(f"{name} has no valid record: its counts or its checksum make no sense")
    if not record.is_sealed:
        raise UserError(f"{name} has a record that was changed after its run: it does not fit its own checksum")
    return record


def _counts_fit(counts: Mapping[str, Any], settings: RunSettings) -> bool:
    """Return whether counts can be those of a run: tasks x classes right ones, no more than were tested or assigned."""
    correct, tested, predicted = (np.array(counts[key]) for key in ("correct", "tested", "predicted"))
    return bool(
        all(array.dtype.kind == "i" and array.min() >= 0 for array in (correct, tested, predicted))
        and tested.shape == (len(settings.class_order),)
        and correct.shape == (len(settings.tasks), len(tested))
        and predicted.shape == tested.shape
        and (correct <= tested).all()
        and (correct[-1] <= predicted).all()
        and predicted.sum() == tested.sum()
    )


def agree(values: Any, checked: Any) -> bool:
    """Return whether a record's settings are those that checking made of them.

    A setting that came later than the record is not in it, and has no part in its name: that run had the default.
    """
    if isinstance(values, dict) and isinstance(checked, dict):
        return all(key in checked and agree(value, checked[key]) for key, value in values.items())
    if isinstance(values, list) and isinstance(checked, list | tuple):  # JSON has no tuples
        return len(values) == len(checked) and all(map(agree, values, checked))
    return values == checked
