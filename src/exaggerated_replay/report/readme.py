"""README.md of a study: its answer, main table and figures, as a Git host shows them when the folder is opened."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exaggerated_replay.analysis.study.outputs import README, all_figures, featured, picture_file
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.analysis.words import SHORT
from exaggerated_replay.files import read_json, write_text
from exaggerated_replay.places import PROVENANCE
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.report.answer import answer
from exaggerated_replay.report.comparisons import Grid, Number, grids, title
from exaggerated_replay.report.facts import what_was_run
from exaggerated_replay.report.findings import clauses, read_findings
from exaggerated_replay.report.pictures import caption, titles
from exaggerated_replay.report.question import question
from exaggerated_replay.wording import unbroken

INTERVALS = (
    "In parentheses: 95 % confidence intervals by Student's t, for description only. Verdicts follow from the wider, "
    "anytime-valid intervals in verdicts.csv."
)
FILES = """\
`records.jsonl` holds the record of every run, one per line; `plan.json` says which runs a cell has and what it is
compared with, `verdicts.csv` what can be said of it, `runs.csv` and `tables/` the numbers behind that. `report.html`,
every figure for print and the tables as Markdown and LaTeX are made of these, without training:

```sh
exaggerated-replay report results/{name}
```

`exaggerated-replay rebuild results/{name}` trains the study again and compares."""


def write_readme(study: Study, folder: Path) -> None:
    """Write README.md from what lies in a study's folder: verdicts, findings, figures."""
    write_text(folder / README, readme(study, folder, read_json(folder / PROVENANCE)))


def readme(study: Study, folder: Path, origin: Mapping[str, Any]) -> str:
    """Return the page as Markdown: the same bytes for the same folder.

    Args:
        study: Plan and records.
        folder: Where its verdicts, findings and figures lie.
        origin: Where the runs were computed; see `publishing.origin`.
    """
    plan, verdicts = study.plan, read_table(folder / "verdicts.csv")
    found = clauses(read_findings(plan, folder).values(), plan)
    said = answer(plan, verdicts, found)
    tables = grids(study, verdicts)
    decided = (grid for grid in tables if grid.name == said.grid and set(grid.counts) != {"undecided"})
    main = next(decided, tables[0])
    others = [grid for grid in tables if grid is not main]
    parts = [
        f"# {plain(title(plan))}",
        plain(question(plan)),
        f"**{plain(said.first)}**",
        plain(" ".join(filter(None, [said.caveat, said.beyond]))),
        f"## {plain(main.title)}",
        _grid(main),
        plain(" ".join([INTERVALS, *main.notes])),
        *([f"More tables: {', '.join(map(_link, others))}."] if others else []),
        *_figures(plan, folder),
        "## What was run",
        table(("", ""), what_was_run(study, origin).items()),
        "## Files",
        FILES.format(name=plan.study.name),
    ]
    return unbroken("\n\n".join(parts) + "\n")


def _grid(grid: Grid) -> str:
    headings = [grid.heading, "seeds", *SHORT.values()]
    return table(headings, [[row.name, str(row.seeds), *map(_number, row.numbers)] for row in grid.rows])


def _number(number: Number) -> str:
    around = f"{number.value} ({number.around})" if number.around else number.value
    verdict = f"{number.verdict} ({number.beside})" if number.beside else number.verdict
    return "; ".join(filter(None, [around, verdict, f"paper {number.paper}" if number.paper else ""]))


def _link(grid: Grid) -> str:
    return f"[{plain(grid.title)}](tables/{quote(grid.name)}.csv)"


def _figures(plan: StudyPlan, folder: Path) -> Iterator[str]:
    called = titles(plan)
    for name in featured(plan):
        if (folder / picture_file(name)).is_file():
            title = plain(called[name])
            yield f"![{title}](figures/{quote(name)}.png)"
            yield f"**{title}.** {plain(caption(all_figures(plan)[name].name, plan))}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; its texts are shown as they are."""
    shown = [[*map(plain, headings)], ["---"] * len(headings), *([*map(plain, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in shown)


def plain(text: str) -> str:
    """Return a text of which Markdown makes nothing else: neither HTML, links, emphasis nor cells of a table."""
    return re.sub(r"([\\`*_\[\]<>|&#~])", r"\\\1", " ".join(text.split()))
