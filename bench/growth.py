"""How seconds per step grow with tasks, classes, units, batch and runs per job.

Beside each measurement stands what the number of operations predicts from the measurement in the middle.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from bench.counting import products, sizes_of
from bench.teams import step_seconds
from bench.workloads import in_stored_order, noise_inputs, shortened
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.figures.style import BASELINE, DOUBLE, MUTED, house_style, key, save
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.learning.job import train_runs
from exaggerated_replay.settings.run import RunSettings

PICTURES = (Path("docs/performance_growth.png"), Path("docs/performance_growth.svg"))
INPUTS, IMAGE_VALUES = 1024, 3 * 32 * 32
CPU = torch.device("cpu")


@dataclasses.dataclass(frozen=True)
class Case:
    """One point: a run, or several in one job."""

    settings: RunSettings
    classes: int
    runs: int = 1

    def prepared(self) -> Prepared:
        """Return inputs, just enough of each class for a batch in every task."""
        each = -(-self.settings.training.batch * self.settings.tasks // self.classes)
        return noise_inputs(INPUTS, IMAGE_VALUES, self.classes, each)

    def gflop(self) -> float:
        """Return the operations of a step's matrix products, mean over tasks, summed over runs, in GFLOP."""
        tasks = range(1, self.settings.tasks + 1)
        steps = [sum(products(sizes_of(self.settings, INPUTS, self.classes, task)).values()) for task in tasks]
        return self.runs * sum(steps) / len(steps) / 1e9


def cases(base: RunSettings, small: bool = False) -> dict[str, dict[int, Case]]:
    """Return what is measured: axis -> value -> case. Every axis varies one thing alone.

    Args:
        base: Settings that the others differ from.
        small: Two points on each axis, for a check of the benchmark itself.
    """

    def case(classes: int = 100, runs: int = 1, tasks: int = 4, units: int = 400, batch: int = 128) -> Case:
        units, batch = (units // 20, batch // 16) if small else (units, batch)
        model = dataclasses.replace(base.model, units=units)
        training = dataclasses.replace(base.training, batch=batch, replay_batch=batch)
        return Case(dataclasses.replace(base, tasks=tasks, model=model, training=training), classes, runs)

    axes: dict[str, tuple[Callable[[int], Case], list[int]]] = {
        "tasks": (lambda n: case(tasks=n), [2, 5, 10, 20]),
        "classes": (lambda n: case(classes=n), [20, 100, 200, 400]),
        "units": (lambda n: case(units=n), [100, 200, 400, 800, 1600]),
        "batch": (lambda n: case(batch=n), [32, 64, 128, 256, 512]),
        "runs per job": (lambda n: case(runs=n), [1, 2, 4]),
    }
    return {axis: {n: make(n) for n in (values[:2] if small else values)} for axis, (make, values) in axes.items()}


def seconds_of_run(case: Case, prepared: Prepared) -> Callable[[int], float]:
    """Return what trains a case's run, or its runs one after the other in one job, and times it."""
    order = in_stored_order(prepared)
    samples = labelled(to_device(prepared, CPU), prepared, order)
    splits = [{"seed": case.settings.seed, "class_order": order}]

    def seconds(iterations: int) -> float:
        settings = shortened(case.settings, iterations, threads=1)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            runs = {folder / f"run{n}": settings for n in range(case.runs)}
            started = time.perf_counter()
            if case.runs == 1:
                run_experiment(settings, prepared, samples, CPU, lambda progress: None)
            else:
                train_runs(
                    runs, prepared, splits, CPU, folder / "work", folder / "timings", lambda name: lambda progress: None
                )
            return time.perf_counter() - started

    return seconds


def measure(axes: dict[str, dict[int, Case]], short: int, long: int) -> dict[str, dict[str, list[float]]]:
    """Measure seconds per step for each case.

    Args:
        axes: Axis -> value -> case.
        short: Iterations per task of the shorter of two runs, whose difference is taken.
        long: Iterations of the longer one.

    Returns:
        Axis -> values, seconds and GFLOP, in the same order. A step of several runs is one step of each.
    """
    found = {}
    for axis, points in axes.items():
        seconds = []
        for case in points.values():
            train = seconds_of_run(case, case.prepared())
            train(1)  # warm-up
            seconds.append(step_seconds(train, short, long, case.settings.tasks))
        found[axis] = {
            "values": list(points),
            "seconds": seconds,
            "gflop": [case.gflop() for case in points.values()],
        }
    return found


def predicted(seconds: list[float], gflop: list[float]) -> list[float]:
    """Return the seconds in proportion to operations, fixed at the point in the middle."""
    middle = len(seconds) // 2
    return [seconds[middle] * operations / gflop[middle] for operations in gflop]


@house_style()
def draw(found: dict[str, dict[str, list[float]]], targets: tuple[Path, ...]) -> None:
    """Draw one panel per axis, both scales logarithmic: measured seconds, and what operations predict."""
    figure = Figure(figsize=(DOUBLE, 1.9), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True)
    for panel, (axis, points) in zip(panels, found.items(), strict=True):
        expected = predicted(points["seconds"], points["gflop"])
        milliseconds = [[1000 * s for s in values] for values in (points["seconds"], expected)]
        (theory,) = panel.plot(points["values"], milliseconds[1], color=MUTED, linewidth=2.5, zorder=1)
        (measured,) = panel.plot(points["values"], milliseconds[0], color=BASELINE, marker="o", markersize=3)
        panel.set(xscale="log", yscale="log", xlabel=axis)
        panel.set_xticks(points["values"], [str(v) for v in points["values"]])
        panel.minorticks_off()
        panel.grid(axis="y")
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylabel("ms per step")
    key(figure, [measured, theory], ["measured", "in proportion to operations"])
    save(figure, targets)
