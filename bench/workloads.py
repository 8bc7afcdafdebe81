"""What is measured: the settings of the workflow's own studies, on images whose content decides nothing."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from exaggerated_replay.data.prepared import ARRAYS, Prepared, load_features
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.encoder import ConvEncoder
from exaggerated_replay.features.extraction import load_encoder, write_features
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.settings.study import Params

CONF = Path("conf")
STUDIES = {
    "digits": ["dataset=digits", "study=default"],
    "miniature": ["dataset=cifar100", "study=laptop"],
    "paper": ["dataset=cifar100", "study=table1"],
}
ARMS = ("bir-si", "rr-ra")
CIFAR100 = {"classes": 100, "train": 500, "test": 100}  # images per class


def params_of(workload: str) -> Params:
    """Return the params.yaml of a workload as conf/ composes it.

    Raises:
        UserError: There is no conf/ here.
    """
    if not CONF.is_dir():
        raise UserError("there is no conf/ here: start the benchmark from the root of the repository")
    return check_params(compose_values(CONF, STUDIES[workload]))


def settings_of(workload: str, arm: str) -> RunSettings:
    """Return the settings of an arm's first run, exactly as the workflow would train it."""
    return make_plan(params_of(workload)).cells[arm].runs[0].settings


def shortened(settings: RunSettings, iterations: int, threads: int | None = None) -> RunSettings:
    """Return the settings with fewer iterations per task, and another number of threads."""
    training = dataclasses.replace(settings.training, iterations=iterations)
    return dataclasses.replace(settings, training=training, threads=threads or settings.threads)


def noise(
    classes: int, train: int, test: int, sample: Callable[[np.random.Generator, int], np.ndarray]
) -> dict[str, np.ndarray]:
    """Return training and test samples that mean nothing, and their classes, in the form of an npz file.

    Args:
        classes: How many.
        train: Training samples of each class.
        test: Test samples of each class.
        sample: Draws so many samples.
    """
    draw = np.random.default_rng(0)
    arrays = {}
    for part, each in (("train", train), ("test", test)):
        arrays[f"x_{part}"] = sample(draw, classes * each)
        arrays[f"y_{part}"] = np.tile(np.arange(classes), each)
    return arrays


def noise_images(classes: int, train: int, test: int) -> dict[str, np.ndarray]:
    """Return images of CIFAR's shape that show nothing, in the form of an npz file.

    Args:
        classes: How many.
        train: Training images of each class.
        test: Test images of each class.
    """
    return noise(classes, train, test, lambda draw, n: draw.integers(0, 256, size=(n, 32, 32, 3), dtype=np.uint8))


def noise_inputs(inputs: int, image_values: int, classes: int, train: int, test: int = 10) -> Prepared:
    """Return real-valued inputs that mean nothing, like the features of images.

    Args:
        inputs: Values of a sample.
        image_values: Values of the image that a sample stands for.
        classes: How many.
        train: Training samples of each class.
        test: Test samples of each class.
    """
    arrays = noise(classes, train, test, lambda draw, n: draw.standard_normal(size=(n, inputs), dtype=np.float32))
    return Prepared(**arrays, scale=1.0, bounded=False, image_values=image_values)


def noise_digits() -> Prepared:
    """Return 8 x 8 images of values 0 ... 16 that show nothing, as many as there are digits."""
    arrays = noise(10, 144, 36, lambda draw, n: draw.integers(0, 17, size=(n, 8, 8), dtype=np.uint8))
    return Prepared(**arrays, scale=16.0, bounded=True, image_values=64)


@dataclass(frozen=True)
class Images:
    """Images and their features in files, so that processes can share them."""

    folder: Path
    weights: Path
    scale: float  # of the encoder's features
    mean: list[float]
    std: list[float]

    @property
    def features(self) -> Path:
        """Where the features lie."""
        return self.folder / "features.safetensors"

    def encoder(self) -> ConvEncoder:
        """Return the frozen encoder."""
        return load_encoder(self.weights, self.scale)

    def raw(self, name: str) -> np.ndarray:
        """Return one array of the images, mapped into memory."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    def prepared(self) -> Prepared:
        """Return the features, mapped into memory as the workflow does."""
        return load_features(self.features)


def store_images(source: Path | None, folder: Path, classes: int, train: int, test: int) -> Images:
    """Write images to a folder: noise, or those of an npz file.

    Args:
        source: The npz file with x_train, y_train, x_test and y_test, uint8 of shape (N, 32, 32, 3); None for noise.
        folder: An empty one.
        classes: Of the noise.
        train: Training images of each class of the noise.
        test: Test images of each class of the noise.

    Raises:
        UserError: The file is missing, or holds no such images.
    """
    if source is None:
        arrays = noise_images(classes, train, test)
    else:
        try:
            with np.load(source, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ARRAYS}
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{source} is no npz file with {', '.join(ARRAYS)}: name another one in --data") from error
        if arrays["x_train"].dtype != np.uint8 or arrays["x_train"].shape[1:] != (32, 32, 3):
            raise UserError(f"{source} holds no images of CIFAR's shape, uint8 (N, 32, 32, 3): name another file")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    params = params_of("miniature")
    encoder = params.encoder
    return Images(folder, Path(encoder.weights).resolve(), encoder.scale, params.dataset.mean, params.dataset.std)


def store_features(images: Images, threads: int) -> None:
    """Compute the features of stored images as the workflow's rule does."""
    arrays = {name: np.array(images.raw(name)) for name in ARRAYS}
    prepared = Prepared(**arrays, scale=255.0, bounded=True, image_values=3 * 32 * 32)
    write_features(prepared, images.encoder(), images.mean, images.std, torch.device("cpu"), threads, images.features)


def in_stored_order(prepared: Prepared) -> list[int]:
    """Return the class order in which classes are seen in the order of their numbers."""
    return list(range(prepared.classes))
