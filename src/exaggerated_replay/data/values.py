"""The values of inputs: their range and size, what is made of them, and what is to be said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import read_npz
from exaggerated_replay.data.identity import remembered
from exaggerated_replay.errors import UserError

USUAL = 0.41
"""Standard deviation of the features that the baseline was published with."""

FAR = 2.0
"""The factor beyond which the size of features is said to be another."""

DARK = 4
"""Images whose largest value is this many times smaller than white are probably not of bytes from 0 to 255."""

CHUNKS = 50  # so that no second copy of all values is ever in memory


@dataclass(frozen=True)
class Values:
    """What the training inputs are like, as they are stored."""

    images: bool  # bytes; else features, floating point
    low: float
    high: float
    deviation: float

    @property
    def bounded(self) -> bool:
        """Whether features lie in [0, 1], as images do, so that no size has to be brought to them."""
        return self.low >= 0 and self.high <= 1


def deviation_of(values: np.ndarray) -> float:
    """Return the standard deviation over all values, summed in double precision, about their mean."""
    mean = float(np.mean(values, dtype=np.float64))
    squares = sum(float(np.square(chunk - mean, dtype=np.float64).sum()) for chunk in np.array_split(values, CHUNKS))
    return (squares / values.size) ** 0.5


def measured(x: np.ndarray) -> Values:
    """Return what inputs are like."""
    return Values(x.dtype == np.uint8, float(x.min()), float(x.max()), deviation_of(x))


def values_in(path: Path, key: str) -> Values:
    """Return what the training inputs of a user's npz file are like; a file is looked at once.

    Args:
        path: The file, which is a usable data set.
        key: The setting that names it.

    Raises:
        UserError: There is no such file, or it cannot be read.
    """
    look = lambda: json.dumps(asdict(measured(read_npz(path, ["x_train"])["x_train"])))  # noqa: E731 (called once)
    return Values(**json.loads(remembered(path, key, "values", look)))


def check_values(found: Values, white: int | None, deviation: float | None, key: str = "dataset") -> None:
    """Check that what the settings say of the values of inputs fits the training inputs.

    Args:
        found: What these are like.
        white: The largest value of a pixel; None where the settings do not state it.
        deviation: What the standard deviation of features becomes; None: they stay as they are.
        key: The part of the settings that says so.

    Raises:
        UserError: It does not.
    """
    if white is not None and not found.images:
        raise UserError(f"{key}.white is for images, and these are features: set it to null")
    if white is not None and found.high > white:
        raise UserError(f"{key}.white is {white}, but x_train has values up to {found.high:g}: set it to that")
    if deviation is not None and found.images:
        raise UserError(
            f"{key}.deviation is for features, and these are images, which are divided by what is white: set it "
            "to null; that of an encoder's features is encoder.deviation"
        )
    if deviation is not None and not 0 < found.deviation < float("inf"):
        raise UserError(
            f"{key}.deviation is {deviation:g}, but the features have a standard deviation of {found.deviation}, which "
            "cannot be scaled: check the file"
        )


def scaled(arrays: Mapping[str, np.ndarray], factor: float) -> dict[str, np.ndarray]:
    """Multiply the features of both sets, which are single precision."""
    return {key: array * np.float32(factor) if key.startswith("x_") else array for key, array in arrays.items()}


def remarks(found: Values, white: int, deviation: float | None = None, *, replayed: bool) -> list[str]:
    """Say what was found and done, and what is unlikely to be meant, a sentence each.

    Args:
        found: Of the training inputs.
        white: What images are divided by.
        deviation: What that of features is brought to, if anything.
        replayed: Whether some method learns from samples that it generates, for which the size of features matters.
    """
    low, high = (f"{value:.4g}" for value in (found.low, found.high))
    if found.images:
        said = [f"Images with values from {low} to {high}, which were divided by {white}."]
        if DARK * found.high <= white:
            said.append(
                f"Their largest value is {high}, far below {white}, and a model would see them nearly black: if {high} "
                f"is white, set dataset.white={high}."
            )
        return said
    said = [f"Features with values from {low} to {high} and a standard deviation of {found.deviation:.3g}."]
    if deviation is not None:
        said.append(f"They were brought to a standard deviation of {deviation:g}.")
    size = found.deviation if deviation is None else deviation
    if replayed and not (deviation is None and found.bounded) and not USUAL / FAR <= size <= USUAL * FAR:
        said.append(
            f"The standard deviation of the features is {size:.3g}, far from {USUAL}, that of the features that replay "
            f"was published with, and replay depends on it: set dataset.deviation={USUAL} to bring them there."
        )
    return said
