"""In which cells Adam's squared gradients passed what single precision can hold, which stops no run."""

from exaggerated_replay.analysis.study.scores import PERCENT
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import counted

INFINITE = "infinite_moments"
"""The instrument of a record: per task, the share of the weights concerned. Runs without any do not have it, nor have
those from before it was noted: hence "at least"."""


def overflow(study: Study) -> dict[str, str]:
    """Say of each cell with such a run how many of its runs, from which task on, and how many of the weights.

    Args:
        study: Plan and records.

    Returns:
        Cell -> what to say; nothing of the other cells.
    """
    told = {}
    for name, cell in study.plan.cells.items():
        noted = [study.records[run.name].instruments.get(INFINITE) for run in cell.runs]
        if shares := [of_run for of_run in noted if of_run]:
            first = min(next(task for task, share in enumerate(of_run, start=1) if share) for of_run in shares)
            most = PERCENT * max(map(max, shares))
            told[name] = (
                f"in at least {len(shares)} of {counted(len(noted), 'run')}, from task {first} on, squared gradients "
                f"passed what Adam can hold in single precision; up to {most:.2g} % of the weights do not move any more"
            )
    return told
