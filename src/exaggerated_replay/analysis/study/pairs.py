"""Which runs a comparison is made of: those of a cell and its baseline that share their seed."""

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.errors import UserError

MEANS = (
    "A mean is over all runs of a cell that reached their end, a difference over the seeds at which both runs did: "
    "where a run diverged, it need not be the difference of the means."
)
"""The one rule of what numbers are made of, in every table, figure and file."""


def cell_runs(runs: pd.DataFrame, cell: str) -> pd.DataFrame:
    """Select the runs of one cell, indexed and sorted by seed; see `Study.cell_runs`."""
    own = runs[runs["cell"] == cell]
    if own.empty:
        raise UserError(f"no run of cell '{cell}' is in the runs table: finish its runs first")
    if own["seed"].duplicated().any():
        seed = own.loc[own["seed"].duplicated(), "seed"].iloc[0]
        raise UserError(f"seed {seed} occurs twice in cell '{cell}': keep one run per seed and cell")
    return own.set_index("seed").sort_index()


def paired(runs: pd.DataFrame, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the runs of two cells at their common seeds, whether or not they reached their end.

    Raises:
        UserError: There is none.
    """
    treated, base = cell_runs(runs, cell), cell_runs(runs, baseline)
    seeds = treated.index.intersection(base.index)
    if seeds.empty:
        raise UserError(f"cells '{cell}' and '{baseline}' have no seed in common: give both the same seeds")
    return treated.loc[seeds], base.loc[seeds]


def finished(runs: pd.DataFrame) -> pd.Series:
    """Say for each run whether it reached its end: a run that diverged has no accuracies."""
    return runs[[metric for metric in METRICS if metric in runs]].notna().all(axis="columns")
