"""Typing the same command again continues, whatever ended the last one."""

import fcntl
from pathlib import Path
from typing import IO


def clear_stale_locks(folder: Path) -> IO | None:
    """Remove locks that a killed run left in Snakemake's folder, unless another run is alive here.

    The kernel tells: a living run holds `run.lock`, a dead one holds nothing.

    Returns:
        The held lock, to be kept open as long as this run lives; None when another run is alive.
    """
    folder.mkdir(exist_ok=True)
    lock = (folder / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    for stale in (folder / "locks").glob("*.lock"):
        stale.unlink()
    return lock
