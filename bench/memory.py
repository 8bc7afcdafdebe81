"""Memory of a job that trains one run: on the host, and on the GPU where it trains on one."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from bench.teams import Trial, ours

STATUS = Path("/proc/self/status")


def measure(trials: dict[str, Trial], iterations: int) -> dict[str, dict[str, float]]:
    """Train every trial in a process of its own and return what it needed, see `of_this_process`.

    Args:
        trials: By name.
        iterations: Per task; a run needs in its second step what it needs in every later one.
    """
    found = {}
    for name, trial in trials.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found[name] = process.submit(trained, trial, iterations).result()
    return found


def trained(trial: Trial, iterations: int) -> dict[str, float]:
    """Train a run in this process and return the memory that it needed."""
    ours(trial)(iterations)
    return of_this_process(STATUS.read_text(encoding="utf-8"), trial.device)


def of_this_process(status: str, device: str) -> dict[str, float]:
    """Return the memory of this process in GB (10^9 bytes).

    Args:
        status: The text of /proc/self/status.
        device: Where it computed.

    Returns:
        "peak": the most that was resident, mapped files included, which processes share. "own": resident at the end and
        its own. "device": the most that was allocated on the GPU, where there is one.
    """
    fields = dict(line.split(":", 1) for line in status.splitlines())
    gb = {name: int(fields[name].removesuffix("kB")) * 1024 / 1e9 for name in ("VmHWM", "RssAnon")}
    found = {"peak": gb["VmHWM"], "own": gb["RssAnon"]}
    return found if device == "cpu" else {**found, "device": torch.cuda.max_memory_allocated(device) / 1e9}
