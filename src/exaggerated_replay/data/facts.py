"""What planning must know of a data set before it is prepared; a user's file is asked where the settings are silent."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import headers, read_npz
from exaggerated_replay.data.checks import check_classes, checked_labels, held_out
from exaggerated_replay.data.identity import VERSION, counts_of_file, remembered
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.data import DatasetSettings, SourceSettings


def classes_of(dataset: DatasetSettings) -> int:
    """Return the number of classes, C.

    Raises:
        UserError: The user's file has another number of classes than the settings say, or no usable labels.
    """
    # Settings that describe published data say it, and a file with its samples holds what they say.
    if dataset.classes is not None and (dataset.own_file is None or dataset.content is not None):
        return dataset.classes
    path = Path(dataset.own_file or "")
    classes = int(remembered(path, "dataset.source", f"classes {VERSION}", lambda: str(_classes_in(path))))
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


def training_samples_of(dataset: SourceSettings, prepared: Path, key: str) -> list[int] | None:
    """Return how many samples of each class there are to learn from; None where that is not known yet.

    Args:
        dataset: Which data.
        prepared: Where they lie when they have been prepared.
        key: The setting that names the user's file.

    Raises:
        UserError: The user's file cannot be read, or a class has too few samples for some to be held out.
    """
    if dataset.own_file is not None:
        counts = counts_of_file(Path(dataset.own_file), dataset.own_reader, key)
        if (share := dataset.validation) is not None:
            return [count - held_out(count, share, label) for label, count in enumerate(counts)]
        return counts
    with contextlib.suppress(UserError):  # a damaged file is made again
        if prepared.is_file():
            return np.bincount(read_npz(prepared, ["y_train"])["y_train"]).tolist()
    return None


def check_colours(dataset: SourceSettings, prepared: Path, key: str, *, square: bool = False) -> None:
    """Refuse what no encoder can see, where that is known already.

    Args:
        dataset: Which data.
        prepared: Where they lie when they have been prepared.
        key: The setting that names the user's file.
        square: Whether images must be as high as wide, as those that an encoder is trained on.

    Raises:
        UserError: The data are no colour images, or not square where they must be.
    """
    path = Path(dataset.own_file) if dataset.own_file and dataset.own_reader == "npz" else prepared
    try:
        shape, dtype = headers(path, ["x_train"])["x_train"]
    except UserError:  # not there yet, or damaged, and made again
        return
    if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
        raise UserError(
            f"{key}: an encoder needs colour images, uint8 of shape (N, H, W, 3), but {path} has {dtype} of shape "
            f"(N, {', '.join(map(str, shape[1:]))}): set encoder=none, or name other data"
        )
    if square and shape[1] != shape[2]:
        raise UserError(
            f"{key}: an encoder is trained on square images, but those in {path} have {shape[1]} x {shape[2]} pixels: "
            "crop them, or name other data"
        )


def _classes_in(path: Path) -> int:
    labels = read_npz(path, ("y_train", "y_test"))
    train, test = (checked_labels(labels[key], f"{key} in {path}") for key in ("y_train", "y_test"))
    return check_classes(train, test, path)
