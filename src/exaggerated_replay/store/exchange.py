"""Records of finished runs in one file, to be carried from one machine to another."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, replacing, write_json
from exaggerated_replay.store.records import RECORD
from exaggerated_replay.store.verify import verify_record

FORMAT = "exaggerated-replay records 1"


def pack_records(runs: Path, timings: Path, target: Path) -> int:
    """Write the records of all finished runs, with their seconds and hardware, to one compressed file.

    Args:
        runs: The folder of run directories.
        timings: The folder of their timings.
        target: The file; the same records give the same bytes.

    Returns:
        How many records were packed.

    Raises:
        UserError: There is no finished run, or a record is broken.
    """
    packed = {}
    for path in sorted(runs.glob(f"*/{RECORD}")):
        name, timing = path.parent.name, timings / f"{path.parent.name}.json"
        packed[name] = {"record": read_json(path), "timing": read_json(timing) if timing.is_file() else None}
    if not packed:
        raise UserError(f"{runs} holds no finished run: run the workflow first")
    text = json.dumps({"format": FORMAT, "runs": packed}, sort_keys=True, allow_nan=False)
    with replacing(target) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    return len(packed)


def import_records(source: Path, runs: Path, timings: Path) -> tuple[int, int]:
    """Verify every record of a packed file, then put those that are new among the runs.

    Args:
        source: What `pack_records` has written.
        runs: The folder of run directories.
        timings: The folder of their timings.

    Returns:
        How many records were new, and how many were here already.

    Raises:
        UserError: The file is broken, a record is not what its name says, or differs from the one that is here.
            Then nothing is imported.
    """
    packed = _read(source)
    new = {}
    for name, entry in packed.items():
        try:
            verify_record(name, entry["record"])
        except UserError as error:
            raise UserError(f"{source}: {error}; nothing was imported") from error
        here = runs / name / RECORD
        if not here.is_file():
            new[name] = entry
        elif read_json(here) != entry["record"]:
            raise UserError(
                f"{here} says something else than {source} ({_made(read_json(here))} here, "
                f"{_made(entry['record'])} there): delete the one you do not want; nothing was imported"
            )
    for name, entry in new.items():
        if entry["timing"]:
            write_json(timings / f"{name}.json", entry["timing"])
        write_json(runs / name / RECORD, entry["record"])
    return len(new), len(packed) - len(new)


def _read(source: Path) -> dict[str, Any]:
    try:
        content = json.loads(gzip.decompress(source.read_bytes()))
        packed = content["runs"]
        if content["format"] != FORMAT or not all({"record", "timing"} == {*entry} for entry in packed.values()):
            raise ValueError("another format")
    except FileNotFoundError:
        raise UserError(f"there is no file {source}") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{source} holds no packed records, or is damaged ({error}): write it again with `export`"
        ) from error
    return packed


def _made(record: Any) -> str:
    environment = record.get("environment", {}) if isinstance(record, dict) else {}
    return f"{environment.get('device', 'unknown device')}, torch {environment.get('torch', 'unknown')}"
