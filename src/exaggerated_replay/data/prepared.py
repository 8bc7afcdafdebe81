"""A data set ready for learning: all that a run reads, and nothing of how it came about."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from exaggerated_replay.data.arrays import ARRAYS, content_digest, read_npz
from exaggerated_replay.errors import UserError

AGAIN = "run the workflow again, which makes it again"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready for learning.

    Attributes:
        x_train: Inputs as stored, uint8 or float32, shape (N, F), (N, H, W) or (N, H, W, C).
        y_train: Classes 0 ... C-1, int64, shape (N,).
        x_test: As `x_train`, for the M test inputs.
        y_test: As `y_train`, shape (M,).
        scale: `x / scale` is what the model sees.
        bounded: Whether all training inputs `x / scale` lie in [0, 1].
        made_from: Digest of what the data are made from, which the name of their file is cut from.
        content: SHA-256 over all of the above that a run reads, as it was when the file was written.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    scale: float
    bounded: bool
    made_from: str = ""
    content: str = ""

    @property
    def classes(self) -> int:
        """The number of classes, C."""
        return int(self.y_train.max()) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x_train.shape[1:]

    @property
    def inputs(self) -> int:
        """The number of values in one input."""
        return math.prod(self.shape)

    def digest(self) -> str:
        """Return the SHA-256 over all that a run reads."""
        values = {name: getattr(self, name) for name in ARRAYS}
        return content_digest({**values, "scale": np.float32(self.scale), "bounded": np.bool_(self.bounded)})


def load(path: Path, made_from: str | None = None, *, shared: bool = True) -> Prepared:
    """Read a prepared data set (.npz), or the features of one (.safetensors).

    Args:
        path: The file.
        made_from: Digest that the file must name as its origin; none: any will do.
        shared: Whether features are mapped by torch, so that all jobs share their pages. Without, they are copied, and
            torch is not imported, which takes seconds.

    Raises:
        UserError: The file is missing or damaged, or was made from something else.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; run the workflow, which makes it")
    prepared = _load_features(path, shared) if path.suffix == ".safetensors" else _load_npz(path)
    if made_from is not None and prepared.made_from != made_from:
        raise UserError(f"{path} was made from other data than this study's; {AGAIN}")
    if prepared.content != prepared.digest():
        raise UserError(f"{path} is damaged: its content is not what its digest says; {AGAIN}")
    return prepared


def _load_npz(path: Path) -> Prepared:
    values = read_npz(path, (*ARRAYS, "scale", "bounded", "made_from", "content"), AGAIN)
    return Prepared(
        **{name: values[name] for name in ARRAYS},
        scale=float(values["scale"]),
        bounded=bool(values["bounded"]),
        made_from=str(values["made_from"]),
        content=str(values["content"]),
    )


def _load_features(path: Path, shared: bool) -> Prepared:
    try:
        with safe_open(path, framework="pt" if shared else "np") as file:
            arrays = {name: np.asarray(file.get_tensor(name)) for name in ARRAYS}
            about = json.loads(file.metadata()["about"])
            made_from, content = str(about["made_from"]), str(about["content"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a readable file of features; {AGAIN}") from error
    return Prepared(**arrays, scale=1.0, bounded=False, made_from=made_from, content=content)


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
            f"the data have classes {y.min()} to {y.max()}, but the tasks only 0 to {len(class_order) - 1}; "
            "check dataset.classes and dataset.tasks"
        )
    return np.argsort(np.asarray(class_order, dtype=np.int64))[y]  # argsort inverts a permutation
