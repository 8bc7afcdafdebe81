"""Which files of results/ a plan stands for."""

import shutil
from pathlib import Path
from typing import Any

from exaggerated_replay.store.records import RECORD, is_complete

PLOTS = tuple(f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence"))
SUMMARIES = ("plan.json", "runs.csv", "timings.csv", "metrics.json", "focus.json", *PLOTS)
TABLE_KINDS = ("csv", "md", "tex")
IMAGE_KINDS = ("png", "pdf", "svg")


def tables(plan: dict[str, Any]) -> list[str]:
    """Return the tables of a plan, relative to results/."""
    return [f"tables/{grid}.{kind}" for grid in plan["grids"] for kind in TABLE_KINDS]


def figures(plan: dict[str, Any]) -> list[str]:
    """Return the figures of a plan, relative to results/."""
    return [f"figures/{figure}.{kind}" for figure in plan["figures"] for kind in IMAGE_KINDS]


def provenances(plan: dict[str, Any]) -> list[str]:
    """Return the lists of runs behind the tables of a plan, relative to results/."""
    return [f"provenance/{grid}.csv" for grid in plan["grids"]]


def outputs(plan: dict[str, Any]) -> list[str]:
    """Return every file that is made from the records of a plan, relative to results/."""
    return [*SUMMARIES, *tables(plan), *provenances(plan), *figures(plan)]


def remove_leftovers(plan: dict[str, Any], results: Path) -> list[Path]:
    """Remove tables and figures of earlier plans, so that results/ speaks of the current one alone.

    Runs stay: they are right whoever asks for them.

    Returns:
        What was removed.
    """
    wanted = {results / name for name in outputs(plan)}
    found = [path for kind in TABLE_KINDS for path in (results / "tables").glob(f"*.{kind}")]
    found += (results / "provenance").glob("*.csv")
    found += [path for kind in IMAGE_KINDS for path in (results / "figures").glob(f"*.{kind}")]
    leftovers = sorted(set(found) - wanted)
    for path in leftovers:
        path.unlink()
    return leftovers


def set_aside(plan: dict[str, Any], runs: Path, workspace: Path) -> list[Path]:
    """Move runs that the plan does not name out of results/, to where unfinished work is kept.

    DVC then records the runs of the plan and no other. Nothing is lost: a plan that names such a run again finds
    it there, finished.

    Returns:
        Where they lie now.
    """
    unplanned = sorted(path.parent for path in runs.glob(f"*/{RECORD}") if path.parent.name not in plan["runs"])
    for directory in unplanned:
        place = workspace / directory.name
        if is_complete(place):  # set aside before, and brought back by git or dvc since: the same run
            shutil.rmtree(directory)
            continue
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(directory, place)
    return [workspace / directory.name for directory in unplanned]
