"""Where the time of a step goes: `python -m bench.profile [--only digits miniature paper]`.

The trainer's own reports of progress start and stop torch's profiler in the middle of a task.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench.ceilings import cores
from bench.workloads import ARMS, STUDIES, in_stored_order, noise_digits, noise_inputs, settings_of, shortened
from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.learning.trainer import Progress
from exaggerated_replay.settings.run import RunSettings

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::addmm_", "aten::addmv", "aten::mv")
STEPS = {"digits": 12, "miniature": 8, "paper": 3}


class Enough(Exception):
    """The steps that were to be profiled are done."""


@dataclass
class Window:
    """Profiles the steps of one task, all but the first."""

    profiler: Any
    task: int

    def __call__(self, progress: Progress) -> None:
        """Start after the task's first step, and stop after its last."""
        if progress.task != self.task:
            return
        if progress.iteration == 1:
            self.profiler.start()
        if progress.iteration == progress.iterations:
            self.profiler.stop()
            raise Enough


@dataclass(frozen=True)
class Operator:
    """An operator of torch, per step."""

    name: str
    calls: float
    milliseconds: float  # of its own, without the operators that it calls


def profile_steps(settings: RunSettings, prepared: Prepared, steps: int, device: torch.device) -> list[Operator]:
    """Return the operators of a step half-way through a run, the most expensive first.

    Args:
        settings: Of the run.
        prepared: What it learns from.
        steps: How many to profile, at most 19.
        device: Where to compute.
    """
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
    samples = labelled(to_device(prepared, device), prepared, in_stored_order(prepared))
    profiler = profile(activities=activities)
    try:
        window = Window(profiler, (settings.tasks + 1) // 2)
        run_experiment(shortened(settings, steps + 1), prepared, samples, device, window)
    except Enough:
        pass
    time_of = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    events = profiler.key_averages()
    operators = [Operator(e.key, e.count / steps, getattr(e, time_of) / 1000 / steps) for e in events]
    return sorted(operators, key=lambda operator: -operator.milliseconds)


def summary(operators: list[Operator]) -> dict[str, float]:
    """Return the calls of torch's operators per step, their time, and the share of it in matrix products."""
    total = sum(operator.milliseconds for operator in operators)
    own = [operator for operator in operators if operator.name.startswith("aten::")]
    products = sum(operator.milliseconds for operator in own if operator.name in PRODUCTS)
    return {
        "operator_calls": sum(operator.calls for operator in own),
        "profiled_milliseconds": total,
        "product_share": products / total if total else 0.0,
    }


def inputs_of(workload: str, settings: RunSettings) -> Prepared:
    """Return inputs of a workload's shape that mean nothing."""
    if workload == "digits":
        return noise_digits()
    each = -(-settings.training.batch * settings.tasks // 100)  # enough for a batch of every task
    return noise_inputs(1024, 3 * 32 * 32, 100, each)


def main() -> None:
    """Print the profiles."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(STUDIES), default=list(STUDIES), help="default: all")
    parser.add_argument("--arm", choices=ARMS, default=ARMS[0])
    parser.add_argument("--rows", type=int, default=15, help="operators to show (%(default)s)")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for workload in args.only:
        settings = settings_of(workload, args.arm)
        threads = cores() if workload == "paper" else 1
        settings = shortened(settings, STEPS[workload], threads)
        operators = profile_steps(settings, inputs_of(workload, settings), STEPS[workload], device)
        found = summary(operators)
        print(f"\n{workload}, {args.arm}, threads: {threads}, on {device}, per step under the profiler:")
        print(
            f"  {found['operator_calls']:.0f} operator calls, {found['profiled_milliseconds']:.2f} ms, "
            f"{100 * found['product_share']:.0f} % of them in matrix products"
        )
        for operator in operators[: args.rows]:
            share = 100 * operator.milliseconds / found["profiled_milliseconds"]
            name, calls, milliseconds = operator.name[:60], operator.calls, operator.milliseconds
            print(f"  {name:60s} {calls:8.1f} calls {milliseconds:9.3f} ms {share:5.1f} %")


if __name__ == "__main__":
    main()
