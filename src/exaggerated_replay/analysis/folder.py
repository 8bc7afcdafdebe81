"""A folder whose files are written together, and only by what wrote them before."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, write_json
from exaggerated_replay.learning.exclusion import alone

FRESH = ".unfinished"
FILES = "files"


@contextmanager
def written_together(folder: Path, inventory: str, facts: Mapping[str, Any]) -> Iterator[Path]:
    """Yield an empty folder; what is put there goes to `folder` when the block ends without an error.

    A file that says the same as before is left alone, so that its time stays. Nothing is touched when the block raises.
    One process at a time: a job whose Snakemake was killed may still be at it, and is waited for.

    Args:
        folder: Where the files go; it may hold others.
        inventory: Name of the JSON file that lists what was written, under "files". What it listed before and is not
            written again is removed.
        facts: What else the inventory says.

    Raises:
        UserError: A file is in the way that the inventory does not list.
    """
    with alone([folder], "written"):
        fresh = folder / FRESH
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        try:
            yield fresh
            _take(fresh, folder, inventory, facts)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _take(fresh: Path, folder: Path, inventory: str, facts: Mapping[str, Any]) -> None:
    """Bring what was written to its folder, and remove what the inventory listed and is not written any more."""
    written = {str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file()} | {inventory}
    write_json(fresh / inventory, {**facts, FILES: sorted(written)})
    ours = _listed(folder / inventory)
    strangers = sorted(name for name in written - ours if (folder / name).exists())
    if strangers:
        raise UserError(
            f"{folder / strangers[0]} was not written by this study: move it away, or give the study another name"
        )
    for name in sorted(ours - written):
        _remove(folder, folder / name)
    # The inventory first: whatever interrupts the rest, the next writing knows its own.
    for name in sorted(written, key=lambda name: (name != inventory, name)):
        _replace(fresh / name, folder / name)


def keep(fresh: Path, pattern: str, inventory: str, same: str) -> None:
    """Keep files of the folder as they were: what they were made from is not here, as after a plain clone.

    Args:
        fresh: Where the folder is written anew; its inventory is there already.
        pattern: Which files, such as `figures/x.*`; only those that the folder's inventory lists.
        inventory: Name of the inventory.
        same: A fact that both inventories must agree on: else the files speak of something else, and are left out.
    """
    folder = fresh.parent
    listed = _listed(folder / inventory)
    if not listed or read_json(folder / inventory).get(same) != read_json(fresh / inventory).get(same):
        return
    for name in sorted(name for name in listed if fnmatch(name, pattern) and (folder / name).is_file()):
        place = fresh / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, place)


def _listed(inventory: Path) -> set[str]:
    """Return what the inventory lists below its own folder; nothing where it is missing or somebody else's."""
    try:
        names = read_json(inventory)[FILES]
        return {name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}
    except (UserError, KeyError, TypeError):
        return set()


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
