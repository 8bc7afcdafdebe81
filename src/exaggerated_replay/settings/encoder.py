"""The convolutional encoder whose frozen features are learned from."""

import re
from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Count, Positive, Seed, Settings, require
from exaggerated_replay.settings.data import SourceSettings


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(Settings):
    """How the convolutional encoder is trained on images, before anything else."""

    epochs: Count  # passes over the training images
    batch: Count = 256  # images per step
    learning_rate: Positive = 1e-4  # of Adam; the peak of the cycle, where there is one
    schedule: Literal["constant", "one_cycle"] = "constant"  # of the learning rate
    units: Count = 2000  # of each of the two fully connected layers that are thrown away afterwards
    seed: Seed = 0  # of initial weights and batches
    threads: Count = 2  # on the CPU


@dataclass(frozen=True, kw_only=True)
class PublishedSettings(Settings):
    """A trained encoder that somebody publishes."""

    file: str  # its plain name
    checksum: str  # `sha256:` and 64 digits
    mirrors: list[str]  # folders that hold it: URLs, or folders of this machine

    def __post_init__(self) -> None:
        require(
            re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.file, re.ASCII) is not None,
            f"file: {self.file!r} is not the plain name of a file",
        )
        require(
            re.fullmatch(r"sha256:[0-9a-f]{64}", self.checksum) is not None,
            f"checksum is {self.checksum!r}, but must read sha256: and 64 digits in small letters",
        )


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The convolutional encoder whose frozen features are learned from: a trained one, one to be trained, or none."""

    name: str  # as it stands in paths: letters, digits, dashes, underscores
    weights: str | None = None  # a file with a trained encoder
    architecture: str = "conv5"  # the paper's five convolutions, or the name of a model of torchvision
    image_size: Count | None = None  # to which images are enlarged or reduced; null: as they are
    deviation: Positive | None = None  # of all features of the training images; null: as they come
    images: SourceSettings | None = None  # what to train one on: the keys of `dataset` that say where data come from
    pretraining: PretrainingSettings | None = None  # how to train it
    published: PublishedSettings | None = None  # where to get a trained one; `weights` may name a copy of it

    def __post_init__(self) -> None:
        require(
            re.fullmatch(r"[A-Za-z0-9][\w-]{0,63}", self.name, re.ASCII) is not None,
            f"name is {self.name!r}: use letters, digits, dashes and underscores only",
        )
        require(
            (self.images is None) == (self.pretraining is None),
            "images and pretraining belong together: give both to train an encoder, or neither",
        )
        require(
            self.weights is None or self.images is None,
            "weights names a trained encoder, images and pretraining would train one: choose",
        )
        require(
            self.published is None or self.images is None,
            "published names a trained encoder, images and pretraining would train one: choose",
        )
        require(
            re.fullmatch(r"[a-z][a-z0-9_]*", self.architecture) is not None,
            f"architecture is {self.architecture!r}: choose conv5, or the name of a model of torchvision",
        )
        require(
            self.images is None or (self.architecture == "conv5" and self.image_size is None),
            "only conv5 can be trained here, on images as they are: name the weights of another architecture",
        )
        require(self.images is None or self.images.mean is not None, "images.mean and images.std are missing")
        require(
            self.used or self.deviation is None,
            f"deviation is {self.deviation}, but there is no encoder whose features it could be of: set it to null, "
            "and dataset.deviation for features of your own",
        )

    @property
    def used(self) -> bool:
        """Whether there is an encoder at all; without one, runs learn from the inputs as they are."""
        return any(way is not None for way in (self.weights, self.images, self.published))
