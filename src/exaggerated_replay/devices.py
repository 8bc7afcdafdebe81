"""What a job computes with: the device, its threads and precision, how much memory it may take, and what it is called.

Torch is imported by whoever calls, and only once the job holds its GPU (`gpus.py`).
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.memory import whole_memory

if TYPE_CHECKING:
    import torch

BF16 = ("avx512_bf16", "amx_bf16", "bf16")  # what x86, and last Arm, call their instructions for bfloat16


def device_for(wanted: str) -> torch.device:
    """Return the device to compute on: the GPU where there is one, unless the settings say `cpu`.

    Raises:
        UserError: The settings say `cuda`, and torch sees no GPU.
    """
    import torch  # only now, when the slot is held

    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device is cuda, but torch sees no GPU here: set compute=auto or compute=cpu")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def multiplies_bf16(processor: Mapping[str, Any]) -> bool:
    """Tell whether a processor has instructions for products in bfloat16; without them torch emulates these, slowly.

    Args:
        processor: What `torch.cpu.get_capabilities()` says of it.
    """
    return any(processor.get(name) for name in BF16)


def check_precision(precision: str, device: torch.device) -> None:
    """Check that a device computes in the precision asked for by itself.

    Raises:
        UserError: It is a processor that would emulate bfloat16.
    """
    import torch

    if precision == "bf16" and device.type == "cpu" and not multiplies_bf16(torch.cpu.get_capabilities()):
        raise UserError(
            "compute.precision is bf16, but this processor has no instructions for bfloat16 and would emulate them: "
            "set compute.precision=fp32, or compute on a GPU or on a processor with AVX512-BF16, AMX-BF16 or Arm's BF16"
        )


def use_threads(threads: int, key: str = "compute.threads") -> None:
    """Let torch compute with so many threads on the CPU: their number decides how sums are rounded, and names a run.

    Args:
        threads: How many.
        key: The setting that says so.

    Raises:
        UserError: The environment would let OpenMP take fewer of them without a word, or somebody changed what else
            holds for the whole process.
    """
    import torch

    check_defaults()
    torch.set_num_threads(threads)
    limit = os.environ.get("OMP_THREAD_LIMIT", "").strip()
    if limit.isdecimal() and 0 < int(limit) < threads:
        raise UserError(
            f"{key} is {threads}, but OMP_THREAD_LIMIT={limit} in the environment allows fewer, and sums would "
            f"round differently: unset it, or set {key}={limit}"
        )
    if threads > 1 and os.environ.get("OMP_DYNAMIC", "").strip().lower() in ("true", "1"):
        raise UserError(
            f"{key} is {threads}, but OMP_DYNAMIC in the environment lets OpenMP take fewer at times, and sums would "
            f"round differently: unset it, or set {key}=1"
        )
    if (used := torch.get_num_threads()) != threads:
        raise UserError(f"{key} is {threads}, but torch computes with {used} here: set {key}={used}")


def check_defaults() -> None:
    """Check that nobody changed what torch computes with where nothing is said: it would decide every run of a job.

    Raises:
        UserError: A method in a file of the user's own did, or what that imports.
    """
    import torch

    as_usual = {
        "set_default_dtype": torch.get_default_dtype() == torch.float32,
        "set_default_device": torch.get_default_device().type == "cpu",
        "set_grad_enabled": torch.is_grad_enabled(),
        "use_deterministic_algorithms": not torch.are_deterministic_algorithms_enabled(),
        "set_flush_denormal": bool(torch.full((), 1e-40, dtype=torch.float32, device="cpu") * 1),
        # Where there is a GPU, every run sets this for itself.
        "set_float32_matmul_precision": torch.get_float32_matmul_precision() == "highest" or torch.cuda.is_available(),
    }
    for call, holds in as_usual.items():
        if not holds:
            raise UserError(
                f"torch.{call} was called by a method in a file of your own, or by what it imports, and would change "
                "what other methods compute in the same job: take that call out"
            )


@contextlib.contextmanager
def limited_memory(device: torch.device) -> Iterator[None]:
    """Let what the machine or its container cannot hold fail when it is asked for, with a sentence.

    The system would promise more than it has, and end some process without a word when it is used. Not on a GPU, whose
    driver reserves addresses far beyond what it needs.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if device.type == "cpu":
        lowest = min(limit for limit in (whole_memory(), soft, hard) if limit != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def hardware(device: torch.device) -> str:
    """Name the processor that the run was computed on: "AMD EPYC with AVX512".

    A CPU's instructions are told as well: they decide how sums are rounded, and virtual machines hide which model
    they run on.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu()} with {torch.backends.cpu.get_cpu_capability()}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
