"""What decides one run's result: model, training, method, data. A run's identity is the digest of these."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from exaggerated_replay.settings.base import Count, NonNegative, Positive, Seed, Settings, require

OptimiserState = Literal["kept", "moments", "reset"]
Precision = Literal["fp32", "tf32", "bf16"]
DrawsFrom = Literal["task", "tasks so far", "nothing"]


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """Sizes of the networks."""

    units: Count  # of each hidden layer
    latent: Count  # of z


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How long and how fast to learn."""

    iterations: Count  # optimiser steps per task
    batch: Count  # current samples per step
    replay_batch: Count  # replayed samples per step
    learning_rate: Positive  # of Adam
    optimiser_state: OptimiserState = "kept"  # what Adam keeps when the next task begins


@dataclass(frozen=True, kw_only=True)
class SISettings(Settings):
    """Synaptic intelligence."""

    strength: NonNegative  # c: what it costs to change an important weight
    damping: Positive = 0.1  # added to the squared change of a weight before it divides


@dataclass(frozen=True, kw_only=True)
class MethodSettings(Settings):
    """What the settings of every method have: its name. Each method adds its own, in its own folder."""

    generates: ClassVar[bool] = False  # whether it learns from samples that it generates itself
    # What batches of a task are drawn from; from nothing by a method that takes no steps.
    draws_from: ClassVar[DrawsFrom] = "task"
    # Settings that say how many training samples are taken; where there are fewer, all of them.
    of_each_class: ClassVar[tuple[str, ...]] = ()
    of_each_task: ClassVar[tuple[str, ...]] = ()

    method: str  # its folder in methods/


@dataclass(frozen=True, kw_only=True)
class OtherMethodSettings(MethodSettings):
    """Those of a method that is not at hand, as in a file of somebody's: enough to read what its runs left behind."""

    settings: dict[str, Any]  # by name, as a record holds them


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """All that decides one run's result, and nothing else: its identity is the digest of this."""

    data: str  # SHA-256 of what the data are made from
    image_values: Count  # values of the image that an input stands for; divides the variational loss
    code: str  # the stated versions of the code that the run executes, such as "core 1, bir 1"
    tasks: list[list[Seed]]  # the original classes of each task, in order of being seen
    seed: Seed  # of class order, initial weights, batches and replay
    model: ModelSettings
    training: TrainingSettings
    method: MethodSettings
    threads: Count  # on the CPU; decides in which order sums are taken
    precision: Precision  # of matrix products

    def __post_init__(self) -> None:
        require(all(self.tasks) and bool(self.tasks), "tasks: every task needs at least one class")
        every_class = list(range(len(self.class_order)))
        require(sorted(self.class_order) == every_class, "tasks must name each class 0 ... C - 1 exactly once")

    @property
    def class_order(self) -> list[int]:
        """All classes in order of being seen: entry k is the original class that has label k."""
        return [original for task in self.tasks for original in task]

    @property
    def task_sizes(self) -> tuple[int, ...]:
        """The number of classes that each task brings."""
        return tuple(len(task) for task in self.tasks)
