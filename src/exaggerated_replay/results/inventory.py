"""Which files of results/ a plan stands for."""

from pathlib import Path
from typing import Any

SUMMARIES = ("plan.json", "runs.csv", "timings.csv", "metrics.json", "focus.json")
TABLE_KINDS = ("csv", "md", "tex")
IMAGE_KINDS = ("png", "pdf", "svg")


def tables(plan: dict[str, Any]) -> list[str]:
    """Return the tables of a plan, relative to results/."""
    return [f"{grid}.{kind}" for grid in plan["grids"] for kind in TABLE_KINDS]


def figures(plan: dict[str, Any]) -> list[str]:
    """Return the figures of a plan, relative to results/."""
    return [f"figures/{figure}.{kind}" for figure in plan["figures"] for kind in IMAGE_KINDS]


def remove_leftovers(plan: dict[str, Any], results: Path) -> list[Path]:
    """Remove tables and figures of earlier plans, so that results/ speaks of the current one alone.

    Runs stay: they are right whoever asks for them.

    Returns:
        What was removed.
    """
    wanted = {results / name for name in (*SUMMARIES, *tables(plan), *figures(plan))}
    found = [path for kind in TABLE_KINDS for path in results.glob(f"*.{kind}")]
    found += [path for kind in IMAGE_KINDS for path in (results / "figures").glob(f"*.{kind}")]
    leftovers = sorted(set(found) - wanted)
    for path in leftovers:
        path.unlink()
    return leftovers
