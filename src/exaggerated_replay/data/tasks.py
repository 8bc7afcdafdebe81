"""Which classes each task brings: from the settings and a seed to lists of classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import no_such_file
from exaggerated_replay.settings.data import DatasetSettings


def tasks_of(dataset: DatasetSettings, classes: int, seed: int) -> list[list[int]]:
    """Divide the classes 0 ... C-1 of a data set into the tasks of a seed.

    Args:
        dataset: Its `tasks` (a number, a list of sizes, or a file), `class_order` and `superclasses`.
        classes: C.
        seed: Seed of the run. It decides whatever the settings leave open, and nothing else does.

    Returns:
        The classes of each task, in the order in which they are seen: the k-th of all has label k.

    Raises:
        UserError: The settings do not fit the number of classes, or the file of tasks cannot be read.
    """
    if isinstance(dataset.tasks, str):
        tasks = read_tasks(Path(dataset.tasks))
        check_once([label for task in tasks for label in task], classes, f"dataset.tasks: {dataset.tasks}")
        return tasks
    sizes = task_sizes(dataset.tasks, classes)
    match dataset.class_order:
        case None:
            return cut(class_order(classes, seed), sizes)
        case "together" | "apart" as way:
            groups = dataset.superclasses or []
            check_once([label for group in groups for label in group], classes, "dataset.superclasses")
            return (together if way == "together" else apart)(groups, sizes, generator(seed, f"class order/{way}"))
        case order:
            check_once(order, classes, "dataset.class_order")
            return cut(order, sizes)


def class_order(classes: int, seed: int) -> list[int]:
    """Draw the order in which the classes are seen; entry k is the original class that gets label k."""
    return generator(seed, "class order").permutation(classes).tolist()


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a stream of random numbers of its own, so that nothing else that a run draws can shift it."""
    entropy = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(entropy, "big"))


def task_sizes(tasks: int | Sequence[int], classes: int) -> list[int]:
    """Return the number of classes that each task brings.

    Args:
        tasks: A number of tasks of equal size, or the sizes themselves.
        classes: C.

    Raises:
        UserError: C is not divisible by the number, or the sizes do not add up to C.
    """
    if not isinstance(tasks, int):
        if sum(tasks) != classes or min(tasks) < 1:
            raise UserError(
                f"dataset.tasks has sizes that add up to {sum(tasks)}, but there are {classes} classes: "
                f"choose positive sizes that add up to {classes}"
            )
        return list(tasks)
    if tasks < 1 or classes % tasks:
        divisors = ", ".join(str(n) for n in range(1, classes + 1) if classes % n == 0)
        raise UserError(
            f"dataset.tasks is {tasks}, but the {classes} classes cannot be divided equally among so many tasks: "
            f"choose one of {divisors}, or give a list of sizes"
        )
    return [classes // tasks] * tasks


def cut(order: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """Cut an order of classes into tasks of these sizes."""
    return [list(order[first:last]) for first, last in pairwise(accumulate(sizes, initial=0))]


def together(groups: Sequence[Sequence[int]], sizes: Sequence[int], draw: np.random.Generator) -> list[list[int]]:
    """Put the members of a superclass into the same task as far as sizes allow.

    Each task takes the superclasses that fit, in drawn order; where none fits, it takes a part of the next one, whose
    rest comes first in the task that follows. So at most one superclass per border between tasks is divided.
    """
    waiting = [draw.permutation(groups[index]).tolist() for index in draw.permutation(len(groups))]
    tasks = []
    for size in sizes:
        task: list[int] = []
        while room := size - len(task):
            index = next((i for i, group in enumerate(waiting) if len(group) <= room), 0)
            group = waiting.pop(index)
            task += group[:room]
            if rest := group[room:]:
                waiting.insert(0, rest)
        tasks.append(task)
    return tasks


def apart(groups: Sequence[Sequence[int]], sizes: Sequence[int], draw: np.random.Generator) -> list[list[int]]:
    """Spread the members of each superclass over the tasks, as evenly as sizes allow.

    The largest tasks choose first. Each takes its next class from the superclass of which it has the fewest members;
    among those, from the one with the most members left.
    """
    left = [draw.permutation(group).tolist() for group in groups]
    tasks: dict[int, list[int]] = {}
    for task in sorted(range(len(sizes)), key=lambda task: -sizes[task]):
        taken = [0] * len(left)
        tasks[task] = []
        for _ in range(sizes[task]):
            candidates = draw.permutation([index for index, members in enumerate(left) if members])
            chosen = min(candidates, key=lambda index: (taken[index], -len(left[index])))
            taken[chosen] += 1
            tasks[task].append(left[chosen].pop())
    return [tasks[task] for task in range(len(sizes))]


def check_once(labels: Sequence[int], classes: int, where: str) -> None:
    """Check that every class from 0 to C-1 occurs exactly once.

    Raises:
        UserError: One is missing, occurs twice, or does not exist; `where` names the key or file.
    """
    given, wanted = set(labels), set(range(classes))
    twice = {label for label in given if labels.count(label) > 1}
    for odd, problem in ((wanted - given, "is missing"), (given - wanted, "does not exist"), (twice, "occurs twice")):
        if odd:
            raise UserError(
                f"{where} must name every class from 0 to {classes - 1} exactly once, but class {min(odd)} {problem}"
            )


def read_tasks(path: Path) -> list[list[int]]:
    """Read a YAML or JSON file that lists the original classes of each task.

    Raises:
        UserError: There is no such file, or it holds something else.
    """
    from exaggerated_replay.strict_yaml import read_yaml  # which a machine that only trains need not have

    try:
        tasks: Any = read_yaml(path)  # JSON is YAML, too
    except FileNotFoundError:
        raise no_such_file("dataset.tasks", path) from None
    except OSError as error:
        raise UserError(f"dataset.tasks: {path} cannot be read ({error.strerror})") from None
    except UserError as error:
        raise UserError(f"dataset.tasks: {error}") from None
    if not (isinstance(tasks, list) and tasks and all(isinstance(task, list) and task for task in tasks)):
        raise UserError(f"dataset.tasks: {path} must be a list of tasks, each of them a list of classes")
    if not all(type(label) is int for task in tasks for label in task):
        raise UserError(f"dataset.tasks: {path} must name classes by their numbers")
    return tasks
