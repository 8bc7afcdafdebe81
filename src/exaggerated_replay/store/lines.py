"""Records of many runs in one file, a run a line: as a study's folder holds them, and as they travel.

A line is compact JSON with sorted keys: `record`, `run` (its name) and, where it travels too, `timing` (seconds and
hardware).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import parse_json, write_text
from exaggerated_replay.store.records import Record


@dataclass(frozen=True)
class Line:
    """A run in such a file: its name, its record, and its seconds and hardware, if these are known."""

    run: str
    record: Any
    timing: Any = None


def write_lines(target: Path, lines: Iterable[Line]) -> None:
    """Write runs to a file, sorted by name; the same runs give the same bytes."""
    write_text(target, "".join(_text(line) for line in sorted(lines, key=lambda line: line.run)))


def each_line(source: Path) -> Iterator[Line | UserError]:
    """Yield every run of a file, or what is wrong with its line.

    Raises:
        UserError: There is no such file.
    """
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {source}") from None
    for number, text in enumerate(content.split(b"\n"), start=1):
        if text.strip():
            yield _parsed(text) or UserError(f"line {number} is not the record of a run")


def read_records(source: Path) -> dict[str, Record]:
    """Return the record of every run of a file, by its name.

    Raises:
        UserError: A line is not as it was written, or a run stands there twice.
    """
    records: dict[str, Record] = {}
    for number, line in enumerate(each_line(source), start=1):
        try:
            if isinstance(line, UserError):
                raise line
            record = Record.of(line.record)
            if line.run in records or not record.is_sealed:
                raise UserError("it stands there twice, or was changed after its run")
        except UserError as error:
            raise UserError(
                f"{source} is not as it was written (record {number}): bring it back with git, or run the workflow"
            ) from error
        records[line.run] = record
    return records


def _text(line: Line) -> str:
    content = {"record": line.record, "run": line.run} | ({"timing": line.timing} if line.timing else {})
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _parsed(text: bytes) -> Line | None:
    try:
        content = parse_json(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or not {"record", "run"} <= content.keys() <= {"record", "run", "timing"}:
        return None
    return Line(content["run"], content["record"], content.get("timing")) if isinstance(content["run"], str) else None
