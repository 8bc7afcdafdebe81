"""From the raw files of any data set to one .npz with the same keys and types, checked once, here."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from exaggerated_replay.data.cifar import read_cifar
from exaggerated_replay.data.prepared import read_npz
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import replacing

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def prepare(name: str, sources: list[Path], target: Path, validation: float | None = None) -> None:
    """Write one normalised, byte-for-byte reproducible .npz from the raw files of a data set.

    It holds the six fields of `Prepared`. The data sets:

    - `digits`: 8x8 images of values 0 ... 16. There is no official split: of each class, every fifth image
      in the order of the file is a test image.
    - `mnist`, `fashion_mnist`: the four gzipped idx files, 28x28 images of values 0 ... 255.
    - `cifar10`, `cifar100`: the published archive for Python, 32x32x3 images of values 0 ... 255.
    - `npz`: a user's file with `x_train`, `y_train`, `x_test` and `y_test`: uint8 images of values
      0 ... 255, or floating-point features, which are kept as they are (as float32).

    Such an npz file may stand for the raw files of any set.

    Args:
        name: One of the names above.
        sources: The raw files; the idx files are recognised by their names, in any order.
        target: The .npz to write; left alone when anything is wrong.
        validation: Share of each class's training samples that takes the place of the test set, if any.

    Raises:
        UserError: The name is unknown, or a source is missing, unreadable or not a usable data set.
    """
    readers = {
        "digits": _digits,
        "mnist": _idx_set,
        "fashion_mnist": _idx_set,
        "cifar10": read_cifar,
        "cifar100": read_cifar,
        "npz": read_npz,
    }
    if name not in readers:
        raise UserError(f"data set {name!r} is unknown; choose one of {', '.join(readers)}")
    own_file = name == "npz" or (len(sources) == 1 and sources[0].suffix == ".npz")
    read = read_npz if own_file else readers[name]
    if len(sources) != 1 and read is not _idx_set:
        raise UserError(f"data set {name} is made from one file, not {len(sources)}; set dataset.source=FILE")
    for source in sources:
        if not source.is_file():
            remedy = "set dataset.source to a file" if own_file else "fetch the data set first"
            raise UserError(f"{source} does not exist; {remedy}")
    arrays = read(*sources)
    arrays = _checked(arrays, sources[0] if len(sources) == 1 else sources[0].parent)
    if validation is not None:
        arrays = hold_out(arrays, validation)
    inputs = arrays["x_train"], arrays["x_test"]
    if inputs[0].dtype == np.uint8:
        scale, bounded = (16 if name == "digits" else 255), True
    else:
        scale, bounded = 1, all(x.min() >= 0 and x.max() <= 1 for x in inputs)
    with replacing(target) as temporary, temporary.open("wb") as stream:
        # NumPy stamps every member with the same date in 1980, so equal arrays give equal bytes.
        np.savez(stream, **arrays, scale=np.float32(scale), bounded=np.bool_(bounded))


def hold_out(arrays: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """Put the last samples of each class of the training set in the place of the test set.

    So settings can be chosen without a look at the test set.

    Args:
        arrays: `x_train` (N, ...), `y_train` (N,) and a test set, which is dropped.
        share: Of each class, between 0 and 1; rounded to whole samples.

    Raises:
        UserError: A class would have no sample left on one of the two sides.
    """
    y = arrays["y_train"]
    held = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        count = round(share * len(own))
        if not 0 < count < len(own):
            raise UserError(
                f"dataset.validation is {share}, which leaves {count} of the {len(own)} training samples of class "
                f"{label} to test on: choose another share"
            )
        held[own[-count:]] = True
    sides = {"train": ~held, "test": held}
    return {f"{key}_{side}": arrays[f"{key}_train"][rows] for side, rows in sides.items() for key in ("x", "y")}


def _digits(path: Path) -> dict[str, np.ndarray]:
    try:
        rows = [[int(value) for value in line.split(",")] for line in _gunzip(path).decode().splitlines()]
        table = np.array(rows, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path} is not a table of integers; delete it and fetch it again") from error
    if table.ndim != 2 or table.shape[1] != 65 or table[:, :64].min() < 0 or table[:, :64].max() > 16:
        raise UserError(
            f"{path} must hold 64 values from 0 to 16 and a label in every row; delete it and fetch it again"
        )
    x, y = table[:, :64].astype(np.uint8).reshape(-1, 8, 8), table[:, 64]
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        test[np.flatnonzero(y == label)[4::5]] = True
    return {"x_train": x[~test], "y_train": y[~test], "x_test": x[test], "y_test": y[test]}


def _idx_set(*sources: Path) -> dict[str, np.ndarray]:
    found = {path.name: path for path in sources}
    for file in IDX_FILES.values():
        if file not in found:
            raise UserError(f"{file} is not among the raw files; fetch the data set again")
    return {key: _read_idx(found[file]) for key, file in IDX_FILES.items()}


def _gunzip(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file; delete it and fetch it again") from error


def _read_idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file of bytes.

    The header: two zero bytes, the type of the values (8: unsigned bytes), the number of axes, and the length
    of each axis as a big-endian 32-bit integer.
    """
    raw = _gunzip(path)
    axes = raw[3] if raw[:3] == b"\0\0\x08" and len(raw) > 3 else 0
    header = 4 + 4 * axes
    if axes == 0 or len(raw) < header:
        raise UserError(f"{path} is not an idx file of bytes; delete it and fetch it again")
    shape = struct.unpack_from(f">{axes}I", raw, offset=4)
    if len(raw) - header != math.prod(shape):
        raise UserError(
            f"{path} announces {math.prod(shape)} values but holds {len(raw) - header}; delete it and fetch it again"
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(shape)


def _checked(arrays: dict[str, np.ndarray], where: Path) -> dict[str, np.ndarray]:
    """Return inputs as contiguous uint8 or float32 and labels as int64 of shape (N,), or raise UserError."""
    checked = {}
    for part in ("train", "test"):
        x = checked[f"x_{part}"] = _checked_inputs(arrays[f"x_{part}"], f"x_{part} in {where}")
        y = checked[f"y_{part}"] = _checked_labels(arrays[f"y_{part}"], f"y_{part} in {where}")
        if len(x) != len(y):
            raise UserError(
                f"x_{part} in {where} has length {len(x)} but y_{part} {len(y)}; give every input one label"
            )
    train, test = checked["x_train"], checked["x_test"]
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise UserError(
            f"in {where} one input of x_train is {train.dtype} of shape {train.shape[1:]} but one of x_test "
            f"is {test.dtype} of shape {test.shape[1:]}; store both alike"
        )
    _check_classes(checked["y_train"], checked["y_test"], where)
    # Only now, when every label is known to be small: a huge unsigned one would turn negative.
    return {key: array.astype(np.int64) if key.startswith("y_") else array for key, array in checked.items()}


def _checked_inputs(x: np.ndarray, what: str) -> np.ndarray:
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


def _checked_labels(y: np.ndarray, what: str) -> np.ndarray:
    if y.dtype.kind not in "iu":
        raise UserError(f"{what} has dtype {y.dtype}; store labels as integers")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise UserError(f"{what} has shape {y.shape}; store one label per input, shape (N,) or (N, 1)")
    if y.size == 0:
        raise UserError(f"{what} is empty; store at least one label of every class")
    return y


def _check_classes(train: np.ndarray, test: np.ndarray, where: Path) -> None:
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


def _some(labels: Iterable[int]) -> str:
    first, *rest = sorted(labels)
    shown = [first, *rest[:9]]
    return ", ".join(map(str, shown)) + (f" and {len(rest) - 9} more" if len(rest) > 9 else "")
