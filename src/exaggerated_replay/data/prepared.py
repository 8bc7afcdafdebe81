"""A data set ready for learning: all that a run reads, and nothing of how it came about."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from exaggerated_replay.errors import UserError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready for learning.

    Attributes:
        x_train: Inputs as stored, uint8 or float32, shape (N, F), (N, H, W) or (N, H, W, C).
        y_train: Classes 0 ... C-1, int64, shape (N,).
        x_test: As `x_train`, for the M test inputs.
        y_test: As `y_train`, shape (M,).
        scale: `x / scale` is what the model sees.
        bounded: Whether all of `x / scale` lies in [0, 1].
        image_values: Number of values of the image that an input stands for: its own, or, where the inputs
            are features, those of the image that they describe.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    scale: float
    bounded: bool
    image_values: int  # values of the image behind an input; the input's own where there is none

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


def load(path: Path) -> Prepared:
    """Read what `prepare` has written.

    Raises:
        UserError: The file is missing, unreadable, or not a prepared data set.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; prepare the data set first")
    arrays = read_npz(path, (*ARRAYS, "scale", "bounded"), again="delete it and prepare the data set again")
    return Prepared(
        **{key: arrays[key] for key in ARRAYS},
        scale=float(arrays["scale"]),
        bounded=bool(arrays["bounded"]),
        image_values=math.prod(arrays["x_train"].shape[1:]),
    )


def load_features(path: Path) -> Prepared:
    """Map features of images, as `features/extraction.py` writes them, into memory: all jobs share its pages.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            arrays = {name: file.get_tensor(name).numpy() for name in ARRAYS}
            image_values = int(file.metadata()["image_values"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no file of features; delete it and run the workflow again") from error
    return Prepared(**arrays, scale=1.0, bounded=False, image_values=image_values)


def read_npz(
    path: Path, keys: tuple[str, ...] = ARRAYS, again: str = "write it again with np.savez"
) -> dict[str, np.ndarray]:
    """Read arrays of an npz file, without unpickling anything.

    Raises:
        UserError: The file is unreadable, or lacks one of the arrays; `again` says what to do about it.
    """
    try:
        # Without pickles: a file from elsewhere must not be able to run code.
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"{path} is a single array, not an .npz; {again}")
        with archive:
            for key in keys:
                if key not in archive.files:
                    found = ", ".join(archive.files) or "no array at all"
                    raise UserError(f"{path} has no array {key}, only {found}; {again}")
            return {key: np.asarray(archive[key]) for key in keys}
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} is not a readable .npz of plain numbers (damaged, or pickled Python objects?); {again}"
        ) from error
