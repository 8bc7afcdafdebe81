"""Paired comparisons of runs that share their seeds.

Two runs of the same seed saw the same class order, initial weights and batches, so the seed is the unit of
comparison: every difference is taken within a seed, and its interval is over seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from exaggerated_replay.errors import UserError

CONFIDENCE = 0.95
METRICS = {"first20": "20% avg.", "first50": "50% avg.", "overall": "Overall avg."}
"""The columns of Table 1: name in the runs table -> heading in the paper."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % confidence interval by Student's t.

    Attributes:
        n: Number of values.
        mean: Their mean, in their unit.
        sd: Their sample standard deviation (n - 1); nan for a single value.
        low: Lower end of the interval; nan for a single value.
        high: Upper end of the interval; nan for a single value.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval exists and lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class PairedDifference(Estimate):
    """Treatment minus baseline over their common seeds.

    Attributes:
        relative: The mean difference in percent of the baseline's mean at these seeds; nan where that is 0.
    """

    relative: float


def estimate(values: Sequence[float]) -> Estimate:
    """Estimate a mean from independent values.

    Args:
        values: Shape [n], one value per seed, n >= 1.

    Returns:
        The mean and its interval, in the unit of the values.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    mean = float(values.mean())
    if n == 1:
        return Estimate(n, mean, np.nan, np.nan, np.nan)
    sd = float(values.std(ddof=1))
    margin = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / n**0.5
    return Estimate(n, mean, sd, mean - margin, mean + margin)


def paired(treatment: pd.Series, baseline: pd.Series) -> PairedDifference:
    """Compare two arms seed by seed (the cells of Table 1).

    Args:
        treatment: Accuracy in percent, indexed by seed.
        baseline: Accuracy in percent, indexed by seed.

    Returns:
        The difference in percentage points over the seeds that both have.

    Raises:
        UserError: If no seed is common to both, or one occurs twice on the same side.
    """
    for series in (treatment, baseline):
        if not series.index.is_unique:
            repeated = series.index[series.index.duplicated()][0]
            raise UserError(f"seed {repeated} occurs twice in one arm: keep one run per seed and arm")
    treatment, baseline = treatment.align(baseline, join="inner")
    if treatment.empty:
        raise UserError("the two arms have no seed in common: give both the same seeds")
    difference = estimate(treatment - baseline)
    base = float(np.mean(baseline.to_numpy(dtype=float)))
    relative = 100 * difference.mean / base if base else np.nan
    return PairedDifference(**vars(difference), relative=relative)


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
        The rows of the cell, indexed and sorted by seed.

    Raises:
        UserError: If none of the cell's runs is finished.
    """
    digests = [run["digest"] for run in plan["cells"][cell]["runs"]]
    found = runs[runs["digest"].isin(digests)].drop_duplicates("digest")
    if found.empty:
        raise UserError(f"no run of cell '{cell}' is in the runs table: finish its runs first")
    return found.set_index("seed").sort_index()


def paired_runs(plan: Mapping, runs: pd.DataFrame, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the runs of a cell and of its baseline that can be compared.

    Returns:
        The runs of the cell and of the baseline at their common seeds, both indexed by seed.

    Raises:
        UserError: If they have no seed in common, or were computed on different classes of device.
    """
    treated, base = cell_runs(plan, runs, cell), cell_runs(plan, runs, baseline)
    seeds = treated.index.intersection(base.index)
    if seeds.empty:
        raise UserError(f"cells '{cell}' and '{baseline}' have no seed in common: give both the same seeds")
    treated, base = treated.loc[seeds], base.loc[seeds]
    devices = sorted({*treated["device"], *base["device"]})
    if len(devices) > 1:
        # Rounding differs between devices and grows over training: such a pair shares its seed in name only.
        raise UserError(
            f"cells '{cell}' and '{baseline}' mix runs computed on {' and '.join(devices)}: "
            "compute both on one class of device"
        )
    return treated, base
