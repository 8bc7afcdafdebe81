"""The store, where every finished run is kept: what comes into it, what it gives back.

results/runs/ belongs to DVC, which empties it of whatever dvc.lock does not name. So it is filled from the store at
every start, and whatever came there by DVC, Git or hand is taken into the store. Both are names of the same files where
the file system allows it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from exaggerated_replay.aside import move_aside, move_files
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import RECORD, WEIGHTS
from exaggerated_replay.store.records import FILES, Record, is_complete, is_the_same, put_run, read_record
from exaggerated_replay.store.verify import verify_record

NOTHING, RECORD_ALONE, WHOLE = range(3)
"""What is finished in a run's folder, and right: without a checkpoint tables can be made, and nothing else."""


def finished(directory: Path) -> int:
    """Return what of a run is in a folder and right."""
    try:
        verify_record(directory.name, read_json(directory / RECORD))
    except (UserError, OSError):
        return NOTHING
    if is_complete(directory):
        return WHOLE
    return NOTHING if (directory / WEIGHTS).exists() else RECORD_ALONE


def sealed_records(store: Path, names: Iterable[str] | None = None) -> dict[str, Record]:
    """Return the records that the store has, of all runs or of some; what is not as its run wrote it is left out."""
    records = {}
    for name in sorted(path.parent.name for path in store.glob(f"*/{RECORD}")) if names is None else names:
        with suppress(UserError, OSError):
            records[name] = read_record(store / name / RECORD)
    return records


def has_more(place: Path, directory: Path) -> bool:
    """Tell whether the store has more of a run, finished and right, than the run's own folder.

    Args:
        place: Of the run in the store.
        directory: Of the run elsewhere. What is right there and says something else is left as it is.
    """
    if not (place / RECORD).is_file():
        return False
    here = finished(directory)
    return finished(place) > here and (here == NOTHING or _says_the_same(directory, place))


def take_in(runs: Path, store: Path) -> None:
    """Keep every finished run of a folder.

    What is right in the store already stays, whatever else is said elsewhere. Of a run with the same record, the store
    takes the file that the folder has, so that it takes no room of its own after DVC put another in its place.

    Args:
        runs: A folder of run directories.
        store: The store.
    """
    for path in sorted(runs.glob(f"*/{RECORD}")):
        directory, place = path.parent, store / path.parent.name
        if _is_known(directory, place) or _is_in_the_way(place):
            continue
        here, there = finished(directory), finished(place)
        if (here > there == NOTHING) or (here == WHOLE and _says_the_same(directory, place)):
            put_run(directory, place)


def bring_back(names: Iterable[str], runs: Path, store: Path) -> list[str]:
    """Fill a folder of run directories with what it lacks and the store has; return which runs that were.

    Args:
        names: The runs that are asked for.
        runs: The folder of run directories.
        store: The store.
    """
    lacking = [name for name in names if has_more(store / name, runs / name)]
    for name in lacking:
        put_run(store / name, runs / name)
    return lacking


def set_aside(names: Iterable[str], runs: Path, store: Path) -> tuple[list[str], list[str]]:
    """Take all runs but some out of a folder; whoever asks for them later gets them from the store.

    Args:
        names: The runs that stay.
        runs: The folder of run directories.
        store: The store, which keeps what is finished.

    Returns:
        The runs that were taken out, and a line for each that the store does not hold just so: that one is moved to
        `.training/aside/`.
    """
    take_in(runs, store)
    stay, out, told = {*names}, [], []
    for directory in sorted(path.parent for path in runs.glob(f"*/{RECORD}") if path.parent.name not in stay):
        files = [directory / name for name in FILES if (directory / name).is_file()]
        if _is_kept(directory, store / directory.name):
            for file in files:
                file.unlink()
        else:
            told.append(f"{directory} is not as {store} keeps this run: moved to {move_files(directory, files)}")
        with suppress(OSError):  # somebody's own file lies there: it stays
            directory.rmdir()
        out.append(directory.name)
    return out, told


def clear(names: Iterable[str], store: Path) -> Iterator[str]:
    """Move away what lies in the store under the name of a run and is another's, or no run; say so in a line each."""
    for name in names:
        place = store / name
        try:
            if _is_in_the_way(place):
                yield f"{place} is not a run: moved to {move_aside(place)}"
            elif (place / RECORD).is_file():
                verify_record(name, read_json(place / RECORD))
        except UserError as error:
            yield f"{place}: {error}; moved to {move_aside(place)}"


def _is_in_the_way(place: Path) -> bool:
    """Tell whether a file lies where a run's folder belongs in the store, or a folder where one of its files does."""
    return (place.exists() and not place.is_dir()) or any((place / name).is_dir() for name in FILES)


def _is_known(directory: Path, place: Path) -> bool:
    """Tell, without reading them, whether the store has a run's files: the same, or copies on another file system."""
    files = [name for name in FILES if (directory / name).is_file()]
    if all(is_the_same(directory / name, place / name) for name in files):
        return True
    try:
        here, there = ([folder.joinpath(name).stat() for name in files] for folder in (directory, place))
    except OSError:
        return False
    alike = all(a.st_dev != b.st_dev and a.st_size == b.st_size for a, b in zip(here, there, strict=True))
    return alike and _says_the_same(directory, place)


def _is_kept(directory: Path, place: Path) -> bool:
    files = [name for name in FILES if (directory / name).is_file()]
    if all(is_the_same(directory / name, place / name) for name in files):
        return True
    return _says_the_same(directory, place) and NOTHING < finished(directory) <= finished(place)


def _says_the_same(directory: Path, place: Path) -> bool:
    try:
        return (directory / RECORD).read_bytes() == (place / RECORD).read_bytes()
    except OSError:
        return False
