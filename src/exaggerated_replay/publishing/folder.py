"""A study's folder, whose files are written together; those that no plan declares are never touched."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exaggerated_replay.aside import make_room
from exaggerated_replay.locks import alone
from exaggerated_replay.places import PLAN, UNFINISHED


@contextmanager
def written_together(folder: Path, ours: Iterable[str]) -> Iterator[Path]:
    """Yield an empty folder; what is put there goes to `folder` when the block ends without an error.

    A file that says the same as before is left alone, so that its time stays. Nothing is touched when the block raises,
    but for what `make_room` moves. One process at a time: a job whose Snakemake was killed may still be at it, and is
    waited for.

    Args:
        folder: Where the files go; it may hold others.
        ours: All names that the study's files have, or had by an earlier plan: what is not written is removed.
    """
    known = {*ours}
    with alone([folder], "written"):
        for line in make_room(folder, known):
            print(line)
        fresh = folder / UNFINISHED
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        try:
            yield fresh
            written = _written(fresh, known)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        # Interrupted from here on, it leaves `fresh`. Snakemake then removes what it knows of a failed job's files; by
        # this folder the next try knows that the others are the workflow's.
        _take(fresh, folder, written, known)
        shutil.rmtree(fresh, ignore_errors=True)


def _written(fresh: Path, ours: set[str]) -> set[str]:
    written = {str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file()}
    if strange := sorted(written - ours):
        raise ValueError(f"{strange[0]} is written, but no plan declares it")
    return written


def _take(fresh: Path, folder: Path, written: set[str], ours: set[str]) -> None:
    """Bring what was written to its folder, and remove what else is the study's."""
    # What an earlier plan declared goes while that plan is still there to tell: whatever interrupts this.
    for name in sorted(ours - written):
        _remove(folder, folder / name)
    # Then the plan: from here on the folder is known as the workflow's.
    for name in sorted(written, key=lambda name: (name != PLAN, name)):
        _replace(fresh / name, folder / name)


def _replace(new: Path, target: Path) -> None:
    if target.is_file() and target.read_bytes() == new.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(new, target)


def _remove(folder: Path, path: Path) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path.unlink(missing_ok=True)
    for parent in path.relative_to(folder).parents[:-1]:
        place = folder / parent
        if not place.is_dir() or any(place.iterdir()):
            return
        place.rmdir()
