"""Seconds of single steps in chosen tasks of a run, and their share of the machine's ceiling."""

import time
from itertools import pairwise
from statistics import median
from typing import Any

import torch

from bench.counting import elementwise, fewest_bytes, products, sizes_of
from bench.workloads import in_stored_order, shortened
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.learning.trainer import Progress
from exaggerated_replay.settings.run import RunSettings


class Clock:
    """Notes when the trainer reports progress; a run of at most twenty iterations per task reports every one."""

    def __init__(self) -> None:
        self.times: dict[int, list[tuple[int, float]]] = {}

    def __call__(self, progress: Progress) -> None:
        """Note a report of a run's progress."""
        self.times.setdefault(progress.task, []).append((progress.iteration, time.perf_counter()))

    def step_seconds(self, task: int) -> float:
        """Return the median seconds of a step in a task, the first left out: it pays for beginning the task."""
        reports = self.times[task]
        steps = [(later - sooner) / (there - here) for (here, sooner), (there, later) in pairwise(reports)]
        return median(steps)


def seconds_by_task(settings: RunSettings, prepared: Prepared, device: torch.device) -> dict[int, float]:
    """Train a run and return the seconds of a step in each task.

    Args:
        settings: Of the run; iterations of 3 or more.
        prepared: What it learns from.
        device: Where to compute.
    """
    clock = Clock()
    samples = labelled(to_device(prepared, device), prepared, in_stored_order(prepared))
    run_experiment(settings, prepared, samples, device, clock)
    return {task: clock.step_seconds(task) for task in clock.times}


def ceiling_share(
    settings: RunSettings,
    prepared: Prepared,
    device: torch.device,
    iterations: int,
    threads: int,
    gflops: float,
    gb_per_s: float,
) -> dict[str, Any]:
    """Measure steps half-way and at the end of a run, and compare them with the ceiling.

    Args:
        settings: Of the run.
        prepared: What it learns from.
        device: Where to compute.
        iterations: Per task, 3 or more.
        threads: Of the CPU.
        gflops: Measured ceiling of a matrix product.
        gb_per_s: Measured ceiling of a copy.

    Returns:
        For the task half-way and the last one: seconds of a step, operations of its matrix products, the share of the
        ceiling that these reach (the rest of the step counts as lost), and the seconds that the ceilings allow.
    """
    seconds = seconds_by_task(shortened(settings, iterations, threads), prepared, device)
    found = {}
    for task in sorted({(settings.tasks + 1) // 2, settings.tasks}):
        sizes = sizes_of(settings, prepared.inputs, prepared.classes, task)
        operations = sum(products(sizes).values())
        found[f"task {task}"] = {
            "step_seconds": seconds[task],
            "product_gflop": operations / 1e9,
            "other_gflop": sum(elementwise(sizes).values()) / 1e9,
            "fewest_gb": sum(fewest_bytes(sizes).values()) / 1e9,
            "ceiling_share": operations / 1e9 / seconds[task] / gflops,
            "product_floor_seconds": operations / 1e9 / gflops,
            "memory_floor_seconds": sum(fewest_bytes(sizes).values()) / 1e9 / gb_per_s,
        }
    return found
