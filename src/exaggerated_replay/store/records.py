"""Run directories: what a finished run leaves behind.

Seconds and hardware lie apart, in results/timings/: they differ every time, and no other output may.
"""

from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.places import ENCODER_WEIGHTS, RECORD, TRACES, WEIGHTS

__all__ = ["ENCODER_WEIGHTS", "FILES", "RECORD", "TRACES", "WEIGHTS", "is_complete"]

FILES = (WEIGHTS, TRACES, RECORD)  # in the order in which they are put in place: the record vouches for the others


def is_complete(directory: Path) -> bool:
    """Tell whether a run directory holds a finished run: a record, and the very weights and traces it names."""
    try:
        digests = read_json(directory / RECORD)["sha256"]
        named = {WEIGHTS, *(name for name in FILES if name in digests)}
        return all(file_digest(directory / name) == digests[name] for name in named)
    except (UserError, FileNotFoundError, KeyError, TypeError):
        return False
