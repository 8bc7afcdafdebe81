"""One process at a time trains a run or writes a study: a job that outlived its workflow is waited for, not doubled."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(places: Iterable[Path], doing: str = "trained") -> Iterator[None]:
    """Wait until no other process works in these folders, and keep others waiting.

    The kernel lets go of a folder when the process ends, however it ends. On a file system without locks nobody waits.

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
                wait_for(held[-1], place, doing)
        yield
    finally:
        for folder in held:
            os.close(folder)


def wait_for(folder: int, place: Path, doing: str) -> None:
    """Lock an open folder; say so where somebody else has it."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{place.name} is being {doing} by another process, which is waited for", file=sys.stderr, flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
