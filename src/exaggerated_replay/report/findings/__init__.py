"""What grids show beyond their verdicts, for the page: a module for each question, with the same four things in it.

NOTE (how to read the table), `headings`, `rows` (of its cells) and `clause` (all tables of a study in a clause, for the
answer).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from exaggerated_replay.analysis.names import cell_name
from exaggerated_replay.analysis.study.outputs import finding_file, findings_of
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.report.findings import closest, frontier, trends
from exaggerated_replay.report.tables import Value


class Kind(Protocol):
    """What a module says of its table."""

    @property
    def NOTE(self) -> str:
        """How to read it."""

    def headings(self, table: pd.DataFrame) -> list[str]:
        """Return the headings of its columns."""

    def rows(self, table: pd.DataFrame) -> list[list[Value]]:
        """Lay out the table."""

    def clause(self, tables: pd.DataFrame) -> str:
        """Say what was found, from the tables of all grids, one below the other."""


KINDS: Mapping[str, Kind] = {"closest": closest, "frontier": frontier, "trends": trends}
"""By the name of the table."""


@dataclass(frozen=True)
class Finding:
    """A table of a grid that answers what it is asked.

    Attributes:
        kind: Which question that is.
        file: Where it lies in the study's folder.
        table: As it lies there.
    """

    kind: Kind
    file: str
    table: pd.DataFrame

    @property
    def headings(self) -> list[str]:
        """Of its columns."""
        return self.kind.headings(self.table)

    @property
    def rows(self) -> list[list[Value]]:
        """Its cells."""
        return self.kind.rows(self.table)


def read_findings(plan: StudyPlan, folder: Path) -> dict[str, Finding]:
    """Read the findings of a study from its folder, by grid; those without any row are left out."""
    findings = {
        grid: Finding(KINDS[name], finding_file(name, grid), read_table(folder / finding_file(name, grid)))
        for grid, name in findings_of(plan).items()
    }
    return {grid: finding for grid, finding in findings.items() if len(finding.table)}


def clauses(findings: Iterable[Finding], plan: StudyPlan) -> list[str]:
    """Say what was found, as a part of a sentence for each question: a study may ask it in several grids."""
    names = {cell: cell_name(plan, cell) for cell in plan.cells}
    tables: dict[Kind, list[pd.DataFrame]] = {}
    for finding in findings:
        tables.setdefault(finding.kind, []).append(finding.table.replace({"cell": names}))
    return [kind.clause(pd.concat(found, ignore_index=True)) for kind, found in tables.items()]
