"""One run at a time works in a folder, and typing the same command again continues, whatever ended the last one."""

import fcntl
import os
import shlex
import sys
import time
from pathlib import Path
from typing import IO


def hold_folder(folder: Path, patience: float = 60) -> IO | None:
    """Take the lock of Snakemake's folder, and remove the locks that a killed run left in it.

    The kernel tells: a living run holds `run.lock`, a dead one holds nothing. Another that holds it may only look
    (`snakemake -n`) or be about to start: it is waited for, until it ends or locks its files.

    Args:
        folder: Snakemake's folder, `.snakemake`.
        patience: Seconds to wait for another that neither ends nor locks its files.

    Returns:
        The held lock, to be kept open as long as this run lives; None when another run is at work.
    """
    folder.mkdir(exist_ok=True)
    lock = (folder / "run.lock").open("a+", encoding="utf-8")
    deadline = time.monotonic() + patience
    while not _locked(lock):
        if any((folder / "locks").glob("*.lock")) or time.monotonic() > deadline:
            lock.close()
            return None
        time.sleep(0.1)
    for stale in (folder / "locks").glob("*.lock"):
        stale.unlink()
    lock.truncate(0)
    lock.write(f"process {os.getpid()}: {shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}\n")
    lock.flush()
    return lock


def holder(folder: Path) -> str:
    """Return which run has taken the lock, for example `process 123: snakemake --cores 2`."""
    return (folder / "run.lock").read_text(encoding="utf-8").strip()


def _locked(lock: IO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
