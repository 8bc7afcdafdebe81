"""Runs that the plan does not name, out of the way."""

import shutil
from pathlib import Path
from typing import Any

from exaggerated_replay.store.records import RECORD, is_complete


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
