"""The training loop: one for every method, device and size."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Method, Problem, State
from exaggerated_replay.learning.step import step_of
from exaggerated_replay.streams import stream


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
    precision: str = "fp32"  # of the matrix products: fp32, tf32 or bf16
    optimiser_state: str = "kept"  # what Adam keeps when a task begins: all, its "moments" only, nothing ("reset")


@dataclass(frozen=True)
class Outcome:
    """What a run leaves besides its weights."""

    correct: list[list[int]]  # (tasks, classes): test samples classified right after each task
    predicted: list[int]  # (classes,): test samples the final model assigns to each class
    instruments: dict[str, list[float]]  # per task, the mean of what the method noted


class Observer(Protocol):
    """Who looks at a run when a task ends. It changes nothing of the run, and draws from random streams of its own."""

    def task_end(self, method: Method, task: int, x: Tensor, y: Tensor) -> None:
        """Look at a method that has learned a task, before it keeps anything of it for later ones.

        Args:
            method: The method; what it replays is still what it replayed in this task.
            task: Number of the task, from 1.
            x: (N, inputs) training samples of the task.
            y: (N,) their labels.
        """
        ...

    def state(self) -> State:
        """Return what was noted so far, and where random streams are, for a run that goes on later."""
        ...

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...

    def traces(self) -> dict[str, Tensor]:
        """Return all that was noted, by name, on the CPU."""
        ...


def train(
    method: Method,
    train_set: Samples,
    test_set: Samples,
    schedule: Schedule,
    watch: Callable[[Progress], None],
    observer: Observer | None = None,
) -> Outcome:
    """Teach a method one task after the other, and test it after each.

    The optimiser keeps what the schedule says between tasks. The loop never waits for the device, except to report
    progress some twenty times per task.

    Raises:
        UserError: A batch larger than a task, or a loss that stopped being a number.
    """
    optimiser = method.optimiser(schedule.learning_rate)
    order = stream(method.problem.seed, "data order")
    correct: list[list[int]] = []
    instruments: dict[str, list[float]] = {}
    accuracy = None
    predicted: list[int] = []

    for task in range(1, schedule.tasks + 1):
        method.begin_task(task)
        match schedule.optimiser_state:
            case "kept":
                pass
            case "moments":
                restart_count(optimiser)
            case "reset":
                optimiser = method.optimiser(schedule.learning_rate)
            case other:
                raise ValueError(f"{other!r} is not a state of the optimiser")
        pool = rows_of_tasks(train_set.y, method.pool(task), method.problem)
        batches = shuffled_batches(pool, schedule.batch, order, task)
        steps = method.steps(schedule.iterations)
        report_every = max(1, steps // 20)
        step = step_of(method, optimiser, schedule.precision)

        for iteration in range(1, steps + 1):
            rows = next(batches)
            loss = step(train_set.x[rows], train_set.y[rows])
            if iteration % report_every == 0 or iteration == steps:
                value = loss.item()
                if not math.isfinite(value):
                    raise UserError(
                        f"the loss is no finite number any more in task {task}, iteration {iteration}: "
                        "a lower training.learning_rate, or smaller weights of the losses, may help"
                    )
                watch(Progress(task, schedule.tasks, iteration, steps, value, accuracy))

        own = rows_of_tasks(train_set.y, range(task, task + 1), method.problem)
        x, y = train_set.x[own], train_set.y[own]
        if observer is not None:
            observer.task_end(method, task, x, y)
        method.end_task(x, y)
        for name, mean in method.instruments.means(steps).items():
            instruments.setdefault(name, [0.0] * (task - 1)).append(mean)

        hits, predicted = count_correct(method, test_set)
        correct.append(hits)
        accuracy = 100 * sum(hits) / int((test_set.y < method.seen).sum())

    return Outcome(correct, predicted, instruments)


def restart_count(optimiser: torch.optim.Adam) -> None:
    """Let Adam correct the bias of its moments as if it had taken no step yet; the moments stay."""
    for state in optimiser.state.values():
        state["step"].zero_()


def rows_of_tasks(y: Tensor, tasks: range, problem: Problem) -> Tensor:
    """Return the indices of the samples of some tasks (numbered from 1), in stored order."""
    first, end = problem.seen_after(tasks.start - 1), problem.seen_after(tasks.stop - 1)
    return ((y >= first) & (y < end)).nonzero().flatten()


def shuffled_batches(pool: Tensor, batch: int, order: torch.Generator, task: int) -> Iterator[Tensor]:
    """Yield batches of indices for ever: shuffled epochs, the last partial batch of each dropped.

    Raises:
        UserError: The batch is larger than the pool.
    """
    if batch > len(pool):
        raise UserError(
            f"training.batch is {batch}, but task {task} has only {len(pool)} training samples: "
            f"choose a batch of at most {len(pool)}"
        )
    while True:
        shuffled = pool[torch.randperm(len(pool), generator=order).to(pool.device)]
        yield from shuffled[: len(pool) - len(pool) % batch].split(batch)


@torch.no_grad()
def count_correct(method: Method, samples: Samples, chunk: int = 4096) -> tuple[list[int], list[int]]:
    """Classify the test samples of the classes seen so far among these classes.

    Returns:
        For each class of the problem, how many of its samples were classified right, and how many samples
        were assigned to it.
    """
    rows = (samples.y < method.seen).nonzero().flatten()
    guesses = torch.cat([method.network(samples.x[part])[:, : method.seen].argmax(1) for part in rows.split(chunk)])
    y, classes = samples.y[rows], method.problem.classes
    hits = torch.bincount(y[guesses == y], minlength=classes)
    return hits.tolist(), torch.bincount(guesses, minlength=classes).tolist()
