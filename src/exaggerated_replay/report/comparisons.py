"""The grids of a study as the page shows them: a row per cell, with differences, verdicts and the paper's values."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.comparison import comparison, row_labels
from exaggerated_replay.analysis.questions.remarks import remarks
from exaggerated_replay.analysis.study.paper import table1_grid
from exaggerated_replay.analysis.study.roles import EXAGGERATION, exaggerates, role
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.sentences import beside, sentence
from exaggerated_replay.analysis.words import DASH, PARTS, SHORT, between, counted, in_words, points
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.report.answer import capital, tally
from exaggerated_replay.report.question import contest, named
from exaggerated_replay.report.tables import number

TABLE1 = "Table 1: gains by the repulsion factor f"


@dataclass(frozen=True)
class Number:
    """One metric of one row.

    Attributes:
        part: Of which classes, in words.
        value: The difference in points, or the accuracy of a cell that is compared with nothing.
        around: Its interval, or nothing.
        verdict: A word, or nothing.
        beside: What must stand beside the word, as how many more seeds an undecided one needs; or nothing.
        paper: The paper's gain, or nothing.
    """

    part: str
    value: str
    around: str = ""
    verdict: str = ""
    beside: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Entry:
    """A cell of a grid.

    Attributes:
        cell: As files call it.
        baseline: What it is compared with, or nothing.
        name: In words.
        asked: Whether its verdicts answer what the study asks; those of controls of exaggeration do not.
        seeds: How many.
        numbers: One for each metric.
    """

    cell: str
    baseline: str | None
    name: str
    asked: bool
    seeds: int
    numbers: list[Number]


@dataclass(frozen=True)
class Grid:
    """A grid of a study.

    Attributes:
        name: As the plan calls it.
        title: As the page calls it.
        heading: Of the rows' names.
        rows: A row per cell.
        notes: What the table shows and cannot show, a sentence each.
        counts: Verdict -> how many.
        evidence: What is behind each verdict: a row of verdicts.csv each, as texts by column.
        sentences: The verdicts, said in words.
    """

    name: str
    title: str
    heading: str
    rows: list[Entry]
    notes: list[str]
    counts: dict[str, int]
    evidence: list[dict[str, str]]
    sentences: list[str]


def grids(study: Study, verdicts: pd.DataFrame) -> list[Grid]:
    """Return the grids of a study as params.yaml has them: the one first that it is read for."""
    table1 = table1_grid(study.plan)
    return [
        _grid(study, verdicts[verdicts["grid"] == name], name, TABLE1 if name == table1 else _title(name))
        for name in study.plan.order
    ]


def title(plan: StudyPlan) -> str:
    """Return a study's title: what it is about, on which data."""
    if exaggerates(plan):
        return f"Feature exaggeration on {named(plan)}: {plan.study.name}"
    compared, _, against = contest(plan)
    return f"{capital(compared)}{f' against {against}' if against else ''} on {named(plan)}"


def shared_notes(grids: Iterable[Grid]) -> list[str]:
    """Return the sentences that hold for every table, in their order."""
    first, *others = (grid.notes for grid in grids)
    return [note for note in first if others and all(note in notes for notes in others)]


def _title(name: str) -> str:
    """Return a grid's name as a heading."""
    words = in_words(name)
    return words if words[1:2] == " " else capital(words)  # "f" stays what it is


def _grid(study: Study, judged: pd.DataFrame, name: str, title: str) -> Grid:
    table = comparison(study, name)
    labels = row_labels(table, study, name)
    found = {(row["cell"], row["baseline"], row["metric"]): row for _, row in judged.iterrows()}
    rows = []
    for (_, row), label in zip(table.iterrows(), labels, strict=True):
        baseline = None if pd.isna(row["baseline"]) else row["baseline"]
        numbers = [
            _number(row, metric, found[row["cell"], baseline, metric]) if baseline else _level(row, metric)
            for metric in METRICS
        ]
        asked = not exaggerates(study.plan) or role(study.plan.cells[row["cell"]].method) == EXAGGERATION
        rows.append(Entry(row["cell"], baseline, label, asked, int(row["seeds"]), numbers))
    return Grid(
        name=name,
        title=title,
        heading=str(labels.name),
        rows=rows,
        notes=remarks(table, study),
        counts=tally(judged),
        evidence=[_evidence(row) for _, row in judged.iterrows()],
        sentences=[sentence(study.plan, row) for _, row in judged.iterrows()],
    )


def _level(row: pd.Series, metric: str) -> Number:
    mean = row[f"{metric}_mean"]
    return Number(SHORT[metric], DASH if np.isnan(mean) else f"{mean:.2f} %")


def _number(row: pd.Series, metric: str, judged: pd.Series) -> Number:
    papers = row.get(f"{metric}_published_absolute", np.nan)
    more = counted(judged["more_seeds"], "more seed") if judged["verdict"] == "undecided" else ""
    return Number(
        part=SHORT[metric],
        value=number(judged["difference"]),
        around=between(judged["low"], judged["high"]),
        verdict=judged["verdict"],
        beside=more or beside(judged),
        paper="" if pd.isna(papers) else points(papers),
    )


def _evidence(row: pd.Series) -> dict[str, str]:
    """Lay out a row of verdicts.csv, as its readers look for it."""
    return {
        "cell": row["cell"],
        "against": row["baseline"],
        "classes": PARTS[row["metric"]],
        "seeds": f"{row['seeds']}" + (f" ({row['left_out']} left out)" if row["left_out"] else ""),
        "difference": number(row["difference"]),
        "t interval": between(row["low"], row["high"]),
        "anytime-valid": between(row["valid_low"], row["valid_high"]),
        "among": f"{counted(row['comparisons'], 'comparison')} of {in_words(row['family'])}",
        "verdict": row["verdict"],
    }
