"""What every data set must be, whatever its format: inputs of one shape, a label each, all classes on both sides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from exaggerated_replay.errors import UserError


def checked(arrays: dict[str, np.ndarray], where: Path) -> dict[str, np.ndarray]:
    """Check what a reader returns.

    Args:
        arrays: `x_train`, `y_train`, `x_test`, `y_test`.
        where: The file or folder that they come from.

    Returns:
        The same: inputs as contiguous uint8 or float32, labels as int64 of shape (N,).

    Raises:
        UserError: They are not a usable data set.
    """
    found = {}
    for part in ("train", "test"):
        x = found[f"x_{part}"] = _inputs(arrays[f"x_{part}"], f"x_{part} in {where}")
        y = found[f"y_{part}"] = checked_labels(arrays[f"y_{part}"], f"y_{part} in {where}")
        if len(x) != len(y):
            raise UserError(
                f"x_{part} in {where} has length {len(x)} but y_{part} {len(y)}; give every input one label"
            )
    train, test = found["x_train"], found["x_test"]
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise UserError(
            f"in {where} one input of x_train is {train.dtype} of shape {train.shape[1:]} but one of x_test "
            f"is {test.dtype} of shape {test.shape[1:]}; store both alike"
        )
    check_classes(found["y_train"], found["y_test"], where)
    # Only now, when every label is known to be small: a huge unsigned one would turn negative.
    return {key: array.astype(np.int64) if key.startswith("y_") else array for key, array in found.items()}


def _inputs(x: np.ndarray, what: str) -> np.ndarray:
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise UserError(f"{what} has dtype {x.dtype}; store images as uint8 and features as floating point")
    if x.ndim not in (2, 3, 4):
        raise UserError(f"{what} has shape {x.shape}; make it (N, F), (N, H, W) or (N, H, W, C)")
    if x.size == 0:
        raise UserError(f"{what} is empty (shape {x.shape}); store at least one input of every class")
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which is caught next
        x = np.ascontiguousarray(x, dtype=np.float32)
    bad = x.size - int(np.isfinite(x).sum())
    if bad:
        raise UserError(f"{what} has {bad} values that are not finite as float32; remove or replace them")
    return x


def checked_labels(y: np.ndarray, what: str) -> np.ndarray:
    """Return labels as integers of shape (N,).

    Raises:
        UserError: They are something else.
    """
    if y.dtype.kind not in "iu":
        raise UserError(f"{what} has dtype {y.dtype}; store labels as integers")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise UserError(f"{what} has shape {y.shape}; store one label per input, shape (N,) or (N, 1)")
    if y.size == 0:
        raise UserError(f"{what} is empty; store at least one label of every class")
    return y


def check_classes(train: np.ndarray, test: np.ndarray, where: Path) -> int:
    """Return the number of classes, C.

    Args:
        train: Labels of the training set, integers, shape (N,).
        test: Labels of the test set, shape (M,).
        where: The file that holds them.

    Raises:
        UserError: They are not 0 ... C-1, all of them on both sides, or C is 1.
    """
    labels = {"y_train": set(train.tolist()), "y_test": set(test.tolist())}
    classes = len(labels["y_train"] | labels["y_test"])
    if classes < 2:
        raise UserError(f"{where} has only the label {train[0]}; at least two classes are needed")
    expected = set(range(classes))
    for key, found in labels.items():
        problems = [
            f"{word} {_some(odd)}"
            for word, odd in (("missing", expected - found), ("unexpected", found - expected))
            if odd
        ]
        if problems:
            raise UserError(
                f"{key} in {where} must hold every label from 0 to {classes - 1}, as there are {classes} "
                f"different labels, and no other; {' and '.join(problems)}"
            )
    return classes


def held_out(samples: int, share: float, label: int) -> int:
    """Return how many training samples of a class are held out, a share of all of them, to test on.

    Raises:
        UserError: One of the two sides would have none.
    """
    count = round(share * samples)
    if not 0 < count < samples:
        raise UserError(
            f"dataset.validation is {share}, which leaves {count} of the {samples} training samples of class {label} "
            "to test on: choose another share"
        )
    return count


def _some(labels: Iterable[int]) -> str:
    first, *rest = sorted(labels)
    shown = [first, *rest[:9]]
    return ", ".join(map(str, shown)) + (f" and {len(rest) - 9} more" if len(rest) > 9 else "")
