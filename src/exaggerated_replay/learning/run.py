"""A run as data: what it learns from, how long, how far it is, what it leaves, and how it may fail."""

from dataclasses import dataclass

from torch import Tensor

from exaggerated_replay.learning.method import Method
from exaggerated_replay.settings.run import OptimiserState, Precision

PERCENT = 100


@dataclass(frozen=True)
class Samples:
    """Samples of all classes on the device."""

    x: Tensor  # (N, inputs) as a model sees them
    y: Tensor  # (N,) labels in order of being seen


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches."""

    task: int
    tasks: int
    iteration: int
    iterations: int
    loss: float
    accuracy: float | None  # percent, on the classes seen up to the last finished task


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    tasks: int
    iterations: int  # optimiser steps per task
    batch: int  # current samples per step
    learning_rate: float
    precision: Precision = "fp32"  # of the networks' matrix products
    optimiser_state: OptimiserState = "kept"  # what Adam keeps when a task begins: all, its moments only, nothing


@dataclass(frozen=True)
class Outcome:
    """What a run leaves besides its weights; it grows task by task."""

    correct: list[list[int]]  # (tasks, classes): test samples classified right after each task
    predicted: list[int]  # (classes,): test samples the final model assigns to each class
    instruments: dict[str, list[float]]  # per task, the mean of what the method noted; 0 in tasks before it noted it

    def add_task(self, noted: dict[str, float], confusion: Tensor) -> None:
        """Take down a task that was learned.

        Args:
            noted: The mean over its steps of what was noted, by name.
            confusion: (classes, classes) counts of test samples: rows are their classes, columns the classes assigned.
        """
        for name in dict.fromkeys([*self.instruments, *noted]):
            self.instruments.setdefault(name, [0.0] * len(self.correct)).append(noted.get(name, 0.0))
        self.correct.append(confusion.diagonal().tolist())
        self.predicted[:] = confusion.sum(0).tolist()

    @property
    def accuracy(self) -> float | None:
        """The accuracy on the classes seen up to the last finished task, in percent; None in the first task."""
        if not self.correct:
            return None
        return PERCENT * sum(self.correct[-1]) / sum(self.predicted)  # every test sample has one prediction


class Diverged(Exception):
    """The loss of a run is no finite number any more, or a weight is none."""

    def __init__(
        self, method: Method, outcome: Outcome, task: int, iteration: int, loss: float, term: str = "loss"
    ) -> None:
        """Take what was seen.

        Args:
            method: What was being taught.
            outcome: Of the tasks before.
            task: The task, from 1.
            iteration: The iteration after which it was seen; what was noted may say that it began earlier.
            loss: The loss; nan where that was not looked at.
            term: What is no finite number, unless what was noted says which term of the loss was the first.
        """
        self.method = method
        self.outcome = outcome
        self.task = task
        self.loss = loss
        self.term, self.iteration = method.instruments.first_to_fail(iteration) or (term, iteration)
        super().__init__(f"{self.term} is not a finite number in task {task}, iteration {self.iteration}")
