"""Which device a training job computes on, the slot it holds while it does, and how much memory it may take.

Snakemake counts GPUs but never says which one a job may use. So every job takes a lock on one slot of one
GPU before torch is imported; the kernel releases it when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from exaggerated_replay.errors import UserError

if TYPE_CHECKING:
    import torch

SLOTS = Path(tempfile.gettempdir()) / "exaggerated-replay-slots"  # one place for the whole machine
BF16 = ("avx512_bf16", "amx_bf16", "bf16")  # what x86, and last Arm, call their instructions for bfloat16


def gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu for gpu in visible.split(",") if gpu not in ("", "-1")]
    return sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))


def hold_gpu(slots_per_gpu: int, waiting: float = 0.5) -> IO | None:
    """Wait for a free slot of a GPU and make that GPU the only visible one.

    Must be called before torch is imported. Under Slurm, which assigns GPUs itself, and without a GPU there
    is nothing to do.

    Args:
        slots_per_gpu: How many jobs may share one GPU.
        waiting: Seconds between two looks when all slots are taken.

    Returns:
        The lock, held until it is closed or the process ends; None when none is needed.
    """
    available = gpus()
    if not available or "SLURM_JOB_ID" in os.environ:
        return None
    while True:
        held = free_slot(available, slots_per_gpu)
        if held is not None:
            gpu, lock = held
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            return lock
        time.sleep(waiting)


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
        UserError: The environment would let OpenMP take fewer of them without a word.
    """
    import torch

    torch.set_num_threads(threads)
    limit = os.environ.get("OMP_THREAD_LIMIT", "").strip()
    if limit.isdecimal() and 0 < int(limit) < threads:
        raise UserError(
            f"{key} is {threads}, but OMP_THREAD_LIMIT={limit} in the environment allows fewer, which round otherwise: "
            f"unset it, or set {key}={limit}"
        )
    if threads > 1 and os.environ.get("OMP_DYNAMIC", "").strip().lower() in ("true", "1"):
        raise UserError(
            f"{key} is {threads}, but OMP_DYNAMIC in the environment lets OpenMP take fewer at times, which round "
            f"otherwise: unset it, or set {key}=1"
        )
    if (used := torch.get_num_threads()) != threads:
        raise UserError(f"{key} is {threads}, but torch computes with {used} here: set {key}={used}")


@contextlib.contextmanager
def limited_memory(device: torch.device) -> Iterator[None]:
    """Let what the machine cannot hold fail when it is asked for, with a sentence.

    The system would promise more than it has, and end some process without a word when it is used. Not on a GPU, whose
    driver reserves addresses far beyond what it needs.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if device.type == "cpu":
        built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        lowest = min(limit for limit in (built_in, soft, hard) if limit != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def free_slot(available: Sequence[str], slots_per_gpu: int) -> tuple[str, IO] | None:
    """Lock the first free slot: emptiest round first, so that jobs spread over GPUs before they share one."""
    SLOTS.mkdir(exist_ok=True)
    open_to_all(SLOTS)
    for slot in range(slots_per_gpu):
        for gpu in available:
            lock = (SLOTS / f"{gpu}.{slot}").open("a")
            open_to_all(SLOTS / f"{gpu}.{slot}")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
            else:
                return gpu, lock
    return None


def open_to_all(path: Path) -> None:
    """Let the machine's other users take part in the locking; only the owner may change this, once is enough."""
    with contextlib.suppress(PermissionError):
        path.chmod(0o777 if path.is_dir() else 0o666)


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
