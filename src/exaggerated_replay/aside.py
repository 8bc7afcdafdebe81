"""What lies where the workflow has to write: out of the way, and never lost."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from exaggerated_replay.places import MARKS, workspace_folder


def move_aside(path: Path) -> Path:
    """Move a file or folder to `.training/aside/`, under a name that is free there, and return where it lies now."""
    target = _reserved(path.name, folder=path.is_dir() and not path.is_symlink())
    _move(path, target)
    return target


def move_files(folder: Path, paths: Iterable[Path]) -> Path:
    """Move some of a folder's files, and leave its others; return the folder in which they lie now."""
    place = _reserved(folder.name, folder=True)
    for path in paths:
        _move(path, place / path.relative_to(folder))
    return place


def make_room(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Move what lies in the way of a study's files to `.training/aside/`, and say so in a line.

    Where one of `MARKS` is, the workflow has written before: its files are its own, and are overwritten. Otherwise
    somebody made the folder by hand, and whatever has a name of the study's is theirs. A folder where a file belongs,
    and a file where a folder does, is somebody's in any case.

    Args:
        folder: Of the study.
        names: Its files, relative to it.
    """
    ours = any((folder / mark).exists() for mark in MARKS)
    taken = list(dict.fromkeys(there for name in sorted(names) if (there := _in_the_way(folder, name, ours))))
    if not taken:
        return
    place = move_files(folder, taken)
    more = f" and {len(taken) - 1} more that the workflow did not write" if len(taken) > 1 else ""
    yield f"{taken[0]}{more or ' was not written by the workflow'}: moved to {place}"


def _in_the_way(folder: Path, name: str, ours: bool) -> Path | None:
    path = folder / name
    for parent in [folder / part for part in reversed(Path(name).parents)]:
        if parent != folder and _is_there(parent) and not parent.is_dir():
            return parent
    if not _is_there(path) or (ours and (path.is_symlink() or not path.is_dir())):
        return None
    return path


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _reserved(name: str, folder: bool) -> Path:
    """Make an empty folder or file under a name that is free, which no other job can take then, and return it."""
    aside = workspace_folder() / "aside"
    aside.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        target = aside / f"{name}.{number}"
        with suppress(FileExistsError):
            if folder:
                target.mkdir()
            else:
                target.touch(exist_ok=False)
            break
    return target


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(path, target)
    except OSError:  # on another file system
        if target.is_dir():
            target.rmdir()
        shutil.move(path, target)
