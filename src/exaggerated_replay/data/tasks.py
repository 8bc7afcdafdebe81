"""Which classes are seen when: the order that a seed draws, and the labels that follow from an order."""

from __future__ import annotations

import hashlib

import numpy as np

from exaggerated_replay.errors import UserError


def class_order(classes: int, seed: int) -> list[int]:
    """Draw the order in which the classes are seen; entry k is the original class that gets label k.

    The draw has a stream of random numbers of its own, so nothing else that a run draws can shift it.
    """
    entropy = hashlib.sha256(f"{seed}/class order".encode()).digest()
    return np.random.default_rng(int.from_bytes(entropy, "big")).permutation(classes).tolist()


def equal_tasks(order: list[int], tasks: int) -> list[list[int]]:
    """Cut an order of classes into so many tasks of equally many classes, whose number `tasks` divides."""
    size = len(order) // tasks
    return [order[first : first + size] for first in range(0, tasks * size, size)]


def relabel(y: np.ndarray, class_order: list[int]) -> np.ndarray:
    """Turn original classes into labels, numbered in the order in which the classes are seen.

    Args:
        y: Original classes, integers of any shape.
        class_order: Entry k is the original class that gets label k.

    Returns:
        Labels, int64, of the shape of `y`.

    Raises:
        UserError: `y` holds a class that is not in `class_order`.
    """
    # An index array alone would read class -1 as the last one.
    if y.size and (y.min() < 0 or y.max() >= len(class_order)):
        raise UserError(
            f"the data has classes {y.min()} to {y.max()} but the split only 0 to {len(class_order) - 1}; "
            "make the split again from this data"
        )
    return np.argsort(np.asarray(class_order, dtype=np.int64))[y]  # argsort inverts a permutation
