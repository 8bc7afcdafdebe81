"""Run directories: what a finished run leaves behind.

Seconds and hardware lie apart, in results/timings/: they differ every time, and no other output may.
"""

from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, link, read_json
from exaggerated_replay.places import ENCODER_WEIGHTS, RECORD, TRACES, WEIGHTS

__all__ = [
    "ENCODER_WEIGHTS",
    "FILES",
    "RECORD",
    "TRACES",
    "WEIGHTS",
    "is_complete",
    "is_sealed",
    "is_the_same",
    "put_run",
    "sealed",
]

FILES = (WEIGHTS, TRACES, RECORD)  # in the order in which they are put in place: the record vouches for the others


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a digest of all else that it says, so that a digit changed later shows."""
    rest = {**record, "sha256": {name: digest for name, digest in record["sha256"].items() if name != RECORD}}
    return {**rest, "sha256": {**rest["sha256"], RECORD: digest_of(rest)}}


def is_sealed(record: Any) -> bool:
    """Tell whether this is a record, and says what it said when it was sealed."""
    try:
        return bool(sealed(record) == record)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return False


def is_complete(directory: Path) -> bool:
    """Tell whether a run directory holds a finished run: a sealed record, and the very weights and traces it names."""
    try:
        record = read_json(directory / RECORD)
        digests = record["sha256"]
        named = {WEIGHTS, *(name for name in FILES if name in digests and name != RECORD)}
        return is_sealed(record) and all(file_digest(directory / name) == digests[name] for name in named)
    except (UserError, FileNotFoundError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return False


def put_run(directory: Path, target: Path) -> None:
    """Put the files of a run into another folder, the record last, without taking room twice where that can be."""
    for name in FILES:
        if (directory / name).is_file() and not is_the_same(directory / name, target / name):
            link(directory / name, target / name)


def is_the_same(path: Path, other: Path) -> bool:
    """Tell whether two names are of one file, which is there."""
    try:
        return path.samefile(other)
    except OSError:
        return False
