"""Which GPUs a training job may use, and the slot of one that it holds while it trains.

Snakemake counts GPUs but never says which one a job may use. So every job takes a lock on one slot of one
GPU before torch is imported; the kernel releases it when the process ends, however it ends. A GPU is known by where it
sits in the machine, and not by what somebody calls it: its index, the UUID of the same card, and the index that a
container gives it must not have two holders.
"""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from exaggerated_replay.locks import lock

DEVICES = Path("/dev")
DRIVER = Path("/proc/driver/nvidia/gpus")
PLACES = (Path("/var/lock"), Path("/dev/shm"), Path("/tmp"))  # noqa: S108 (see `place_of_slots`)
"""Where slots may lie: the same for all users of a machine, whatever their TMPDIR. The first that will do is taken."""


class Gpu(NamedTuple):
    """A GPU that this process may use."""

    visible: str  # what CUDA_VISIBLE_DEVICES calls it
    card: str  # what all users of the machine know it by: its address on the bus, where the driver tells it


# ---------------------------------------------------------------- which there are


def visible_gpus() -> list[Gpu]:
    """Return the NVIDIA GPUs that this process may use, in the order in which CUDA would count them.

    An index counts cards as nvidia-smi does, by their address on the bus.
    """
    cards = cards_here()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return cards if visible is None else chosen(visible, cards)


def chosen(visible: str, cards: Sequence[Gpu]) -> list[Gpu]:
    """Return those of the cards that CUDA_VISIBLE_DEVICES names, read as CUDA reads it.

    It stops at the first name that is none, such as -1 or NoDevFiles, or that is of another kind than the first one
    (index, UUID), and sees nothing where one stands twice.
    """
    words = [word.strip() for word in visible.split(",")]
    found: list[Gpu] = []
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


def _named(word: str, cards: Sequence[Gpu]) -> Gpu | None:
    """Return the card of this name, if there is one: an index, the beginning of a UUID, a part of a card (MIG)."""
    match _kind(word):
        case "MIG-":  # a device of its own
            return Gpu(word, word.lower().replace("/", "-")) if cards else None
        case "GPU-":
            if cards and not any(_kind(card.visible) == "GPU-" for card in cards):
                return Gpu(word, word.lower())  # nobody told which card that is
            found = [card for card in cards if card.visible.lower().startswith(word.lower())]
            return found[0] if len(found) == 1 else None
    number = re.match(r"\+?(\d+)", word)
    return cards[int(number[1])] if number and int(number[1]) < len(cards) else None


def cards_here() -> list[Gpu]:
    """Return the machine's cards as far as this process may use them, in the order of their addresses on the bus.

    A container, or the control group of a batch job, may have some of them only; CUDA counts these from 0.
    """
    return _told_by_nvidia_smi() or _told_by_the_driver() or _told_by_device_files()


def _told_by_nvidia_smi() -> list[Gpu]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=pci.bus_id,uuid", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = re.findall(r"^\s*([0-9A-Fa-f]+(?::[0-9A-Fa-f]+)+\.\d)\s*,\s*(\S*)\s*$", told, re.MULTILINE)
    return _in_order([(_address(address), uuid) for address, uuid in rows])


def _told_by_the_driver() -> list[Gpu]:
    """Ask the kernel's driver, which tells of all cards, and take those whose device file can be opened."""
    rows = []
    for told in DRIVER.glob("*/information"):
        with contextlib.suppress(OSError):
            facts = dict(re.findall(r"^([^:\n]+):[ \t]*(.*?)[ \t]*$", told.read_text(encoding="utf-8"), re.MULTILINE))
            if _may_be_opened(DEVICES / f"nvidia{facts.get('Device Minor')}"):
                rows.append((_address(told.parent.name), facts.get("GPU UUID", "")))
    return _in_order(rows)


def _told_by_device_files() -> list[Gpu]:
    """Count device files where nobody tells more: of a private /dev with the fourth alone, CUDA calls it 0."""
    names = (re.fullmatch(r"nvidia(\d+)", path.name) for path in DEVICES.glob("nvidia[0-9]*"))
    return _in_order([(f"nvidia{number:04}", "") for number in sorted(int(name[1]) for name in names if name)])


def _address(told: str) -> str:
    """Return an address on the bus in one form: nvidia-smi writes 00000000:3B:00.0, the driver 0000:3b:00.0."""
    domain, _, rest = told.lower().partition(":")
    return f"{int(domain, 16):04x}:{rest}"


def _in_order(rows: Sequence[tuple[str, str]]) -> list[Gpu]:
    """Return cards from their addresses and UUIDs; where the driver does not tell a UUID, it shows question marks."""
    known = re.compile(r"GPU-[0-9a-f]+(-[0-9a-f]+)*", re.IGNORECASE)
    return [
        Gpu(uuid if known.fullmatch(uuid) else str(index), address)
        for index, (address, uuid) in enumerate(sorted(rows))
    ]


def _may_be_opened(device: Path) -> bool:
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


# ---------------------------------------------------------------- whose one of them is


def hold_gpu(slots_per_gpu: int, waiting: float = 0.5) -> IO[bytes] | None:
    """Wait for a free slot of a GPU and make that GPU the only visible one.

    Must be called before torch is imported. Without a GPU there is nothing to do, and neither where Slurm gave this job
    exactly one, which it may have given to others as well.

    Args:
        slots_per_gpu: How many jobs may share one GPU.
        waiting: Seconds between two looks when all slots are taken.

    Returns:
        The lock, held until it is closed or the process ends; None when none is needed, or none can be had.
    """
    available = visible_gpus()
    if not available or (len(available) == 1 and _slurm_gave_one()):
        return None
    try:
        while (held := free_slot(available, slots_per_gpu)) is None:
            time.sleep(waiting)
    except OSError as error:
        print(
            f"no lock can be had for a GPU ({error.filename or 'its slot'}: {(error.strerror or str(error)).lower()}): "
            "other jobs may compute on the same one; CUDA_VISIBLE_DEVICES says which may be used",
            file=sys.stderr,
            flush=True,
        )
        return None
    gpu, slot = held
    os.environ.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=gpu.visible)
    return slot


def _slurm_gave_one() -> bool:
    given = os.environ.get("SLURM_STEP_GPUS") or os.environ.get("SLURM_JOB_GPUS") or ""
    return "SLURM_JOB_ID" in os.environ and re.fullmatch(r"\d+", given) is not None


def free_slot(available: Sequence[Gpu], slots_per_gpu: int) -> tuple[Gpu, IO[bytes]] | None:
    """Lock the first free slot: emptiest round first, so that jobs spread over GPUs before they share one.

    Raises:
        OSError: There is no place for locks here, or its file system has none.
    """
    place = place_of_slots()
    for number in range(slots_per_gpu):
        for gpu in available:
            slot = _locked(place / f"exaggerated-replay-gpu-{gpu.card}-slot{number}")
            if slot is not None:
                return gpu, slot
    return None


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
