"""Processes that train the same thing side by side, and how long they take."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch

from bench import straightforward
from bench.workloads import Images, in_stored_order, shortened
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.settings.run import RunSettings

Trainer = Callable[[int], None]  # trains a run of that many iterations per task


@dataclass(frozen=True)
class Trial:
    """What one process trains."""

    kind: str  # a key of KINDS
    settings: RunSettings
    images: Images
    threads: int
    device: str = "cpu"
    workers: int = 0  # processes that load images, where an implementation has them


def ours(trial: Trial) -> Trainer:
    """Return the project's own training, on features."""
    device = torch.device(trial.device)
    prepared = trial.images.prepared()
    samples = labelled(to_device(prepared, device), prepared, in_stored_order(prepared))

    def train(iterations: int) -> None:
        settings = shortened(trial.settings, iterations, trial.threads)
        run_experiment(settings, prepared, samples, device, lambda progress: None)

    return train


def as_the_field_does(trial: Trial) -> Trainer:
    """Return the straightforward training, on images."""
    torch.set_num_threads(trial.threads)
    images = trial.images
    dataset = straightforward.ImageDataset(images.raw("x_train"), images.raw("y_train"), images.mean, images.std)
    classes = int(dataset.labels.max()) + 1
    conv = images.encoder()
    with torch.no_grad():
        features = conv(torch.zeros(1, 3, 32, 32)).shape[1]

    def train(iterations: int) -> None:
        settings = shortened(trial.settings, iterations)
        learner = straightforward.new_learner(settings, conv, features, classes)
        straightforward.train(learner, dataset, classes // settings.tasks, workers=trial.workers)

    return train


KINDS: dict[str, Callable[[Trial], Trainer]] = {"ours": ours, "straightforward": as_the_field_does}


class Team:
    """Processes that wait, and train at the same time when they are told to. Waiting ones use no processor time."""

    def __init__(self, trial: Trial, processes: int) -> None:
        self.trial = trial
        context = get_context("spawn")
        self.members = []
        for _ in range(processes):
            here, there = context.Pipe()
            process = context.Process(target=member, args=(trial, there), daemon=True)
            process.start()
            self.members.append((process, here))

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        for process, connection in self.members:
            connection.close()
            process.join()

    def seconds(self, iterations: int) -> float:
        """Let every member train a run, and return the seconds of the last to finish.

        Raises:
            RuntimeError: A member failed; its own error is the cause.
        """
        for _, connection in self.members:
            connection.send(iterations)
        answers = [connection.recv() for _, connection in self.members]
        for answer in answers:
            if isinstance(answer, Exception):
                raise RuntimeError(f"a process that trains {self.trial.kind} failed") from answer
        return max(answers)


def member(trial: Trial, connection: Connection) -> None:
    """Get ready, then train whenever told to and answer with the seconds that it took, or with what went wrong."""
    answer = None
    try:
        train = KINDS[trial.kind](trial)
    except Exception as error:
        answer = error
    with contextlib.suppress(EOFError):  # the other side has closed: that was all
        while True:
            iterations = connection.recv()
            connection.send(answer or attempt(train, iterations))


def attempt(train: Trainer, iterations: int) -> float | Exception:
    """Return the seconds of a run, or the error that ended it."""
    started = time.perf_counter()
    try:
        train(iterations)
    except Exception as error:
        return error
    return time.perf_counter() - started


def step_seconds(seconds: Callable[[int], float], short: int, long: int, tasks: int) -> float:
    """Return the seconds of one step from two runs of different lengths: what is done once drops out.

    Args:
        seconds: Trains a run of that many iterations per task and returns its seconds.
        short: Iterations of the shorter run.
        long: Iterations of the longer one.
        tasks: Of both.
    """
    before = seconds(short)
    return (seconds(long) - before) / (tasks * (long - short))


def in_turns(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take several measurements in turns (A B A B), so that what disturbs the machine disturbs all of them."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def middle(found: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each."""
    return {name: median(values) for name, values in found.items()}


def spread(values: list[float]) -> float:
    """Return the range of the values as a share of their median."""
    return (max(values) - min(values)) / median(values)


def describe(team: Team) -> dict[str, Any]:
    """Return how a team trains, for the results."""
    return {"processes": len(team.members), "threads": team.trial.threads, "workers": team.trial.workers}
