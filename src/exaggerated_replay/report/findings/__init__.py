"""What grids show beyond their verdicts, for the page: a module for each question, with the same four things in it.

NOTE (how to read the table), HEADINGS, `rows` (of its cells) and `clause` (the table in a clause, for the answer).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from exaggerated_replay.analysis.outputs import finding_file, findings_of
from exaggerated_replay.report.findings import closest, frontier, trends
from exaggerated_replay.report.tables import Value, read_table


class Kind(Protocol):
    """What a module says of its table."""

    @property
    def NOTE(self) -> str:
        """How to read it."""

    @property
    def HEADINGS(self) -> Sequence[str]:
        """Of its columns."""

    def rows(self, table: pd.DataFrame) -> list[list[Value]]:
        """Lay out the table."""

    def clause(self, table: pd.DataFrame, treatment: str) -> str:
        """Say what was found."""


KINDS: dict[str, Kind] = {"closest": closest, "frontier": frontier, "trends": trends}


@dataclass(frozen=True)
class Finding:
    """A table of a grid that answers what it is asked.

    Attributes:
        file: Where it lies in the study's folder.
        note: How to read it.
        headings: Of its columns.
        rows: Its cells.
        clause: What was found, as a part of a sentence.
    """

    file: str
    note: str
    headings: Sequence[str]
    rows: list[list[Value]]
    clause: str


def read_findings(plan: Mapping[str, Any], folder: Path) -> dict[str, Finding]:
    """Read the findings of a study from its folder, by grid; those without any row are left out."""
    found = {}
    for grid, name in findings_of(plan).items():
        file, kind = finding_file(name, grid), KINDS[name]
        table = read_table(folder / file)
        if len(table):
            said = kind.clause(table, plan["study"]["treatment"])
            found[grid] = Finding(file, kind.NOTE, kind.HEADINGS, kind.rows(table), said)
    return found
