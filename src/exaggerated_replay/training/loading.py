"""A finished run as a library sees it: its network, what it takes an input for, and what it would replay."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.learning.experiment import new_method
from exaggerated_replay.learning.method import Method
from exaggerated_replay.places import RECORD, WEIGHTS
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.run import RunSettings

CPU = torch.device("cpu")


@dataclass(frozen=True)
class LoadedRun:
    """A run that is done, on the CPU."""

    record: dict[str, Any]
    settings: RunSettings
    weights: dict[str, Tensor]
    method: Method  # as at the end of its last task

    @property
    def network(self) -> nn.Module:
        """The trained network: (N, inputs) -> (N, C) scores, classes in order of being seen."""
        return self.method.network

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """Return the class of each input, as the data number them: (N, inputs) as a model sees them -> (N,)."""
        order = torch.tensor(self.settings.class_order)
        return order[self.network(x)[:, : self.method.seen].argmax(1)]

    def replay(self, samples: int) -> tuple[Tensor, Tensor]:
        """Generate samples of all classes, as the run would replay them in a next task.

        Returns:
            (N, inputs) samples, and (N,) the classes that the model takes them for, as the data number them.

        Raises:
            UserError: The method generates nothing.
        """
        training = replace(self.settings.training, replay_batch=samples)
        method = ready_to_replay(self.record, replace(self.settings, training=training), self.weights)
        x, scores, *_ = method.replay()  # type: ignore[operator]
        labels = scores.argmax(1) if scores.dim() == 2 else scores
        return x, torch.tensor(self.settings.class_order)[labels]


def load_run(path: str | Path) -> LoadedRun:
    """Read a run directory, results/runs/NAME.

    Raises:
        UserError: The directory holds no finished run, or its checkpoint is missing or damaged.
    """
    directory = Path(path)
    record = read_json(directory / RECORD)
    weights = directory / WEIGHTS
    if not weights.is_file():
        raise UserError(f"{weights} is missing: `dvc pull` it or run the workflow again")
    if file_digest(weights) != record["sha256"][WEIGHTS]:
        raise UserError(f"{weights} is not the checkpoint that its record names: delete it and run the workflow again")
    settings = read_settings(RunSettings, record["settings"])
    tensors = read_weights(weights)
    return LoadedRun(record, settings, tensors, trained_method(record, settings, tensors))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is not a readable checkpoint: delete it and run the workflow again") from error


def trained_method(record: dict[str, Any], settings: RunSettings, weights: dict[str, Tensor]) -> Method:
    """Build a run's method again as it was at the end of its last task.

    Raises:
        UserError: The checkpoint is one of another version of the code.
    """
    problem = record["problem"]
    method = new_method(settings, problem["inputs"], problem["bounded"], CPU)
    method.begin_task(len(settings.tasks))
    for name in method.kept:
        own = {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")}
        if own.keys() != getattr(method, name).state_dict().keys():
            raise UserError(
                f"the checkpoint is one of another version of the code ({settings.code}), which has other parts: train "
                "the run again"
            )
        getattr(method, name).load_state_dict(own)
    return method


def ready_to_replay(record: dict[str, Any], settings: RunSettings, weights: dict[str, Tensor]) -> Method:
    """Build a run's method again as it would be in a task after its last: it replays all classes.

    Raises:
        UserError: The method generates nothing.
    """
    method = trained_method(record, settings, weights)
    if not hasattr(method, "replay"):
        raise UserError(f"the method {settings.method.method} generates no samples to replay")
    method.end_task(torch.zeros(0, method.problem.inputs), torch.zeros(0, dtype=torch.int64))
    method.begin_task(len(settings.tasks) + 1)
    return method
