"""report.html: everything that a study says, on one page that needs nothing but itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from exaggerated_replay.analysis.mechanism.overflow import overflow
from exaggerated_replay.analysis.names import cell_name
from exaggerated_replay.analysis.study.outputs import REPORT
from exaggerated_replay.analysis.study.paper import speaks_of
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.analysis.words import SHORT, class_name
from exaggerated_replay.files import read_json, write_text
from exaggerated_replay.places import PROVENANCE
from exaggerated_replay.planning.questions import WHOLE_STUDY
from exaggerated_replay.report.answer import answer, tally
from exaggerated_replay.report.comparisons import Grid, grids, shared_notes, title
from exaggerated_replay.report.facts import beside_the_paper, what_was_not_run, what_was_run
from exaggerated_replay.report.findings import Finding, clauses, read_findings
from exaggerated_replay.report.pictures import Picture, pictures
from exaggerated_replay.report.question import question
from exaggerated_replay.report.tables import estimated
from exaggerated_replay.store.records import FINISHED
from exaggerated_replay.wording import unbroken

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may fetch for the page: nothing."""


@dataclass(frozen=True)
class Ran:
    """A run of a cell: its seed, name and scores by metric; or what became of it."""

    seed: int
    name: str
    scores: list[str]
    status: str


@dataclass(frozen=True)
class Page:
    """What the template shows.

    Attributes:
        study: Plan and records.
        folder: The study's folder, whose files the page shows and links to.
        origin: Where the runs were computed; see `publishing.origin`.
    """

    study: Study
    folder: Path
    origin: Mapping[str, Any]

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """As verdicts.csv holds them."""
        return read_table(self.folder / "verdicts.csv")

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """The figures of the study, by name."""
        return pictures(self.study.plan, self.folder)

    @cached_property
    def grids(self) -> list[Grid]:
        """The grids of the study."""
        return grids(self.study, self.verdicts)

    @cached_property
    def notes(self) -> list[str]:
        """What holds for all of its tables."""
        return shared_notes(self.grids)

    @cached_property
    def names(self) -> dict[str, str]:
        """Cell -> its name in words."""
        return {cell: cell_name(self.study.plan, cell) for cell in self.study.plan.cells}

    def section(self, name: str) -> list[Picture]:
        """Return the figures of a section, those of no grid, that there are."""
        names = [figure.name for figure in WHOLE_STUDY if figure.section == name]
        return [self.pictures[name] for name in names if name in self.pictures]

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Cell -> where its runs are listed."""
        return {cell: f"runs-{number}" for number, cell in enumerate(self.study.plan.cells, start=1)}

    @cached_property
    def ran(self) -> dict[str, list[Ran]]:
        """Cell -> its runs."""
        scored = self.study.runs.set_index(["cell", "seed"])
        found: dict[str, list[Ran]] = {}
        for cell in self.study.plan.cells.values():
            for run in cell.runs:
                row: Any = scored.loc[cell.name, run.seed]
                status = "" if row["status"] == FINISHED else row["status"]
                scores = [] if status else [f"{row[metric]:.2f}" for metric in METRICS]
                found.setdefault(cell.name, []).append(Ran(run.seed, run.name, scores, status))
        return found

    @cached_property
    def overflow(self) -> dict[str, str]:
        """Cell -> what is said of numbers that overflowed in its runs."""
        return overflow(self.study)

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """What grids show beyond their verdicts, by grid."""
        return read_findings(self.study.plan, self.folder)

    @cached_property
    def confusions(self) -> pd.DataFrame:
        """Which confusions appear and vanish most, of the cell in focus or else of the first that has any."""
        path = self.folder / "mechanism" / "confusions.csv"
        if not path.is_file():
            return pd.DataFrame()
        table = read_table(path)
        table = table[table["cell"].isin(self.study.plan.cells)]
        cells = sorted(table["cell"].unique(), key=lambda cell: cell != self.study.plan.focus)
        return table[table["cell"].eq(cells[0])] if cells else table

    def class_name(self, number: int) -> str:
        """Return what a class is called."""
        return class_name(self.study.plan, int(number))

    @cached_property
    def mechanism_files(self) -> list[str]:
        """Names of the tables of mechanism."""
        return sorted(path.name for path in self.folder.glob("mechanism/*.csv"))


def write_report(study: Study, folder: Path) -> None:
    """Write report.html from what lies in a study's folder: tables, figures and verdicts; the last of its parts."""
    write_text(folder / REPORT, render(Page(study, folder, read_json(folder / PROVENANCE))))


def render(page: Page) -> str:
    """Return the page as HTML: the same bytes for the same folder."""
    # A plain loader would look on the disk; the package may lie in an archive.
    source = {name: _own(name) for name in ("page.html.j2", "parts.html.j2")}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said = answer(page.study.plan, page.verdicts, clauses(page.findings.values(), page.study.plan))
    html = environment.get_template("page.html.j2").render(
        page=page,
        plan=page.study.plan,
        policy=POLICY,
        style=_own("style.css"),
        title=title(page.study.plan),
        lead=said.grid or page.study.plan.order[0],
        question=question(page.study.plan),
        answer=said,
        counts=tally(page.verdicts),
        rules=page.study.plan.rules,
        metrics=SHORT,
        estimated=estimated,
        forgetting=page.section("forgetting"),
        inside=page.section("inside"),
        facts=what_was_run(page.study, page.origin),
        missing=what_was_not_run(page.study, page.verdicts),
        settings=beside_the_paper(page.study.plan),
        exaggerates=exaggerates(page.study.plan),
        claims=speaks_of(page.study.plan),
    )
    return unbroken(html)


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
