"""The split of a seed as a file: which classes each task brings, and how many samples it has of them.

A run's identity holds its tasks themselves. The file shows them beside the numbers of samples, DVC keeps it with the
data, and a run is trained only where the file says what the run does.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, read_json, write_text
from exaggerated_replay.places import DIGITS

FOLDER = Path("data/splits")


def split_path(data: str, name: str, seed: int, tasks: list[list[int]]) -> Path:
    """Return where the split lies: its name ends in the digest of what it says.

    Args:
        data: SHA-256 of what the data set is made from.
        name: Name of the data set, for whoever reads the path.
        seed: The seed whose classes come in this order.
        tasks: The classes of each task.
    """
    return FOLDER / name / f"seed{seed}-{digest_of([data, seed, tasks])[:DIGITS]}.json"


def write_split(prepared: Prepared, data: str, seed: int, tasks: list[list[int]], target: Path) -> None:
    """Write a split as JSON, one task per line.

    Args:
        prepared: The data, for their numbers of samples.
        data: SHA-256 of what they are made from.
        seed: The seed whose classes come in this order.
        tasks: The classes of each task, in the order of being seen.
        target: From `split_path`.
    """
    train, test = (np.bincount(y, minlength=prepared.classes) for y in (prepared.y_train, prepared.y_test))
    rows, first = [], 0
    for number, classes in enumerate(tasks, start=1):
        row = {
            "task": number,
            "labels": list(range(first, first + len(classes))),
            "classes": classes,
            "train": int(train[classes].sum()),
            "test": int(test[classes].sum()),
        }
        rows.append(f"    {json.dumps(row)}")
        first += len(classes)
    head = [f'  "data": {json.dumps(data)},', f'  "seed": {seed},']
    write_text(target, "\n".join(["{", *head, '  "tasks": [', ",\n".join(rows), "  ]", "}", ""]))


def read_split(path: Path) -> dict[str, Any]:
    """Read what `write_split` has written, and check that its name is the digest of what it says.

    Returns:
        `data`, `seed`, and `tasks`: for each its number, labels, classes, and numbers of training and test samples.

    Raises:
        UserError: The file is missing, is not a split, or says something else than its name.
    """
    split = read_json(path)
    try:
        tasks = [task["classes"] for task in split["tasks"]]
        labels = [label for task in split["tasks"] for label in task["labels"]]
        right = (
            split_path(split["data"], path.parent.name, split["seed"], tasks).name == path.name
            and labels == list(range(sum(map(len, tasks))))
            and all(task["train"] > 0 and task["test"] > 0 for task in split["tasks"])
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not a split: delete it and start the workflow again") from error
    if not right:
        raise UserError(f"{path} does not say what its name says: delete it and start the workflow again")
    return split
