"""What a step does in each task of a run: seconds, operations of its products, share of the machine's ceiling."""

import time
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.setups import changed, samples_of
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.learning.experiment import run_experiment
from exaggerated_replay.settings.run import RunSettings


def gflop_by_task(settings: RunSettings, prepared: Prepared) -> list[float]:
    """Return the GFLOP of a step's matrix products in each task, as torch counts them while the step is taken."""
    counts: dict[int, list[int]] = {}
    cpu = torch.device("cpu")
    samples = samples_of(settings, prepared, cpu)
    with FlopCounterMode(display=False) as counter:
        run_experiment(
            changed(settings, iterations=2),
            prepared,
            samples,
            cpu,
            lambda p: counts.setdefault(p.task, []).append(counter.get_total_flops()),
        )
    return [(after - before) / 1e9 for before, after in counts.values()]


def seconds_by_task(settings: RunSettings, prepared: Prepared, device: torch.device) -> list[float]:
    """Return the median seconds of a step in each task, the first left out: it pays for beginning the task.

    Args:
        settings: Of the run; 3 to 20 iterations, so that the trainer reports every step.
        prepared: What it learns from.
        device: Where to compute.
    """
    times: dict[int, list[float]] = {}
    samples = samples_of(settings, prepared, device)
    run_experiment(
        settings, prepared, samples, device, lambda p: times.setdefault(p.task, []).append(time.perf_counter())
    )
    return [median(later - sooner for sooner, later in pairwise(reports)) for reports in times.values()]


def ceiling_share(settings: RunSettings, prepared: Prepared, device: torch.device, gflops: float) -> dict[str, Any]:
    """Measure steps half-way and at the end of a run.

    Args:
        settings: Of the run, see `seconds_by_task`.
        prepared: What it learns from.
        device: Where to compute.
        gflops: Measured ceiling of a matrix product.

    Returns:
        For these two tasks seconds of a step, GFLOP of its products, and the share of the ceiling that these reach: all
        else that the step does counts as lost.
    """
    seconds, gflop = seconds_by_task(settings, prepared, device), gflop_by_task(settings, prepared)
    tasks = len(settings.tasks)
    return {
        f"task {task}": {
            "step_seconds": seconds[task - 1],
            "gflop": gflop[task - 1],
            "ceiling_share": gflop[task - 1] / seconds[task - 1] / gflops,
        }
        for task in sorted({(tasks + 1) // 2, tasks})
    }
