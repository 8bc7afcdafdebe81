"""Records of finished runs in one file, to be carried from one machine to another."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import link, read_json, write_json
from exaggerated_replay.places import RECORD, RECORDS
from exaggerated_replay.store.keeping import NOTHING, finished, sealed_records
from exaggerated_replay.store.lines import Line, each_line, read_records, write_lines
from exaggerated_replay.store.records import Record, read_record
from exaggerated_replay.store.verify import verify_record


@dataclass
class Imported:
    """What an import did: runs that are new here, runs that were here, and a sentence for each that was refused."""

    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def export_records(folder: Path, timings: Path, target: Path, store: Path | None = None) -> int:
    """Write records of finished runs, with their seconds and hardware, to one file.

    Args:
        folder: Of run directories, or of a study.
        timings: The folder of their timings.
        target: The file; the same records give the same bytes.
        store: Where every finished run is kept: those that are not in the folder are written, too. None for a study.

    Returns:
        How many records were written.

    Raises:
        UserError: There is no finished run, or a record is broken.
    """
    records = (sealed_records(store) if store else {}) | _records(folder)
    lines = [Line(name, record.written, _timing(timings / f"{name}.json")) for name, record in records.items()]
    if not lines:
        raise UserError(f"{folder} holds no finished run: run the workflow first")
    write_lines(target, lines)
    return len(lines)


def import_records(source: Path, runs: Path, timings: Path, store: Path) -> Imported:
    """Put the records that are new and right among the runs and into the store, and name the others.

    Args:
        source: What `export_records` has written, or the folder of a study.
        runs: The folder of run directories.
        timings: The folder of their timings.
        store: Where every finished run is kept.

    Raises:
        UserError: The file or folder holds no records at all.
    """
    done = Imported()
    for line in _lines(source):
        try:
            if isinstance(line, UserError):
                raise line
            here, kept = runs / line.run / RECORD, store / line.run
            verify_record(line.run, line.record)
            _verify_timing(line)
            is_kept = finished(kept) != NOTHING
            for known in [here] * here.is_file() + [kept / RECORD] * is_kept:
                if (said := read_json(known)) != line.record:
                    raise UserError(
                        f"{known} says something else ({_made(said)} here, {_made(line.record)} there): "
                        f"delete the one you do not want, here {here.parent} and {kept}"
                    )
        except UserError as error:
            done.refused.append(f"{source}: {error}")
            continue
        if here.is_file() or is_kept:
            done.known.append(line.run)
            continue
        if line.timing:
            write_json(timings / f"{line.run}.json", line.timing)
        write_json(kept / RECORD, line.record)
        link(kept / RECORD, here)
        done.new.append(line.run)
    return done


def _records(folder: Path) -> dict[str, Record]:
    if (folder / RECORDS).is_file():
        return read_records(folder / RECORDS)
    return {path.parent.name: read_record(path) for path in folder.glob(f"*/{RECORD}")}


def _timing(path: Path) -> Any:
    return read_json(path) if path.is_file() else None


def _lines(source: Path) -> Iterator[Line | UserError]:
    """Yield the runs of a file or of a study's folder, and what is wrong with a line; there is one run at least."""
    if source.is_dir() and not (source / RECORDS).is_file():
        raise UserError(f"{source} holds no records: name the folder of a study, or a file from `export`")
    lines = [*each_line(source / RECORDS if source.is_dir() else source)]
    if all(isinstance(line, UserError) for line in lines):
        raise UserError(f"{source} holds no records, or is damaged: write it again with `export`")
    yield from lines


def _verify_timing(line: Line) -> None:
    if line.timing is None:
        return
    try:
        seconds, hardware = line.timing["seconds"], line.timing["hardware"]
        right = math.isfinite(seconds) and seconds >= 0 and isinstance(hardware, str)
    except (KeyError, TypeError, OverflowError):
        right = False
    if not right:
        raise UserError(f"{line.run} has seconds or hardware that make no sense")


def _made(record: Any) -> str:
    environment = record.get("environment", {}) if isinstance(record, dict) else {}
    return f"{environment.get('device', 'unknown device')}, torch {environment.get('torch', 'unknown')}"
