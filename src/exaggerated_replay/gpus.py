"""Which GPUs a training job may use, and the slot of one that it holds while it trains.

Snakemake counts GPUs but never says which one a job may use. So every job takes a lock on one slot of one
GPU before torch is imported; the kernel releases it when the process ends, however it ends. A GPU is known by its UUID,
which nvidia-smi tells: an index, and the index that a container gives to the same card, must not have two holders.
"""

import contextlib
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from exaggerated_replay.locks import lock

PLACES = (Path("/var/lock"), Path("/dev/shm"), Path("/tmp"))  # noqa: S108 (see `place_of_slots`)
"""Where slots may lie: the same for all users of a machine, whatever their TMPDIR. The first that will do is taken."""


# ---------------------------------------------------------------- which there are


def visible_gpus() -> list[str]:
    """Return the UUIDs of the NVIDIA GPUs that this process may use, in the order in which it was given them.

    An index counts cards as nvidia-smi does.
    """
    cards = cards_here()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return cards if visible is None else chosen(visible, cards)


def chosen(visible: str, cards: Sequence[str]) -> list[str]:
    """Return those of the cards that CUDA_VISIBLE_DEVICES names, read as CUDA reads it.

    It stops at the first name that is none, such as -1 or NoDevFiles, or that is of another kind than the first one
    (index, UUID), and sees nothing where one stands twice.
    """
    words = [word.strip() for word in visible.split(",")]
    found: list[str] = []
    for word in words:
        gpu = _named(word, cards) if _kind(word) == _kind(words[0]) else None
        if gpu is None:
            break
        if gpu in found:
            return []
        found.append(gpu)
    return found


def _kind(word: str) -> str:
    return word[:4] if word.startswith(("GPU-", "MIG-")) else "index"


def _named(word: str, cards: Sequence[str]) -> str | None:
    """Return the card of this name, if there is one: an index, the beginning of a UUID, a part of a card (MIG)."""
    match _kind(word):
        case "MIG-":  # a device of its own
            return word if cards else None
        case "GPU-":
            found = [card for card in cards if card.lower().startswith(word.lower())]
            return found[0] if len(found) == 1 else None
    number = re.match(r"\+?(\d+)", word)
    return cards[int(number[1])] if number and int(number[1]) < len(cards) else None


def cards_here() -> list[str]:
    """Return the UUIDs of the machine's cards as far as nvidia-smi shows them to this process; none without it.

    A container, or the control group of a batch job, may have some of them only; CUDA counts these from 0.
    """
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^\s*(GPU-[0-9A-Fa-f-]+)\s*$", told, re.MULTILINE)


# ---------------------------------------------------------------- whose one of them is


def hold_gpu(slots_per_gpu: int, waiting: float = 0.5) -> IO[bytes] | None:
    """Wait for a free slot of a GPU and make that GPU the only visible one.

    Must be called before torch is imported. Without a GPU there is nothing to do.

    Args:
        slots_per_gpu: How many jobs may share one GPU.
        waiting: Seconds between two looks when all slots are taken.

    Returns:
        The lock, held until it is closed or the process ends; None when none is needed, or none can be had.
    """
    available = visible_gpus()
    if not available:
        return None
    try:
        held = free_slot(available, slots_per_gpu)
        if held is None:
            _tell(
                f"every slot of {', '.join(available)} is taken by other jobs (compute.slots_per_gpu is "
                f"{slots_per_gpu}), and a free one is waited for; with compute.device=cpu a job needs none"
            )
        while held is None:
            time.sleep(waiting)
            held = free_slot(available, slots_per_gpu)
    except OSError as error:
        _tell(
            f"no lock can be had for a GPU ({error.filename or 'its slot'}: {(error.strerror or str(error)).lower()}): "
            "other jobs may compute on the same one; CUDA_VISIBLE_DEVICES says which may be used"
        )
        return None
    gpu, slot = held
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    return slot


def _tell(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


def free_slot(available: Sequence[str], slots_per_gpu: int) -> tuple[str, IO[bytes]] | None:
    """Lock the first free slot: emptiest round first, so that jobs spread over GPUs before they share one.

    Raises:
        OSError: There is no place for locks here, or its file system has none.
    """
    place, allocation = place_of_slots(), _allocation()
    for number in range(slots_per_gpu):
        for gpu in available:
            slot = _locked(place / f"exaggerated-replay-gpu-{gpu}{allocation}-slot{number}")
            if slot is not None:
                return gpu, slot
    return None


def _allocation() -> str:
    """Return what sets the slots of GPUs that Slurm gave apart: who else may use these, Slurm decides."""
    given = os.environ.get("SLURM_STEP_GPUS") or os.environ.get("SLURM_JOB_GPUS")
    return f"-slurm{os.environ.get('SLURM_JOB_ID')}" if given else ""


def place_of_slots() -> Path:
    """Return where slots lie: a folder in which every user may make files, and nobody remove those of others.

    Raises:
        OSError: There is none.
    """
    for place in PLACES:
        with contextlib.suppress(OSError):
            mode = place.stat().st_mode
            if stat.S_ISDIR(mode) and mode & 0o1777 == 0o1777 and not os.statvfs(place).f_flag & os.ST_RDONLY:
                return place
    raise FileNotFoundError(2, "no folder that is open to all users", str(PLACES[-1]))


def _locked(path: Path) -> IO[bytes] | None:
    """Open and lock a slot; None where another process has it.

    Others' files are only read, which is enough to lock them: the system refuses to write them in such a folder.

    Raises:
        OSError: It cannot be opened, or there are no locks.
    """
    file = os.fdopen(_opened(path), "rb")
    try:
        if lock(file.fileno()) and os.path.samestat(os.fstat(file.fileno()), path.lstat()):
            return file
    except FileNotFoundError:  # swept away before it was locked: another look makes it again
        pass
    except OSError:
        file.close()
        raise
    file.close()
    return None


def _opened(path: Path) -> int:
    safely = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, safely)
    before = os.umask(0o022)  # all users read it, whatever this one's umask says
    try:
        return os.open(path, safely | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:  # another process was faster
        return os.open(path, safely)
    finally:
        os.umask(before)
