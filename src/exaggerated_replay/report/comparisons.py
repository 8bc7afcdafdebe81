"""The grids of a study as the page shows them: a row per cell, with differences, verdicts and the paper's values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.comparison import comparison, row_labels
from exaggerated_replay.analysis.questions.layout import remarks
from exaggerated_replay.analysis.study.outputs import first_grid
from exaggerated_replay.analysis.study.pairs import METRICS
from exaggerated_replay.analysis.study.paper import table1_grid
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.sentences import beside, sentence
from exaggerated_replay.analysis.words import PARTS, counted, in_words, points, written
from exaggerated_replay.planning import study_plan as planned
from exaggerated_replay.report.answer import tally
from exaggerated_replay.report.tables import DASH, SHORT, between, number

MOST_LABELS = 3  # columns, for which there is room beside the numbers
TABLE1 = "Table 1: gains by the repulsion factor f"
HEADINGS = {"f": "repulsion factor f", "arm": "arm", "cell": "cell"}


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
class Row:
    """A cell of a grid: its labels, one per heading, and a number for each metric."""

    cell: str
    baseline: str | None
    labels: list[str]
    seeds: int
    numbers: list[Number]


@dataclass(frozen=True)
class Grid:
    """A grid of a study.

    Attributes:
        name: As the plan calls it.
        title: As the page calls it.
        headings: Of the labels.
        rows: A row per cell.
        note: What the table shows and cannot show.
        counts: Verdict -> how many.
        evidence: What is behind each verdict: a row of verdicts.csv each, as texts by column.
        sentences: The verdicts, said in words.
    """

    name: str
    title: str
    headings: list[str]
    rows: list[Row]
    note: str
    counts: dict[str, int]
    evidence: list[dict[str, str]]
    sentences: list[str]


def grids(study: Study, verdicts: pd.DataFrame) -> list[Grid]:
    """Return the grids of a study, the one first that it is read for, the others as params.yaml has them."""
    table1, first = table1_grid(study.plan), first_grid(study.plan)
    names = sorted(study.plan.order, key=lambda name: name != first)
    titles = [TABLE1 if name == table1 else _title(name) for name in names]
    return [
        _grid(study, verdicts[verdicts["grid"] == name], name, title) for name, title in zip(names, titles, strict=True)
    ]


def _title(name: str) -> str:
    """Return a grid's name as a heading."""
    words = in_words(name)
    return words if words[1:2] == " " else words[0].upper() + words[1:]  # "f" stays what it is


def _grid(study: Study, judged: pd.DataFrame, name: str, title: str) -> Grid:
    table = comparison(study, name)
    labels = _labels(table, study.plan.grids[name])
    found = {(row["cell"], row["baseline"], row["metric"]): row for _, row in judged.iterrows()}
    rows = []
    for (_, row), (_, label) in zip(table.iterrows(), labels.iterrows(), strict=True):
        baseline = None if pd.isna(row["baseline"]) else row["baseline"]
        numbers = [
            _number(row, metric, found[row["cell"], baseline, metric]) if baseline else _level(row, metric)
            for metric in METRICS
        ]
        rows.append(Row(row["cell"], baseline, list(label), int(row["seeds"]), numbers))
    return Grid(
        name=name,
        title=title,
        headings=[HEADINGS.get(heading, heading) for heading in map(str, labels)],
        rows=rows,
        note=remarks(table, study),
        counts=tally(judged),
        evidence=[_evidence(row) for _, row in judged.iterrows()],
        sentences=[sentence(study.plan, row) for _, row in judged.iterrows()],
    )


def _labels(table: pd.DataFrame, entries: Sequence[planned.Row]) -> pd.DataFrame:
    """Label the rows of a comparison, a column each for what is varied; or, where that is too wide, one for all."""
    labels = row_labels(table)
    if labels.shape[1] <= MOST_LABELS:
        return labels
    settings = [
        ", ".join(in_words(f"{key.rpartition('.')[2]}: {written(value)}") for key, value in entry.settings.items())
        for entry in entries
    ]
    return pd.DataFrame({"arm": table["arm"], "settings": settings})


def _level(row: pd.Series, metric: str) -> Number:
    mean = row[f"{metric}_mean"]
    return Number(SHORT[metric], DASH if np.isnan(mean) else f"{mean:.2f} %")


def _number(row: pd.Series, metric: str, judged: pd.Series) -> Number:
    papers = row[f"{metric}_published_absolute"]
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
