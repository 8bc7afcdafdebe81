"""Which classes are seen when: the class order of a seed and the tasks cut from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.data.prepared import load
from exaggerated_replay.data.tasks import class_order, relabel
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text


def make_split(y_train: np.ndarray, y_test: np.ndarray, tasks: int, seed: int) -> dict[str, Any]:
    """Divide the classes into tasks of equal numbers of classes.

    Args:
        y_train: Original classes 0 ... C-1 of the training data, shape (N,).
        y_test: The same of the test data, shape (M,).
        tasks: The number of tasks, a divisor of C.
        seed: Seed of the run; it alone decides the class order.

    Returns:
        `seed`, `classes` (C), `class_order` and `tasks`: for each task its number from 1, its
        labels, the original classes behind them, and its numbers of training and test inputs.

    Raises:
        UserError: The classes cannot be divided into that many tasks.
    """
    classes = int(y_train.max()) + 1
    _check_tasks(tasks, classes)
    order = class_order(classes, seed)
    train, test = (np.bincount(relabel(y, order), minlength=classes) for y in (y_train, y_test))
    return {
        "seed": int(seed),
        "classes": classes,
        "class_order": order,
        "tasks": [
            {
                "task": task,
                "labels": labels.tolist(),
                "classes": [order[label] for label in labels],
                "train": int(train[labels].sum()),
                "test": int(test[labels].sum()),
            }
            for task, labels in enumerate(np.split(np.arange(classes), tasks), start=1)
        ],
    }


def write_split(data: Path, tasks: int, seed: int, target: Path) -> None:
    """Write the split of a prepared data set as JSON, one task per line.

    Args:
        data: A prepared .npz.
        tasks: The number of tasks.
        seed: Seed of the run.
        target: The JSON file; left alone when anything is wrong.

    Raises:
        UserError: The data cannot be read, or its classes cannot be divided into that many tasks.
    """
    prepared = load(data)
    split = make_split(prepared.y_train, prepared.y_test, tasks, seed)
    lines = [f'  "{key}": {json.dumps(split[key])},' for key in ("seed", "classes", "class_order")]
    rows = ",\n".join(f"    {json.dumps(task)}" for task in split["tasks"])
    text = "\n".join(["{", *lines, '  "tasks": [', rows, "  ]", "}", ""])
    write_text(target, text)


def read_split(path: Path) -> dict[str, Any]:
    """Read what `write_split` has written.

    Raises:
        UserError: The file is missing or not a split.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; make the split first")
    try:
        split = json.loads(path.read_text(encoding="utf-8"))
        labels = [label for task in split["tasks"] for label in task["labels"]]
        every_class = list(range(split["classes"]))
        whole = sorted(split["class_order"]) == every_class and labels == every_class
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a split; delete it and make the split again") from error
    if not whole:
        raise UserError(f"{path} does not see every class exactly once; delete it and make the split again")
    return split


def _check_tasks(tasks: int, classes: int) -> None:
    divisors = ", ".join(str(n) for n in range(1, classes + 1) if classes % n == 0)
    if tasks < 1:
        raise UserError(f"dataset.tasks is {tasks} but must be at least 1; choose one of {divisors}")
    if tasks > classes:
        raise UserError(f"dataset.tasks is {tasks} but the data has only {classes} classes; choose one of {divisors}")
    if classes % tasks:
        raise UserError(
            f"dataset.tasks is {tasks} but the {classes} classes of the data do not divide evenly into that "
            f"many; choose one of {divisors}"
        )
