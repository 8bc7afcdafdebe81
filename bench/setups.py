"""What is measured: the settings of the workflow's own studies, on data that mean nothing.

What an image shows changes nothing in what a step costs.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.experiment import labelled, to_device
from exaggerated_replay.learning.run import Samples
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.settings.run import RunSettings

CONF = Path("conf")
STUDIES = {"miniature": ["dataset=cifar100", "study=laptop"], "paper": ["dataset=cifar100", "study=table1"]}
ARMS = ("bir-si", "rr-ra")
INPUTS = 1024


def equal_tasks(classes: int, tasks: int) -> list[list[int]]:
    """Return the classes of each task, as many in each, in the order of their numbers."""
    return np.arange(classes).reshape(tasks, -1).tolist()


def settings_of(workload: str, arm: str) -> RunSettings:
    """Return the settings of an arm's first run, exactly as the workflow would train it.

    Raises:
        UserError: There is no conf/ here.
    """
    if not CONF.is_dir():
        raise UserError("there is no conf/ here: start the benchmark from the root of the repository")
    return make_plan(check_params(compose_values(CONF, STUDIES[workload]))).cells[arm].runs[0].settings


def changed(settings: RunSettings, **values: Any) -> RunSettings:
    """Return the settings with other values, wherever they stand: in the model, in the training or in the run."""

    def of(part: Any) -> Any:
        own = {name: value for name, value in values.items() if hasattr(part, name)}
        return dataclasses.replace(part, **own)

    return dataclasses.replace(of(settings), model=of(settings.model), training=of(settings.training))


def shrunk(settings: RunSettings) -> RunSettings:
    """Return settings of 2 tasks of 2 classes and a tiny network, for a check of the benchmark itself."""
    return changed(settings, tasks=equal_tasks(4, 2), units=16, latent=4, batch=8, replay_batch=8)


def prepared_of(x: np.ndarray, y: np.ndarray) -> Prepared:
    """Return inputs (N, inputs) of classes (N,) to train on; the first fifth of them to test on as well."""
    test = slice(len(y) // 5)
    return Prepared(x_train=x, y_train=y, x_test=x[test], y_test=y[test], scale=1.0, bounded=False)


def noise(classes: int, each: int, inputs: int = INPUTS) -> Prepared:
    """Return as many inputs of each class, all standard normal numbers."""
    x = np.random.default_rng(0).standard_normal((classes * each, inputs), dtype=np.float32)
    return prepared_of(x, np.tile(np.arange(classes), each))


def enough(settings: RunSettings) -> Prepared:
    """Return inputs that suffice for a batch in every task."""
    smallest = min(settings.task_sizes)
    return noise(len(settings.class_order), max(5, -(-settings.training.batch // smallest)))


def samples_of(settings: RunSettings, prepared: Prepared, device: torch.device) -> tuple[Samples, Samples]:
    """Return training and test set on the device, labelled in the order in which the run sees the classes."""
    return labelled(to_device(prepared, device), prepared, settings.class_order)


def store(folder: Path, classes: int, each: int) -> None:
    """Write images of CIFAR's shape and inputs like their features, so that processes can share them."""
    prepared = noise(classes, each)
    images = np.random.default_rng(1).integers(0, 256, (len(prepared.y_train), 32, 32, 3), dtype=np.uint8)
    for name, array in (("images", images), ("inputs", prepared.x_train), ("classes", prepared.y_train)):
        np.save(folder / f"{name}.npy", array)


def stored(folder: Path, name: str) -> np.ndarray:
    """Map one of the arrays that `store` has written into memory."""
    return np.load(folder / f"{name}.npy", mmap_mode="c")
