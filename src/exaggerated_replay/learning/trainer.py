"""The training loop: one for every method, device and size."""

import math
import sys
from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor

from exaggerated_replay.learning.batches import ShuffledBatches, rows_of_tasks
from exaggerated_replay.learning.method import Method, evaluating
from exaggerated_replay.learning.run import PERCENT, Diverged, Outcome, Progress, Samples, Schedule
from exaggerated_replay.learning.standing import Keeper, Observer, Standing
from exaggerated_replay.learning.step import step_of
from exaggerated_replay.streams import stream

INFINITE = "infinite_moments"  # an instrument of those runs alone in which it is ever above zero
STUCK = (
    "in task {task} the squared gradients of {percent:.2g} % of the weights passed what Adam can hold in single "
    "precision: these weights do not move any more, and the run goes on"
)


def to_stderr(said: str) -> None:
    """Print a line for whoever watches."""
    print(said, file=sys.stderr, flush=True)


def train(
    method: Method,
    train_set: Samples,
    test_set: Samples,
    schedule: Schedule,
    watch: Callable[[Progress], None],
    observer: Observer | None = None,
    keeper: Keeper | None = None,
    tell: Callable[[str], None] = to_stderr,
) -> Outcome:
    """Teach a method one task after the other, and test it after each.

    The loop never waits for the device, except to report progress some twenty times per task. Where the keeper has a
    state of this run it goes on from there, to the same weights and counts. What goes wrong without stopping it is told
    in one line.

    Raises:
        UserError: A batch is larger than a task, or a state that is to be saved would lack something that the method
            keeps.
        Diverged: The loss, or a weight after a task's last step, is no finite number.
    """
    optimiser = method.optimiser(schedule.learning_rate)
    order = stream(method.problem.seed, "data order")
    outcome = Outcome([], [], {})
    saved = keeper and keeper.saved()

    for task in range(saved["task"] if saved else 1, schedule.tasks + 1):
        method.begin_task(task)
        optimiser = between_tasks(optimiser, method, schedule)
        pool = rows_of_tasks(train_set.y, method.pool(task), method.problem)
        batches = ShuffledBatches(pool, schedule.batch, order, task)
        standing = Standing(method, optimiser, batches, outcome, observer)
        done = 0
        if saved:
            done, saved = standing.restore(saved), None
        elif keeper is not None and task > 1:
            keeper.save(method, standing.state(task, done))

        step = step_of(method, optimiser, schedule.precision)
        steps = method.steps(schedule.iterations)
        report_every = max(1, steps // 20)
        accuracy = outcome.accuracy
        for iteration in range(done + 1, steps + 1):
            rows = next(batches)
            loss = step(train_set.x[rows], train_set.y[rows])
            if iteration % report_every == 0 or iteration == steps:
                value = loss.item()
                if not math.isfinite(value):
                    raise Diverged(method, outcome, task, iteration, value)
                watch(Progress(task, schedule.tasks, iteration, steps, value, accuracy))
            if keeper is not None and keeper.due():
                keeper.save(method, standing.state(task, iteration))
        if steps and not has_finite_weights(method):  # the last step's, which no loss has seen
            raise Diverged(method, outcome, task, steps, math.nan, "a weight")

        own = rows_of_tasks(train_set.y, range(task, task + 1), method.problem)
        x, y = train_set.x[own], train_set.y[own]
        if observer is not None:
            with torch.random.fork_rng(devices=[]):  # whatever it draws, the run goes on as if nobody had looked
                observer.task_end(method, task, x, y)
        method.end_task(x, y)
        noted = method.instruments.means(steps)
        if share := infinite_share(optimiser):
            if INFINITE not in outcome.instruments:
                tell(STUCK.format(task=task, percent=PERCENT * share))
            noted[INFINITE] = share
        outcome.add_task(noted, confusion(method, test_set))

    return outcome


def between_tasks(optimiser: torch.optim.Optimizer, method: Method, schedule: Schedule) -> torch.optim.Optimizer:
    """Return the optimiser of the task that begins, which keeps of the one before what the schedule says."""
    match schedule.optimiser_state:
        case "kept":
            return optimiser
        case "moments":
            restart_count(optimiser)
            return optimiser
        case "reset":
            return method.optimiser(schedule.learning_rate)
    assert_never(schedule.optimiser_state)


def restart_count(optimiser: torch.optim.Optimizer) -> None:
    """Let Adam correct the bias of its moments as if it had taken no step yet; the moments stay."""
    for state in optimiser.state.values():
        if "step" in state:  # another optimiser may count none
            state["step"].zero_()


def has_finite_weights(method: Method) -> bool:
    """Tell whether all that is learned are finite numbers."""
    learned = [weight.isfinite().all() for weight in method.parameters() if weight.requires_grad]
    return not learned or bool(torch.stack(learned).all())


def infinite_share(optimiser: torch.optim.Optimizer) -> float:
    """Return the share of Adam's second moments that are no finite numbers; 0 for an optimiser that has none."""
    squares = [state["exp_avg_sq"] for state in optimiser.state.values() if "exp_avg_sq" in state]
    if not squares:
        return 0.0
    infinite = int(torch.stack([(~square.isfinite()).sum() for square in squares]).sum())
    return infinite / sum(square.numel() for square in squares)


@torch.no_grad()
def confusion(method: Method, samples: Samples, chunk: int = 4096) -> Tensor:
    """Classify the test samples of the classes seen so far among these classes.

    Returns:
        (C, C) counts for the C classes of the problem: rows are the classes of samples, columns the classes assigned.
    """
    rows, classes = (samples.y < method.seen).nonzero().flatten(), method.problem.classes
    with evaluating(method):
        guesses = torch.cat([method.network(samples.x[part])[:, : method.seen].argmax(1) for part in rows.split(chunk)])
    return torch.bincount(samples.y[rows] * classes + guesses, minlength=classes**2).view(classes, classes)
