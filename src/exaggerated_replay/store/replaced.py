"""Which results a plan would replace: those in the folder of its study, where it has none of their runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, RECORDS
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.planning.runs import called, difference_told, values_of
from exaggerated_replay.settings.nested import differences
from exaggerated_replay.store.lines import read_records

MANY = 3
"""Settings beyond which only their names are given."""


def remarks_on_results(plan: Plan, results: Path) -> list[str]:
    """Say what tells the runs of a plan from those in its study's folder, where none of them is the same.

    One setting that was forgotten, such as `compute.threads`, makes every run another one.

    Args:
        plan: What was composed.
        results: The folder of all studies.
    """
    folder = results / plan.study.name
    try:
        cells = read_json(folder / PLAN)["cells"]
        if plan.named.keys() & {name for cell in cells.values() for name in cell["runs"]}:
            return []
        records = read_records(folder / RECORDS)
        there = {name: [records[run].settings for run in cell["runs"]] for name, cell in cells.items()}
        pair = next(_pairs(plan, there), None)
    except (UserError, OSError, KeyError, TypeError, AttributeError):
        return []  # what is wrong there, other commands tell
    why = f"they differ in {_told(*pair)}" if pair else "its cells or seeds are others"
    return [f"None of these runs is in {folder}, which the workflow will write anew; {why}."]


def _pairs(plan: Plan, there: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[tuple[Any, Any]]:
    """Yield the settings of two runs of the same cell and seed, here and there."""
    for cell in plan.cells.values():
        seeds = {settings["seed"]: settings for settings in there.get(cell.name, [])}
        yield from ((values_of(run.settings), seeds[run.seed]) for run in cell.runs if run.seed in seeds)


def _told(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    keys = sorted(differences(here, there))
    if len(keys) > MANY:
        return ", ".join(called(key) for key in keys)
    return "; ".join(difference_told(key, here, there) for key in keys)
