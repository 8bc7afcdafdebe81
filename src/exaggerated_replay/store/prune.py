"""Runs that the plan does not name, out of the way."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from exaggerated_replay.files import move
from exaggerated_replay.store.records import FILES, RECORD, is_complete


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
        place.mkdir(parents=True, exist_ok=True)
        known = is_complete(place)  # set aside before, and brought back by git or dvc since: the same run
        for file in [directory / name for name in FILES if (directory / name).is_file()]:  # the record last
            if known:
                file.unlink()
            else:
                move(file, place / file.name)
        with suppress(OSError):  # somebody's own file lies there: it stays
            directory.rmdir()
    return [workspace / directory.name for directory in unplanned]
