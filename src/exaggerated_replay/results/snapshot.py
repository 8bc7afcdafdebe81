"""Results worth keeping: tables, figures, report and provenance in a folder of their own."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.results.inventory import SUMMARIES, figures, tables

RESERVED = ("runs", "figures", "timings")  # folders of results/ itself
REPORT = Path("report.html")


def take_snapshot(name: str, plan: dict[str, Any], results: Path, replace: bool) -> Path:
    """Copy the outcome of the current params.yaml to results/NAME/, whole or not at all.

    Tables, metrics, timings, figures and the plan are copied; params.yaml, the report (where it was made)
    and the record of every run go along as provenance; checkpoints stay behind.

    Args:
        name: Letters, digits, dots, dashes and underscores.
        plan: results/plan.json.
        results: The results folder.
        replace: Whether a snapshot of that name may be replaced.

    Returns:
        The folder.

    Raises:
        UserError: The name is no good or taken, or the workflow has not finished.
    """
    target = results / name
    if not re.fullmatch(r"[\w-][\w.-]*", name) or name in RESERVED:
        raise UserError(
            f"{name!r} is no name for a snapshot: use letters, digits, dots and dashes, for example paper-256"
        )
    if target.is_file():
        raise UserError(f"{target} is a file of the results: choose another name")
    if target.exists() and not replace:
        raise UserError(f"{target} exists: choose another name, or --force to replace it")
    wanted = [*_outputs(plan, results), Path("params.yaml")]
    missing = [path for path in wanted if not path.is_file()]
    if missing:
        raise UserError(f"{missing[0]} is missing: run `snakemake --cores all --resources gpu=2` first")

    fresh = results / f".{name}.{os.getpid()}"
    try:
        for path in [*wanted, *([REPORT] if REPORT.is_file() else [])]:
            place = fresh / (path.relative_to(results) if path.is_relative_to(results) else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _outputs(plan: dict[str, Any], results: Path) -> list[Path]:
    """Return every file of results/ that the plan stands for, checkpoints and timings of runs aside."""
    records = [f"runs/{run}/record.json" for run in plan["runs"]]
    return [results / name for name in (*SUMMARIES, *tables(plan), *figures(plan), *records)]
