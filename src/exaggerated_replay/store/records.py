"""Run directories: what a finished run leaves behind.

Seconds and hardware lie apart, in results/timings/: they differ every time, and no other output may.
"""

from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json

RECORD = "record.json"  # settings, counts, instruments: complete without the weights
WEIGHTS = "model.safetensors"
ENCODER_WEIGHTS = "encoder.safetensors"


def is_complete(directory: Path) -> bool:
    """Tell whether a run directory holds a finished run: a record, and the very weights it names."""
    try:
        record = read_json(directory / RECORD)
        return file_digest(directory / WEIGHTS) == record["sha256"][WEIGHTS]
    except (UserError, FileNotFoundError, KeyError, TypeError):
        return False
