"""The training loop: one for every method, device and size."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from exaggerated_replay.learning.batches import ShuffledBatches, rows_of_tasks
from exaggerated_replay.learning.method import Method, State
from exaggerated_replay.learning.step import step_of
from exaggerated_replay.streams import stream

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
    precision: str = "fp32"  # of the matrix products: fp32, tf32 or bf16
    optimiser_state: str = "kept"  # what Adam keeps when a task begins: all, its "moments" only, nothing ("reset")


@dataclass(frozen=True)
class Outcome:
    """What a run leaves besides its weights; it grows task by task."""

    correct: list[list[int]]  # (tasks, classes): test samples classified right after each task
    predicted: list[int]  # (classes,): test samples the final model assigns to each class
    instruments: dict[str, list[float]]  # per task, the mean of what the method noted


class Diverged(Exception):
    """The loss of a run is no finite number any more."""

    def __init__(self, method: Method, outcome: Outcome, task: int, iteration: int, term: str, loss: float) -> None:
        """Take the method, its outcome in the tasks before, and when which term of the loss was first not finite."""
        super().__init__(f"{term} is not a finite number in task {task}, iteration {iteration}")
        self.method = method
        self.outcome = outcome
        self.task = task
        self.iteration = iteration
        self.term = term
        self.loss = loss


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


class Keeper(Protocol):
    """Who keeps what an interrupted run goes on from."""

    def saved(self) -> State | None:
        """Return the latest state kept of this run, if there is one."""
        ...

    def due(self) -> bool:
        """Return whether it is time to keep another."""
        ...

    def save(self, state: State) -> None:
        """Keep a state. Its tensors are those at work, which the next step changes."""
        ...


@dataclass
class Standing:
    """All that one step leaves for the next: where a run stands."""

    method: Method
    optimiser: torch.optim.Optimizer
    batches: ShuffledBatches
    outcome: Outcome
    observer: Observer | None

    def state(self, task: int, iteration: int) -> State:
        """Return where the run stands after so many iterations of a task."""
        return {
            "task": task,
            "iteration": iteration,
            "method": self.method.state(),
            "optimiser": {str(index): moments for index, moments in self.optimiser.state_dict()["state"].items()},
            "batches": self.batches.state(),
            "outcome": vars(self.outcome),
            "observer": self.observer and self.observer.state(),
        }

    def restore(self, state: State) -> int:
        """Go back to where `state` was taken, the task having begun; return the iterations done in it."""
        self.method.restore(state["method"])
        moments = {int(index): moments for index, moments in state["optimiser"].items()}
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.batches.restore(state["batches"])
        for name, value in state["outcome"].items():
            current = getattr(self.outcome, name)
            current.clear()
            current.update(value) if isinstance(current, dict) else current.extend(value)
        if self.observer is not None:
            self.observer.restore(state["observer"])
        return state["iteration"]


def train(
    method: Method,
    train_set: Samples,
    test_set: Samples,
    schedule: Schedule,
    watch: Callable[[Progress], None],
    observer: Observer | None = None,
    keeper: Keeper | None = None,
) -> Outcome:
    """Teach a method one task after the other, and test it after each.

    The optimiser keeps what the schedule says between tasks. The loop never waits for the device, except to report
    progress some twenty times per task. Where the keeper has a state of this run it goes on from there, to the same
    weights and counts.

    Raises:
        UserError: A batch is larger than a task.
        Diverged: The loss stopped being a finite number.
    """
    optimiser = method.optimiser(schedule.learning_rate)
    order = stream(method.problem.seed, "data order")
    outcome = Outcome([], [], {})
    saved = keeper and keeper.saved()

    for task in range(saved["task"] if saved else 1, schedule.tasks + 1):
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
        batches = ShuffledBatches(pool, schedule.batch, order, task)
        standing = Standing(method, optimiser, batches, outcome, observer)
        done = 0
        if saved:
            done, saved = standing.restore(saved), None
        elif keeper is not None and task > 1:
            keeper.save(standing.state(task, 0))
        steps = method.steps(schedule.iterations)
        report_every = max(1, steps // 20)
        accuracy = accuracy_so_far(outcome)
        step = step_of(method, optimiser, schedule.precision)

        for iteration in range(done + 1, steps + 1):
            rows = next(batches)
            loss = step(train_set.x[rows], train_set.y[rows])
            if iteration % report_every == 0 or iteration == steps:
                value = loss.item()
                if not math.isfinite(value):
                    term, first = method.instruments.first_to_fail(iteration) or ("loss", iteration)
                    raise Diverged(method, outcome, task, first, term, value)
                watch(Progress(task, schedule.tasks, iteration, steps, value, accuracy))
            if keeper is not None and keeper.due():
                keeper.save(standing.state(task, iteration))

        own = rows_of_tasks(train_set.y, range(task, task + 1), method.problem)
        x, y = train_set.x[own], train_set.y[own]
        if observer is not None:
            observer.task_end(method, task, x, y)
        method.end_task(x, y)
        for name, mean in method.instruments.means(steps).items():
            outcome.instruments.setdefault(name, [0.0] * (task - 1)).append(mean)
        hits, outcome.predicted[:] = count_correct(method, test_set)
        outcome.correct.append(hits)

    return outcome


def accuracy_so_far(outcome: Outcome) -> float | None:
    """Return the accuracy on the classes seen after the last finished task, in percent."""
    if not outcome.correct:
        return None
    return PERCENT * sum(outcome.correct[-1]) / sum(outcome.predicted)  # every test sample has one prediction


def restart_count(optimiser: torch.optim.Optimizer) -> None:
    """Let Adam correct the bias of its moments as if it had taken no step yet; the moments stay."""
    for state in optimiser.state.values():
        state["step"].zero_()


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
