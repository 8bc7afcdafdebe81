"""What a step's time goes to: matrix products, conversions between precisions, Adam, and all else."""

import torch
from torch.profiler import ProfilerActivity, profile

from bench.setups import samples_of
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.learning.experiment import run_experiment
from exaggerated_replay.learning.run import Progress
from exaggerated_replay.settings.run import RunSettings

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
CONVERSIONS = "aten::copy_"  # outside of Adam, next to nothing else is copied
ADAM = "Optimizer.step#Adam.step"


def parts_of_a_step(settings: RunSettings, prepared: Prepared) -> dict[str, float]:
    """Return the shares of the processor's time in steps of the last task, by torch's profiler; they sum to one.

    Args:
        settings: Of the run; 3 to 20 iterations, so that the trainer reports every step.
        prepared: What it learns from.
    """
    cpu = torch.device("cpu")
    profiler = profile(activities=[ProfilerActivity.CPU])

    def watch(progress: Progress) -> None:
        if progress.task == progress.tasks:
            if progress.iteration == 1:  # which pays for beginning the task
                profiler.start()
            elif progress.iteration == progress.iterations:
                profiler.stop()

    run_experiment(settings, prepared, samples_of(settings, prepared, cpu), cpu, watch)
    events = profiler.key_averages()
    whole = sum(event.self_cpu_time_total for event in events)

    def share(*names: str) -> float:
        return sum(event.self_cpu_time_total for event in events if event.key in names) / whole

    adam = sum(event.cpu_time_total for event in events if event.key == ADAM) / whole
    found = {"matrix products": share(*PRODUCTS), "conversions": share(CONVERSIONS), "Adam": adam}
    return {**found, "all else": 1 - sum(found.values())}
