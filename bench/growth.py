"""How the seconds of a step grow with tasks, classes, units, batch and replayed samples, beside its operations."""

from pathlib import Path
from statistics import fmean

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from bench.setups import changed, enough, equal_tasks
from bench.steps import gflop_by_task, seconds_by_task
from exaggerated_replay.figures.colours import BASELINE, MUTED
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.saving import save
from exaggerated_replay.figures.sheet import DOUBLE, key
from exaggerated_replay.settings.run import RunSettings

PICTURE = Path("docs/explanation/performance_growth.png")
AXES = {
    "tasks": (2, 5, 10, 20),
    "classes": (20, 100, 200, 400),
    "units": (100, 200, 400, 800, 1600),
    "batch": (32, 64, 128, 256, 512),
    "replay_batch": (32, 64, 128, 256, 512),
}


def point(base: RunSettings, axis: str, value: int) -> RunSettings:
    """Return a run of 4 tasks and 100 classes in which one thing is another: `axis` has this value."""
    sizes = {"tasks": 4, "classes": 100} | ({axis: value} if axis in ("tasks", "classes") else {})
    other = {} if axis in sizes else {axis: value}
    return changed(base, tasks=equal_tasks(sizes["classes"], sizes["tasks"]), iterations=5, **other)


def measure(base: RunSettings, axes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, list[float]]]:
    """Return for each axis its values, seconds of a step and GFLOP of its products, both means over tasks."""
    found = {}
    for axis, values in axes.items():
        runs = [(settings := point(base, axis, value), enough(settings)) for value in values]
        found[axis] = {
            "values": list(values),
            "seconds": [fmean(seconds_by_task(*run, torch.device("cpu"))) for run in runs],
            "gflop": [fmean(gflop_by_task(*run)) for run in runs],
        }
    return found


def predicted(seconds: list[float], gflop: list[float]) -> list[float]:
    """Return the seconds in proportion to operations, fixed at the point in the middle."""
    middle = len(seconds) // 2
    return [seconds[middle] * operations / gflop[middle] for operations in gflop]


@house_style()
def draw(found: dict[str, dict[str, list[float]]], target: Path) -> None:
    """Draw one panel per axis, both scales logarithmic: measured seconds, and what operations predict."""
    figure = Figure(figsize=(DOUBLE, 1.9), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True)
    for panel, (axis, points) in zip(panels, found.items(), strict=True):
        expected = [1000 * s for s in predicted(points["seconds"], points["gflop"])]
        (theory,) = panel.plot(points["values"], expected, color=MUTED, linewidth=2.5, zorder=1)
        milliseconds = [1000 * s for s in points["seconds"]]
        (measured,) = panel.plot(points["values"], milliseconds, color=BASELINE, marker="o", markersize=3)
        panel.set(xscale="log", yscale="log", xlabel=axis.replace("_", " "))
        panel.set_xticks(points["values"], [str(v) for v in points["values"]])
        panel.minorticks_off()
        panel.grid(axis="y")
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylabel("ms per step")
    key(figure, [measured, theory], ["measured", "in proportion to operations"])
    save(figure, (target,))
