"""Results worth keeping: tables, figures, report and provenance in a folder of their own."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from exaggerated_replay.analysis.outputs import outputs
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json, write_text
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.store.records import RECORD

# Folders of results/ itself.
RESERVED = ("runs", "tables", "provenance", "figures", "plots", "focus", "timings")
REPORT = Path("report.html")


def take_snapshot(name: str, plan: dict[str, Any], results: Path, replace: bool) -> Path:
    """Copy the outcome of the current params.yaml to results/NAME/, whole or not at all.

    Tables, metrics, timings, figures and the plan are copied; the report (where it was made), the record of
    every run and params.yaml go along, and the commit that the working tree was at. Checkpoints stay behind.
    Of a path to a user's data only the file's name is kept: its SHA-256, in the plan, is what identifies it.

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
    outputs = _outputs(plan, results)
    missing = [path for path in (*outputs, PARAMS) if not path.is_file()]
    if missing:
        raise UserError(f"{missing[0]} is missing: run `snakemake --cores all --resources gpu=2` first")

    fresh = results / f".{name}.{os.getpid()}"
    try:
        for path in outputs:
            place = fresh / path.relative_to(results)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
        params = PARAMS.read_text(encoding="utf-8")
        write_text(fresh / PARAMS.name, without_path(params, params))
        if REPORT.is_file():
            write_text(fresh / REPORT.name, without_path(REPORT.read_text(encoding="utf-8"), params))
        write_json(fresh / "provenance.json", _provenance())
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def without_path(text: str, params: str) -> str:
    """Cut paths that lead out of the repository, as the text of params.yaml names them, down to the file's name."""
    named = re.findall(r"(?m)^ *(?:source|weights|watch): ['\"]?(.*?)['\"]?$", params)
    for path in sorted({path for path in named if _leads_out(path)}, key=len, reverse=True):
        text = text.replace(path, re.split(r"[/\\]", path.rstrip("/\\"))[-1])
    return text


def _leads_out(path: str) -> bool:
    absolute = PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
    return absolute or path.startswith("~") or ".." in re.split(r"[/\\]", path)


def _provenance() -> dict[str, Any]:
    """Say which commit the working tree was at, and whether tracked source files differed from it."""

    def git(*what: str) -> str | None:
        done = subprocess.run(["git", *what], capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout.strip()

    return {
        "commit": git("rev-parse", "HEAD"),
        "modified": git("status", "--porcelain", "--untracked-files=no", "--", "src", "workflow", "Snakefile"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _outputs(plan: dict[str, Any], results: Path) -> list[Path]:
    """Return every file of results/ that the plan stands for, checkpoints and timings of runs aside."""
    records = [f"runs/{run}/{RECORD}" for run in plan["runs"]]
    return [results / name for name in (*outputs(plan), *records)]
