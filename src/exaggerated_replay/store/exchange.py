"""Records of finished runs in one file, to be carried from one machine to another."""

import gzip
import json
import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, replacing, write_json
from exaggerated_replay.store.records import RECORD
from exaggerated_replay.store.verify import verify_record

FORMAT = "exaggerated-replay records 1"


@dataclass
class Imported:
    """What an import did: runs that are new here, runs that were here, and a sentence for each that was refused."""

    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def pack_records(records: Path, timings: Path, target: Path) -> int:
    """Write records of finished runs, with their seconds and hardware, to one compressed file.

    Args:
        records: The folder of run directories, or the folder of a study.
        timings: The folder of their timings.
        target: The file; the same records give the same bytes.

    Returns:
        How many records were packed.

    Raises:
        UserError: There is no finished run, or a record is broken.
    """
    packed = {}
    for name, path in _record_files(records).items():
        timing = timings / f"{name}.json"
        packed[name] = {"record": read_json(path), "timing": read_json(timing) if timing.is_file() else None}
    if not packed:
        raise UserError(f"{records} holds no finished run: run the workflow first")
    text = json.dumps({"format": FORMAT, "runs": packed}, sort_keys=True, allow_nan=False)
    with replacing(target) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    return len(packed)


def import_records(source: Path, runs: Path, timings: Path) -> Imported:
    """Put the records that are new and right among the runs, and name the others.

    Args:
        source: What `pack_records` has written, or the folder of a study.
        runs: The folder of run directories.
        timings: The folder of their timings.

    Raises:
        UserError: The file or folder holds no records at all.
    """
    done = Imported()
    for name, entry in _read(source).items():
        here = runs / name / RECORD
        try:
            record = entry()
            verify_record(name, record["record"])
            _verify_timing(name, record["timing"])
            if here.is_file() and (known := read_json(here)) != record["record"]:
                raise UserError(
                    f"{here} says something else ({_made(known)} here, {_made(record['record'])} there): "
                    "delete the one you do not want"
                )
        except UserError as error:
            done.refused.append(f"{source}: {error}")
            continue
        if here.is_file():
            done.known.append(name)
            continue
        if record["timing"]:
            write_json(timings / f"{name}.json", record["timing"])
        write_json(here, record["record"])
        done.new.append(name)
    return done


def _record_files(folder: Path) -> dict[str, Path]:
    """Return the records in a folder of run directories or in that of a study, by name of the run."""
    found = {path.parent.name: path for path in folder.glob(f"*/{RECORD}")}
    found |= {path.stem: path for path in (folder / "records").glob("*.json")}
    return dict(sorted(found.items()))


def _read(source: Path) -> dict[str, Any]:
    """Return a function for each run that reads its record and timing."""
    if source.is_dir():
        files = _record_files(source)
        if not files:
            raise UserError(f"{source} holds no records")
        return {name: lambda path=path: {"record": read_json(path), "timing": None} for name, path in files.items()}
    try:
        content = json.loads(gzip.decompress(source.read_bytes()))
        packed = content["runs"]
        if content["format"] != FORMAT or not all(entry.keys() == {"record", "timing"} for entry in packed.values()):
            raise ValueError("another format")
    except FileNotFoundError:
        raise UserError(f"there is no file {source}") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{source} holds no packed records, or is damaged ({error}): write it again with `export`"
        ) from error
    return {name: lambda entry=entry: entry for name, entry in packed.items()}


def _verify_timing(name: str, timing: Any) -> None:
    if timing is None:
        return
    try:
        right = math.isfinite(timing["seconds"]) and timing["seconds"] >= 0 and isinstance(timing["hardware"], str)
    except (KeyError, TypeError, OverflowError):
        right = False
    if not right:
        raise UserError(f"{name} has seconds or hardware that make no sense")


def _made(record: Any) -> str:
    environment = record.get("environment", {}) if isinstance(record, dict) else {}
    return f"{environment.get('device', 'unknown device')}, torch {environment.get('torch', 'unknown')}"
