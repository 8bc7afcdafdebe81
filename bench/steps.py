"""What a step does in each task of a run: seconds, operations of its products, share of the machine's ceiling."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.setups import changed, samples_of
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.learning.experiment import run_experiment
from exaggerated_replay.learning.run import Progress
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


def timed_steps(
    settings: RunSettings, prepared: Prepared, device: torch.device, after: Callable[[], Any] = lambda: None
) -> list[list[tuple[float, Any]]]:
    """Return for each task the seconds of every step but the first, which pays for beginning the task.

    Args:
        settings: Of the run; 3 to 20 iterations, so that the trainer reports every step.
        prepared: What it learns from.
        device: Where to compute.
        after: Called after every step, in time that belongs to none; what it returns is given back beside the seconds.
    """
    found: dict[int, list[tuple[float, Any]]] = {}
    begun = 0.0

    def watch(progress: Progress) -> None:
        nonlocal begun
        seconds = time.perf_counter() - begun
        if progress.iteration == 1:
            found[progress.task] = []
        else:
            found[progress.task].append((seconds, after()))
        begun = time.perf_counter()

    run_experiment(settings, prepared, samples_of(settings, prepared, device), device, watch)
    return list(found.values())


def seconds_by_task(settings: RunSettings, prepared: Prepared, device: torch.device) -> list[float]:
    """Return the median seconds of a step in each task; arguments as of `timed_steps`."""
    return [median(seconds for seconds, _ in steps) for steps in timed_steps(settings, prepared, device)]


def ceiling_share(
    settings: RunSettings, prepared: Prepared, device: torch.device, ceiling: Callable[[], float]
) -> dict[str, Any]:
    """Measure steps half-way and at the end of a run.

    Args:
        settings: Of the run, see `timed_steps`.
        prepared: What it learns from.
        device: Where to compute.
        ceiling: Measures the GFLOP/s of a matrix product. It does so after every step: a machine that is shared, or
            fast for a moment only, has another ceiling in every moment.

    Returns:
        For these two tasks the medians over steps: seconds of a step, GFLOP/s of the product after it, and the share of
        the latter that the products of the step reach (all else that it does counts as lost); and their GFLOP.
    """
    measured, gflop = timed_steps(settings, prepared, device, ceiling), gflop_by_task(settings, prepared)
    tasks = len(settings.tasks)
    return {
        f"task {task}": {
            "step_seconds": median(seconds for seconds, _ in measured[task - 1]),
            "product_gflops": median(rate for _, rate in measured[task - 1]),
            "gflop": gflop[task - 1],
            "ceiling_share": median(gflop[task - 1] / seconds / rate for seconds, rate in measured[task - 1]),
        }
        for task in sorted({(tasks + 1) // 2, tasks})
    }
