"""What planning must know of a data set before it is prepared; a user's file is asked where the settings are silent."""

from __future__ import annotations

import functools
import math
from pathlib import Path

from exaggerated_replay.data.arrays import headers, read_npz
from exaggerated_replay.data.checks import check_classes, checked_labels
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.data import DatasetSettings


def classes_of(dataset: DatasetSettings) -> int:
    """Return the number of classes, C.

    Raises:
        UserError: The user's file has another number of classes than the settings say, or no usable labels.
    """
    if dataset.own_file is None or dataset.content is not None:  # whose file holds what the settings say
        return dataset.classes  # type: ignore[return-value]  # settings that describe published data must say it
    path = Path(dataset.own_file)
    classes = _classes_in(path, path.stat().st_mtime_ns if path.is_file() else 0)
    if dataset.classes not in (None, classes):
        raise UserError(
            f"dataset.classes is {dataset.classes}, but {path} has {classes}: correct it, or set it to null"
        )
    return classes


def image_values_of(dataset: DatasetSettings) -> int:
    """Return the number of values of the image that an input stands for, which divides the variational loss.

    Raises:
        UserError: The user's file cannot be read.
    """
    if dataset.image_values is not None:
        return dataset.image_values
    return math.prod(headers(Path(dataset.own_file or ""), ["x_train"])["x_train"].shape[1:])


@functools.cache
def _classes_in(path: Path, _time: int) -> int:
    if not path.is_file():
        raise UserError(f"dataset.source: there is no file {path}")
    labels = read_npz(path, ("y_train", "y_test"))
    train, test = (checked_labels(labels[key], f"{key} in {path}") for key in ("y_train", "y_test"))
    return check_classes(train, test, path)
