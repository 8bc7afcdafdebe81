"""What the machine is, and how fast it multiplies matrices."""

import os
import platform
from typing import Any

import torch
from torch.utils.benchmark import Timer

from exaggerated_replay.devices import hardware

LARGE = 2048  # rows and columns of the product that is the ceiling
PRECISIONS = {"fp32": (torch.float32, "highest"), "tf32": (torch.float32, "high"), "bf16": (torch.bfloat16, "highest")}


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def describe(device: torch.device) -> dict[str, Any]:
    """Return what the numbers are measured on."""
    return {
        "hardware": hardware(device),
        "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def product_gflops(device: torch.device, least: float, threads: int = 1, precision: str = "fp32") -> float:
    """Return the GFLOP/s of a large square matrix product.

    Args:
        device: Where to compute.
        least: Seconds to spend at least.
        threads: Of the CPU.
        precision: A key of PRECISIONS.
    """
    dtype, name = PRECISIONS[precision]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    a, b = (torch.randn(LARGE, LARGE, device=device, dtype=dtype) for _ in range(2))
    timer = Timer("a @ b", globals={"a": a, "b": b}, num_threads=threads)  # waits for a GPU by itself
    seconds = timer.blocked_autorange(min_run_time=least).median
    torch.set_float32_matmul_precision(before)
    return 2 * LARGE**3 / seconds / 1e9
