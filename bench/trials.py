"""Processes that train the same thing side by side: how long a step takes in each, and how much memory it needs."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch

from bench.setups import changed, prepared_of, samples_of, stored
from exaggerated_replay.features.encoder import ConvEncoder
from exaggerated_replay.learning.experiment import run_experiment
from exaggerated_replay.settings.run import RunSettings

Train = Callable[[int], Any]  # trains a run of that many iterations per task
meeting: Any = None  # where the processes of a measurement wait for each other
PATIENCE = 600  # seconds


@dataclass(frozen=True)
class Trial:
    """What one process trains."""

    implementation: str  # a key of IMPLEMENTATIONS
    settings: RunSettings
    folder: Path  # with what `store` has written
    device: str = "cpu"
    captured: bool = True  # on a GPU: whether the step may be captured in a graph


@dataclass(frozen=True)
class Measured:
    """What one process found."""

    step_seconds: float  # mean over tasks
    own_gb: float  # resident at the end and its own
    peak_gb: float  # the most that was resident, with mapped files, which processes share
    device_gb: float  # the most that was allocated on the GPU


def ours(trial: Trial) -> Train:
    """Return the project's own training, on features."""
    device, settings = torch.device(trial.device), trial.settings
    prepared = prepared_of(stored(trial.folder, "inputs"), stored(trial.folder, "classes"))
    samples = samples_of(settings, prepared, device)
    if not trial.captured:
        import_module(f"exaggerated_replay.methods.{settings.method.method}.method").METHOD.static_shapes = False
    return lambda iterations: run_experiment(
        changed(settings, iterations=iterations), prepared, samples, device, lambda progress: None
    )


def as_the_field_does(trial: Trial) -> Train:
    """Return the straightforward training, on images."""
    from bench import straightforward  # with torchvision, which would count among the memory of ours

    torch.set_num_threads(trial.settings.threads)
    images, classes = stored(trial.folder, "images"), stored(trial.folder, "classes")
    dataset = straightforward.ImageDataset(images, classes, mean=[0.5] * 3, std=[0.25] * 3)
    return lambda iterations: straightforward.train(
        straightforward.new_learner(changed(trial.settings, iterations=iterations), ConvEncoder()), dataset
    )


IMPLEMENTATIONS = {"ours": ours, "straightforward": as_the_field_does}


def step_seconds(train: Train, short: int, long: int, tasks: int) -> float:
    """Return the seconds of one step from two runs of different lengths: what is done once drops out."""

    def seconds(iterations: int) -> float:
        started = time.perf_counter()
        train(iterations)
        return time.perf_counter() - started

    before = seconds(short)
    return (seconds(long) - before) / (tasks * (long - short))


def measure_here(trial: Trial, short: int, long: int) -> Measured:
    """Train in this process, once the others of the measurement are ready as well."""
    train = IMPLEMENTATIONS[trial.implementation](trial)
    train(short)  # warm-up
    if meeting is not None:
        meeting.wait(PATIENCE)
    step = step_seconds(train, short, long, len(trial.settings.tasks))
    memory = psutil.Process().memory_full_info()
    peak = Path("/proc/self/status").read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]
    on_device = torch.cuda.max_memory_allocated() if trial.device == "cuda" else 0
    return Measured(step, memory.uss / 1e9, int(peak) * 1024 / 1e9, on_device / 1e9)


def meet(barrier: Any) -> None:
    """Remember where to wait, in a process that has just begun."""
    global meeting
    meeting = barrier


def side_by_side(trial: Trial, processes: int, short: int, long: int) -> list[Measured]:
    """Let processes train at the same time.

    Args:
        trial: What each of them trains.
        processes: How many.
        short: Iterations per task of the shorter of two runs, whose difference is taken.
        long: Iterations of the longer one.
    """
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, initializer=meet, initargs=(barrier,)) as pool:
        waiting = [pool.submit(measure_here, trial, short, long) for _ in range(processes)]
        return [one.result() for one in waiting]


def throughput(found: list[Measured]) -> float:
    """Return the steps per second of all processes together."""
    return sum(1 / one.step_seconds for one in found)


def in_turns(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take several measurements in turns (A B A B), so that what disturbs the machine disturbs all of them."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def summary(values: list[float]) -> dict[str, float]:
    """Return the median of the rounds, and their range as a share of it."""
    return {"steps_per_second": median(values), "spread": (max(values) - min(values)) / median(values)}
