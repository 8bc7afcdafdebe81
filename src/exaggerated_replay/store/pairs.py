"""Whether runs that are compared are computed alike, asked before they are."""

from collections.abc import Iterable
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import Run, StudyPlan
from exaggerated_replay.store.keeping import sealed_records


def check_device(plan: StudyPlan, runs: Iterable[Run], device: str, store: Path) -> None:
    """Check that runs are to be computed on the class of device that those which they are compared with were.

    Sums round otherwise on another, which grows over training: such a pair shares its seed in name only, and would be
    refused when all is trained (`analysis/study/study.py`).

    Args:
        plan: What is compared with what.
        runs: Those that are to be computed now; finished ones among them stay as they are.
        device: The class of device: "cpu" or "cuda".
        store: Where every finished run is kept.

    Raises:
        UserError: A run on another class of device is finished.
    """
    made = sealed_records(store, plan.named)
    waiting = {run.name for run in runs} - made.keys()
    for row in plan.rows:
        pair = [run.name for cell in (row.cell, row.baseline) if cell for run in plan.cells[cell].runs]
        other = next((name for name in pair if name in made and made[name].device != device), None)
        if row.baseline and other and not waiting.isdisjoint(pair):
            there = made[other].device
            raise UserError(
                f"{other} was computed on {there}, and would be compared with runs that are computed on {device}: "
                f"set compute.device={there}, or train all runs of the study on one with `snakemake -R train`"
            )
