"""What the trainer asks of a method, with the behaviour of plain sequential learning as the default."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.learning.instruments import Instruments
from exaggerated_replay.learning.likelihoods import Likelihood
from exaggerated_replay.learning.networks import Classifier, initialise
from exaggerated_replay.streams import stream

State = dict[str, Any]
"""Nested dictionaries and lists of tensors, numbers, strings and None: what a run goes on from."""


@dataclass(frozen=True)
class Problem:
    """What a method is told before it sees any data. All sizes are counts."""

    inputs: int  # input values per sample
    image_values: int  # values of the image a sample stands for; divides the variational loss
    task_sizes: tuple[int, ...]  # classes that each task brings
    likelihood: Likelihood
    units: int
    latent: int
    replay_batch: int  # replayed samples per step
    seed: int
    device: torch.device

    @property
    def classes(self) -> int:
        """Number of classes of the whole problem."""
        return sum(self.task_sizes)

    def seen_after(self, task: int) -> int:
        """Return how many classes the tasks up to number `task` (from 1) bring."""
        return sum(self.task_sizes[: max(task, 0)])


class Method(nn.Module):
    """A way to learn one task after another. Subclasses say what differs: the loss, and what is kept.

    What is kept from one step to the next are modules and buffers made in `__init__`, and generators from `draw`: they
    are the state that an interrupted run goes on from. `begin_task` may set what follows from the task's number alone.
    Anything else that changes while training is refused before it is saved (`training/completeness.py`).

    The base class is the baseline "none": a classifier trained on the current task alone.
    """

    kept: tuple[str, ...] = ("network",)  # the modules that make up a checkpoint
    static_shapes = True  # no shape in loss() depends on the data, so that a GPU may capture the step

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__()
        self.problem = problem
        self.settings = settings
        self.task = 0  # number of the current task, from 1
        self.generators: list[torch.Generator] = []  # all that the method draws from
        self.instruments = Instruments()
        self.network = self.build_network()

    def build_network(self) -> nn.Module:
        """Return the network that learns; its initial weights depend on the seed alone."""
        network = Classifier(self.problem.inputs, self.problem.units, self.problem.classes)
        initialise(network, self.problem.seed)
        return network.to(self.problem.device)

    @property
    def seen(self) -> int:
        """Number of classes seen, the current task's included."""
        return self.problem.seen_after(self.task)

    @property
    def earlier(self) -> int:
        """Number of classes seen before the current task."""
        return self.problem.seen_after(self.task - 1)

    def pool(self, task: int) -> range:
        """Return the tasks whose training data batches of `task` are drawn from, as the settings say."""
        return range(1 if self.settings.draws_from == "tasks so far" else task, task + 1)

    def optimiser(self, learning_rate: float) -> torch.optim.Optimizer:
        """Return what takes the steps: Adam (betas 0.9, 0.999)."""
        on_gpu = self.problem.device.type == "cuda"  # where a step may be captured, see step.py
        return torch.optim.Adam(self.parameters(), lr=learning_rate, fused=True, capturable=on_gpu)

    def steps(self, iterations: int) -> int:
        """Return how many optimiser steps a task takes: as many as the schedule says, or none without batches."""
        return 0 if self.settings.draws_from == "nothing" else iterations

    def begin_task(self, task: int) -> None:
        """Get ready for task number `task` (from 1)."""
        self.task = task
        self.instruments = Instruments()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss to minimise: inputs (B, inputs) in model units, labels (B,) -> scalar."""
        return self.classification(self.network(x), y)

    def after_step(self) -> None:
        """Look at the weights and gradients after the optimiser's step."""

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Keep what later tasks need of this one, whose training data are x (N, inputs) and y (N,)."""

    def classification(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the cross-entropy over all classes seen so far, and note its mean."""
        return self.note("classification", F.cross_entropy(logits[:, : self.seen], y))

    def balance(self, current: Tensor, replayed: Tensor) -> Tensor:
        """Weigh current against replayed loss: (1/t) current + (1 - 1/t) replayed in task t."""
        return current / self.task + (1 - 1 / self.task) * replayed

    def note(self, name: str, value: Tensor) -> Tensor:
        """Add a value to the task's instruments and hand it back."""
        self.instruments.note(name, value)
        return value

    def draw(self, purpose: str, device: torch.device | None = None) -> torch.Generator:
        """Return a generator for this purpose, on the run's device unless another is named."""
        self.generators.append(stream(self.problem.seed, purpose, device or self.problem.device))
        return self.generators[-1]

    def noise(self, rows: int, generator: torch.Generator) -> Tensor:
        """Return standard normal noise, (rows, latent)."""
        return torch.randn(rows, self.problem.latent, generator=generator, device=self.problem.device)

    def state(self) -> State:
        """Return all that learning has changed, between two steps."""
        return {
            "tensors": self.state_dict(),
            "generators": [generator.get_state() for generator in self.generators],
            "instruments": self.instruments.state(),
        }

    def restore(self, state: State) -> None:
        """Go on from what `state` returned, the same task having begun; the parameters stay the same objects."""
        own = self.state_dict()
        for name, value in state["tensors"].items():
            if name in own and own[name].shape != value.shape:  # a buffer that grows while training
                owner, _, buffer = name.rpartition(".")
                setattr(self.get_submodule(owner), buffer, value.to(self.problem.device, copy=True))
        self.load_state_dict(state["tensors"])
        for generator, drawn in zip(self.generators, state["generators"], strict=True):
            generator.set_state(drawn)
        self.instruments.restore(state["instruments"], self.problem.device)

    def checkpoint(self) -> dict[str, Tensor]:
        """Return the weights that make up the trained model, by name."""
        return {
            f"{name}.{key}": value.contiguous()
            for name in self.kept
            for key, value in getattr(self, name).state_dict().items()
        }


@contextmanager
def evaluating(method: Method) -> Iterator[None]:
    """Let layers such as dropout and batch normalisation do what they do in use; afterwards each is as it was."""
    modes = {module: module.training for module in method.modules()}
    method.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def build_method(name: str, problem: Problem, settings: Any) -> Method:
    """Return the method that the file methods/<name>/method.py calls `METHOD`."""
    return seeded_method(import_module(f"exaggerated_replay.methods.{name}.method").METHOD, problem, settings)


def seeded_method(kind: Callable[[Problem, Any], Method], problem: Problem, settings: Any) -> Method:
    """Return a method of a kind that has learned nothing yet.

    Layers that nobody initialises draw from torch's own stream, which is at the seed meanwhile and afterwards where it
    was: what they draw depends on the seed alone, and not on the runs before.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(problem.seed)
        return kind(problem, settings)
