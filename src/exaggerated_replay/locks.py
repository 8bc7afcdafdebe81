"""Locks that the kernel keeps, so that it lets go of them when a process ends, however it ends.

A lock is a convenience. Some file systems have none: work goes on there all the same, and whoever starts it is told.
"""

import contextlib
import errno
import fcntl
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import is_alive, write_text

TAKEN = (errno.EWOULDBLOCK, errno.EACCES)  # the second is what some network file systems say
LOCK, HOLDER = "run.lock", "run.holder"


def lock(file: int, how: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file or folder, and tell whether it is ours now; if not, another process has it.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        raise
    return True


# ---------------------------------------------------------------- a folder for one process at a time


@contextlib.contextmanager
def alone(places: Iterable[Path], doing: str = "trained") -> Iterator[None]:
    """Wait until no other process works in these folders, and keep others waiting.

    A job that outlived its workflow is waited for, not doubled. On a file system that locks no folders nobody waits.

    Args:
        places: Folders, of unfinished runs or of a study; missing ones are made.
        doing: What is done there, for who has to wait.
    """
    held = []
    try:
        for place in sorted(places):  # everybody in the same order, so that no two wait for each other
            place.mkdir(parents=True, exist_ok=True)
            held.append(os.open(place, os.O_RDONLY | os.O_DIRECTORY))
            with contextlib.suppress(OSError):
                if not lock(held[-1]):
                    told = f"{place.name} is being {doing} by another process, which is waited for"
                    print(told, file=sys.stderr, flush=True)
                    fcntl.flock(held[-1], fcntl.LOCK_EX)
        yield
    finally:
        for folder in held:
            os.close(folder)


# ---------------------------------------------------------------- a checkout for one run at a time


def hold_folder(folder: Path, tell: Callable[[str], object]) -> IO[bytes]:
    """Take the lock of Snakemake's folder, and note in `run.holder` which process works here.

    Where there are no locks, that note alone tells of another run: as long as its process lives, it is believed.

    Args:
        folder: Snakemake's folder, `.snakemake`.
        tell: Called with a sentence where the file system has no locks.

    Returns:
        The open file that is locked, to be kept as long as this run lives.

    Raises:
        UserError: Another run is at work.
    """
    folder.mkdir(exist_ok=True)
    held = (folder / LOCK).open("ab")  # for writing, without which NFS locks nothing
    try:
        free = lock(held.fileno())
    except OSError as error:
        tell(
            f"{folder} lies on a file system without locks ({error.strerror}), so nothing keeps two runs apart: start "
            "no second one here while this one works"
        )
        free = not _holder_lives(folder)
    if not free:
        held.close()
        raise UserError(at_work(folder))
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    write_text(folder / HOLDER, f"process {os.getpid()}: {command}\n")
    return held


def is_held(folder: Path) -> bool:
    """Tell whether a run is at work in the folder; nothing is written."""
    try:
        with (folder / LOCK).open("rb") as file:
            return not lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def at_work(folder: Path) -> str:
    """Say which run has taken the lock."""
    return f"another run is working in this folder ({_holder(folder)}): wait until it ends, or stop it"


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown process"


def _holder_lives(folder: Path) -> bool:
    process = re.match(r"process (\d+):", _holder(folder))
    return process is not None and int(process[1]) != os.getpid() and is_alive(int(process[1]))
