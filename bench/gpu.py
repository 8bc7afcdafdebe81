"""The paper's run on a GPU: milliseconds of a step, its share of the ceiling, seconds of a run alone and side by side.

Runs only where torch sees a GPU. Its parts are the same that measure the CPU, and are tested there.
"""

import dataclasses
from typing import Any

import torch

from bench.counting import products, sizes_by_task
from bench.teams import Team, Trial, step_seconds
from bench.workloads import Images
from exaggerated_replay.settings.run import RunSettings

PROCESSES = (1, 2, 4, 8)  # side by side on one GPU
AUTHORS_SECONDS = 3600  # "just over 1 hour" per run


def run_gflop(settings: RunSettings, inputs: int, classes: int) -> float:
    """Return the operations of all matrix products of a whole run, in GFLOP."""
    steps = sizes_by_task(settings, inputs, classes)
    return settings.training.iterations * sum(sum(products(step).values()) for step in steps) / 1e9


def report(
    settings: RunSettings, inputs: int, classes: int, seconds_per_step: float, processes: int, gflops: float
) -> dict[str, float]:
    """Return what follows from the seconds of a step.

    Args:
        settings: Of the whole run.
        inputs: Of a sample.
        classes: Of the problem.
        seconds_per_step: In each process, mean over all tasks.
        processes: That train at the same time.
        gflops: Measured ceiling of a matrix product.

    Returns:
        Steps per second of all processes together, milliseconds per step in each, the share of the ceiling that all
        reach together, and seconds per run, amortised over the processes.
    """
    steps = settings.tasks * settings.training.iterations
    amortised = steps * seconds_per_step / processes
    return {
        "steps_per_second": processes / seconds_per_step,
        "milliseconds_per_step": 1000 * seconds_per_step,
        "ceiling_share": run_gflop(settings, inputs, classes) / amortised / gflops,
        "seconds_per_run": amortised,
        "times_the_authors": AUTHORS_SECONDS / amortised,
    }


def measure(
    settings: RunSettings,
    images: Images,
    device: str,
    gflops: dict[str, float],
    short: int,
    long: int,
    processes: tuple[int, ...] = PROCESSES,
) -> dict[str, Any]:
    """Measure a run in each precision, alone and with others side by side.

    Args:
        settings: Of the whole run.
        images: With features computed.
        device: Where to compute.
        gflops: Precision -> measured ceiling of a matrix product.
        short: Iterations per task of the shorter of two runs, whose difference is taken.
        long: Iterations of the longer one.
        processes: How many at once.
    """
    prepared = images.prepared()
    found: dict[str, Any] = {}
    for precision, ceiling in gflops.items():
        trial = Trial("ours", dataclasses.replace(settings, precision=precision), images, settings.threads, device)
        for number in processes:
            with Team(trial, number) as team:
                team.seconds(short)  # warm-up
                seconds = step_seconds(team.seconds, short, long, settings.tasks)
            found[f"{precision}, {number} at once"] = report(
                settings, prepared.inputs, prepared.classes, seconds, number, ceiling
            )
    return found


def available() -> bool:
    """Return whether there is a GPU to measure."""
    return torch.cuda.is_available()
