"""Which runs a comparison is made of: the cells of a grid, and the runs of a cell and its baseline that pair up."""

from collections.abc import Mapping

import pandas as pd

from exaggerated_replay.errors import UserError

METRICS = {"first20": "20% avg.", "first50": "50% avg.", "overall": "Overall avg."}
"""The columns of Table 1: name in the runs table -> heading in the paper."""

MEANS = (
    "A mean is over all runs of a cell that reached their end, a difference over the seeds at which both runs did: "
    "where a run diverged, it need not be the difference of the means."
)
"""The one rule of what numbers are made of, in every table, figure and file."""


def grid_cells(plan: Mapping, grid: str) -> list[dict]:
    """Return the cells of one grid of the plan, in its order, each with the baseline it is compared to.

    Raises:
        UserError: If the plan has no such grid.
    """
    if grid not in plan["grids"]:
        raise UserError(f"the plan has no grid '{grid}': choose one of {', '.join(plan['grids'])}")
    return plan["grids"][grid]


def cell_runs(plan: Mapping, runs: pd.DataFrame, cell: str) -> pd.DataFrame:
    """Select the finished runs of one cell.

    Runs are found by digest, because two cells of equal configuration share theirs.

    Args:
        plan: The plan of the study.
        runs: One row per finished run.
        cell: A cell of the plan.

    Returns:
        The rows of the cell, indexed and sorted by seed; a run that diverged has no accuracies (nan).

    Raises:
        UserError: If none of the cell's runs is finished, or a seed occurs twice.
    """
    digests = [run["digest"] for run in plan["cells"][cell]["runs"]]
    found = runs[runs["digest"].isin(digests)].drop_duplicates("digest")
    if found.empty:
        raise UserError(f"no run of cell '{cell}' is in the runs table: finish its runs first")
    if found["seed"].duplicated().any():
        seed = found.loc[found["seed"].duplicated(), "seed"].iloc[0]
        raise UserError(f"seed {seed} occurs twice in cell '{cell}': keep one run per seed and cell")
    return found.set_index("seed").sort_index()


def paired_runs(plan: Mapping, runs: pd.DataFrame, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the runs of a cell and of its baseline that can be compared.

    Where one run of a pair diverged, both are left out: `left_out` counts these seeds.

    Returns:
        The runs of the cell and of the baseline at their common seeds, both indexed by seed.

    Raises:
        UserError: If they have no seed in common, or were computed on different classes of device.
    """
    treated, base = _common(plan, runs, cell, baseline)
    kept = finished(treated) & finished(base)
    treated, base = treated[kept], base[kept]
    devices = sorted({*treated["device"], *base["device"]})
    if len(devices) > 1:
        # Rounding differs between devices and grows over training: such a pair shares its seed in name only.
        raise UserError(
            f"cells '{cell}' and '{baseline}' mix runs computed on {' and '.join(devices)}: "
            "compute both on one class of device"
        )
    return treated, base


def left_out(plan: Mapping, runs: pd.DataFrame, cell: str, baseline: str) -> int:
    """Count the common seeds of a cell and its baseline at which either of the two runs diverged."""
    treated, base = _common(plan, runs, cell, baseline)
    return int((~(finished(treated) & finished(base))).sum())


def finished(runs: pd.DataFrame) -> pd.Series:
    """Say for each run whether it reached its end: a run that diverged has no accuracies."""
    return runs[[metric for metric in METRICS if metric in runs]].notna().all(axis="columns")


def _common(plan: Mapping, runs: pd.DataFrame, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    treated, base = cell_runs(plan, runs, cell), cell_runs(plan, runs, baseline)
    seeds = treated.index.intersection(base.index)
    if seeds.empty:
        raise UserError(f"cells '{cell}' and '{baseline}' have no seed in common: give both the same seeds")
    return treated.loc[seeds], base.loc[seeds]
