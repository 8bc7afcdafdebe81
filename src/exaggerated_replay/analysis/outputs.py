"""Which files of a study's folder a plan stands for, and which runs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.paper import odds_grid, papers_data, table1_grid
from exaggerated_replay.places import PROVENANCE, RESULTS
from exaggerated_replay.planning.drawing import kinds_of

PLOTS = tuple(f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence"))
FOCUS_FILES = ("focus.json", *(f"focus/{name}" for name in PLOTS))  # of the cell in focus, relative to results/
SUMMARIES = ("params.yaml", "plan.json", PROVENANCE, "runs.csv", "metrics.json", "verdicts.csv", *PLOTS)
ODDS = "table1_odds.csv"
FINDINGS = {"frontier": "frontier", "scale": "trends", "specification": "closest"}
"""How a grid is drawn -> what it is asked: what lies beyond the baseline's reach, what grows with the size, which
reading comes closest to the paper's table."""
REPORT = "report.html"
TABLE_KINDS = ("csv", "md", "tex")
IMAGE_KINDS = ("png", "pdf", "svg")


def study_files(plan: Mapping[str, Any]) -> list[str]:
    """Return what `write_study` makes from a plan and its records, relative to the study's folder.

    Figures aside; and what needs more than records (tables of mechanism), which is written only where that is there.
    """
    tables = [f"tables/{grid}.{kind}" for grid in plan["grids"] for kind in TABLE_KINDS]
    provenances = [f"provenance/{grid}.csv" for grid in plan["grids"]]
    records = [f"records/{run}.json" for run in plan["runs"]]
    odds = [ODDS] if odds_grid(plan) else []
    found = [finding_file(name, grid) for grid, name in findings_of(plan).items()]
    return [*SUMMARIES, *odds, *found, *tables, *provenances, *records]


def first_grid(plan: Mapping[str, Any]) -> str:
    """Return the grid whose table a user is shown when a study is finished: Table 1, or else the plan's first."""
    return table1_grid(plan) or next(iter(plan["grids"]))


def findings_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return the grids that are asked more than verdicts answer: grid -> what it is asked, as `FINDINGS` says it.

    The paper's Table 1, which readings are compared with, is about the paper's data alone.
    """
    asked = {grid: FINDINGS[kind] for grid, kind in kinds_of(plan).items() if kind in FINDINGS}
    return {grid: name for grid, name in asked.items() if name != "closest" or papers_data(plan)}


def finding_file(name: str, grid: str) -> str:
    """Return where a finding lies in its study's folder."""
    return f"{name}/{grid}.csv"


def all_files(plan: Mapping[str, Any], figures: Iterable[str]) -> list[Path]:
    """Return every file that is made from the records of a plan; `figures` are relative to the study's folder."""
    folder = RESULTS / plan["study"]["name"]
    return [folder / name for name in (*study_files(plan), *figures, REPORT)] + [RESULTS / name for name in FOCUS_FILES]
