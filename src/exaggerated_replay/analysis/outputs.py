"""Which files of a study's folder a plan stands for, and which runs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.paper import table1_grid
from exaggerated_replay.planning.drawing import kinds_of

PLOTS = tuple(f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence"))
FOCUS_FILES = ("focus.json", *(f"focus/{name}" for name in PLOTS))  # of the cell in focus, relative to results/
SUMMARIES = ("params.yaml", "plan.json", "provenance.json", "runs.csv", "metrics.json", "verdicts.csv", *PLOTS)
ODDS = "table1_odds.csv"
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
    odds = [ODDS] if table1_grid(plan) else []
    frontiers = [f"frontier/{grid}.csv" for grid in frontier_grids(plan)]
    return [*SUMMARIES, *odds, *frontiers, *tables, *provenances, *records]


def frontier_grids(plan: Mapping[str, Any]) -> list[str]:
    """Return the grids that sweep the strength of synaptic intelligence, baseline and others alike."""
    return [grid for grid, kind in kinds_of(plan).items() if kind == "frontier"]


def all_files(plan: Mapping[str, Any], figures: Iterable[str]) -> list[Path]:
    """Return every file that is made from the records of a plan; `figures` are relative to the study's folder."""
    folder = Path("results", plan["study"]["name"])
    return [folder / name for name in (*study_files(plan), *figures, REPORT)] + [
        Path("results", name) for name in FOCUS_FILES
    ]
