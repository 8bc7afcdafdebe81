"""What the machine itself can do: matrix products and copies, measured where the training is."""

import os
import platform
from collections.abc import Callable
from typing import Any

import torch

from exaggerated_replay.devices import hardware
from exaggerated_replay.settings.run import RunSettings

LARGE = 2048  # rows and columns of the square product that the ceiling is
COPIED = 2**28  # bytes, more than any cache holds


def seconds_per_call(call: Callable[[], Any], device: torch.device, threads: int, least: float) -> float:
    """Return the median seconds of a call, after a warm-up.

    Args:
        call: What is timed.
        device: Where it computes. On a GPU, events in its stream are read, a batch of calls between two.
        threads: Of the CPU.
        least: Seconds to spend at least.
    """
    if device.type == "cuda":
        return seconds_by_events(call, least)
    from torch.utils.benchmark import Timer  # only here: it takes seconds to import

    timer = Timer("call()", globals={"call": call}, num_threads=threads)
    return timer.blocked_autorange(min_run_time=least).median


def seconds_by_events(call: Callable[[], Any], least: float, calls: int = 10, events: Any = torch.cuda) -> float:
    """Return the median seconds of a call on a GPU, from events in its stream.

    Args:
        call: What is timed.
        least: Seconds to spend at least.
        calls: Between two events, so that starting one call does not show.
        events: What has `Event` and `synchronize`; another one in tests.
    """
    times: list[float] = []
    for _ in range(3):
        call()
    while sum(times) * calls < least or len(times) < 5:
        start, end = events.Event(enable_timing=True), events.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            call()
        end.record()
        events.synchronize()
        times.append(start.elapsed_time(end) / 1000 / calls)
    return sorted(times)[len(times) // 2]


def product_rate(
    m: int, k: int, n: int, form: str, device: torch.device, threads: int, least: float, dtype: torch.dtype
) -> float:
    """Return the GFLOP/s of a matrix product in one of the three forms that a linear layer needs.

    Args:
        m: Rows of the batch.
        k: Inputs of the layer.
        n: Outputs of the layer.
        form: "forward" x W^T, "input" (the gradient g W) or "weight" (the gradient g^T x).
        device: Where to compute.
        threads: Of the CPU.
        least: Seconds to spend at least.
        dtype: Of all matrices.
    """
    x, w, g = (
        torch.randn(size, device=device).to(dtype)
        for size in ((m, k), (n, k), (m, n))
    )  # fmt: skip
    calls = {"forward": lambda: x @ w.T, "input": lambda: g @ w, "weight": lambda: g.T @ x}
    return 2 * m * k * n / seconds_per_call(calls[form], device, threads, least) / 1e9


def copy_rate(device: torch.device, threads: int, least: float, size: int = COPIED) -> float:
    """Return the GB/s of a copy, read and written bytes both counted."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds_per_call(lambda: target.copy_(source), device, threads, least) / 1e9


def layer_shapes(settings: RunSettings, inputs: int) -> dict[str, tuple[int, int, int]]:
    """Return the large layers of a run as (rows, inputs, outputs), for its current batch and both batches together."""
    units, training = settings.model.units, settings.training
    layers = {"first": (inputs, units), "hidden": (units, units), "output": (units, inputs)}
    rows = (training.batch, training.batch + training.replay_batch)
    return {f"{m} x {k} -> {n} ({name})": (m, k, n) for m in rows for name, (k, n) in layers.items()}


def ceilings(settings: RunSettings, inputs: int, device: torch.device, least: float) -> dict[str, Any]:
    """Measure all ceilings.

    Args:
        settings: Of the run whose products are measured besides the large one.
        inputs: Of a sample.
        device: Where to compute.
        least: Seconds to spend at least on each number.

    Returns:
        GFLOP/s of products and GB/s of a copy: on the CPU for one thread and for all cores, on a GPU in float32,
        TF32 and bfloat16.
    """
    shapes = layer_shapes(settings, inputs)
    found: dict[str, Any] = {}
    for name, threads, dtype, precision in variants(device):
        torch.set_float32_matmul_precision(precision)

        def rate(m: int, k: int, n: int, form: str = "forward", *, t: int = threads, d: torch.dtype = dtype) -> float:
            return round(product_rate(m, k, n, form, device, t, least, d), 1)

        found[name] = {
            "product_gflops": rate(LARGE, LARGE, LARGE),
            "layers_gflops": {
                shape: {form: rate(*size, form) for form in ("forward", "input", "weight")}
                for shape, size in shapes.items()
            },
            "copy_gb_per_s": round(copy_rate(device, threads, least), 1),
        }
    torch.set_float32_matmul_precision("highest")
    return found


def variants(device: torch.device) -> list[tuple[str, int, torch.dtype, str]]:
    """Return name, threads, type and precision of what is measured on a device."""
    if device.type == "cuda":
        return [
            ("fp32", 1, torch.float32, "highest"),
            ("tf32", 1, torch.float32, "high"),
            ("bf16", 1, torch.bfloat16, "highest"),
        ]
    threads = sorted({1, cores()})
    return [(f"{n} thread{'s' * (n > 1)}", n, torch.float32, "highest") for n in threads]


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def machine(device: torch.device) -> dict[str, Any]:
    """Return what the numbers were measured on."""
    return {
        "hardware": hardware(device),
        "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
