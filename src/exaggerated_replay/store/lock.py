"""One run at a time works in a folder; whoever only looks needs no lock and writes nothing."""

import os
import shlex
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text

LOCK, HOLDER = "run.lock", "run.holder"


def hold_folder(folder: Path) -> FileLock:
    """Take the lock of Snakemake's folder, and remove the locks that a killed run left in it.

    The kernel tells: a living run holds the lock, a dead one holds nothing.

    Args:
        folder: Snakemake's folder, `.snakemake`.

    Returns:
        The held lock, to be kept as long as this run lives.

    Raises:
        UserError: Another run is at work.
    """
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(at_work(folder)) from None
    for stale in (folder / "locks").glob("*.lock"):
        stale.unlink()
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    write_text(folder / HOLDER, f"process {os.getpid()}: {command}\n")
    return lock


def is_held(folder: Path) -> bool:
    """Tell whether a run is at work in the folder; nothing is written."""
    import fcntl

    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def at_work(folder: Path) -> str:
    """Say which run has taken the lock."""
    try:
        holder = (folder / HOLDER).read_text(encoding="utf-8").strip()
    except OSError:
        holder = "unknown process"
    return f"another run is working in this folder ({holder}): wait until it ends, or stop it"
