"""From the raw files of any data set to one .npz with the same keys and types, checked once, here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.data.checks import checked, held_out
from exaggerated_replay.data.identity import in_one_order, scale_of
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.data.values import check_values, measured, remarks, scaled
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import replacing

VERSION = 1
"""Raised where other arrays, or another scale or bound, come out of what a reader returns."""


def prepare(
    reader: str,
    files: dict[str, Path],
    target: Path,
    validation: float | None = None,
    made_from: str = "",
    content: str | None = None,
    white: int | None = None,
    deviation: float | None = None,
    *,
    replayed: bool = False,
) -> list[str]:
    """Write one normalised, byte-for-byte reproducible .npz from the raw files of a data set.

    It holds the fields of `Prepared`. Images keep their bytes; features become float32.

    Args:
        reader: The module of data/readers/ that knows the format.
        files: The raw files by their names.
        target: The .npz to write; left alone when anything is wrong.
        validation: Share of each class's training samples that takes the place of the test set, if any.
        made_from: Digest of all that the data are made from.
        content: Digest that the samples must have (`data/identity.py`); None: any will do.
        white: The largest value of a pixel; None: as the format has it.
        deviation: What the standard deviation of features becomes; None: they stay as they are.
        replayed: Whether some method of the study learns from samples that it generates.

    Returns:
        What was found and what was done with it, a sentence each.

    Raises:
        UserError: A file is missing, unreadable or not a usable data set, or holds other samples than it should, or
            other values than the settings say.
    """
    for path in files.values():
        if not path.is_file():
            remedy = "set dataset.source to a file" if reader == "npz" else "fetch the data set first"
            raise UserError(f"{path} does not exist; {remedy}")
    module = import_module(f"exaggerated_replay.data.readers.{reader}")
    read, paths = module.read(files), list(files.values())
    where = paths[0] if len(paths) == 1 else paths[0].parent
    arrays = checked(read, where)
    largest = white or module.WHITE
    arrays, digest = in_one_order(arrays, largest)
    if content not in (None, digest):
        raise UserError(
            f"{where} holds other samples than the settings say (their digest is {digest}, not {content}): delete it "
            "and fetch it again, or, if these are the ones that you mean, set its `content` to their digest"
        )
    if validation is not None:
        arrays = hold_out(arrays, validation)
    found = measured(arrays["x_train"])
    check_values(found, white, deviation)
    if deviation is not None:
        arrays = scaled(arrays, deviation / found.deviation)
    x = arrays["x_train"]
    # By the training set alone: what is tested must not decide how a run learns.
    bounded = x.dtype == np.uint8 or (x.min() >= 0 and x.max() <= 1)
    values: dict[str, Any] = {**arrays, "scale": scale_of(x, largest), "bounded": bounded}
    with replacing(target) as temporary, temporary.open("wb") as stream:
        # NumPy stamps every member with the same date in 1980, so equal arrays give equal bytes.
        np.savez(stream, **values, made_from=made_from, content=Prepared(**values).digest())
    return remarks(found, largest, deviation, replayed=replayed)


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
        held[own[-held_out(len(own), share, int(label)) :]] = True
    sides = {"train": ~held, "test": held}
    return {f"{key}_{side}": arrays[f"{key}_train"][rows] for side, rows in sides.items() for key in ("x", "y")}
