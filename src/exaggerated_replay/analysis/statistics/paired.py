"""How two arms are compared: the statistics of paired runs, in the order of a methods section.

Two runs of the same seed saw the same class order, initial weights and batches, so the seed is the unit: every
difference is taken within a seed, and everything below is said of the differences d_1 ... d_n, in percentage points.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

Scores = TypeVar("Scores", pd.Series, pd.DataFrame)

ALPHA = 0.05  # one minus the confidence of intervals by Student's t
PLACES = 9  # decimals of a difference: one image is more than 1e-9 points, and rounding is less


# 1. Pairing. Joined by seed, never by position; a pair of which one run diverged is left out and counted.


def differences(treatment: Scores, baseline: Scores) -> Scores:
    """Return treatment minus baseline, seed by seed; nan where either diverged or lacks the seed.

    Differences that are equal on paper are equal here: what is left of rounding is cut off.

    Args:
        treatment: Accuracy in percent, indexed by seed; several metrics in columns.
        baseline: The same of the baseline.
    """
    return (treatment - baseline).round(PLACES)


# 2. The mean difference, with an interval by Student's t: description. Verdicts follow from `anytime` intervals.


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % confidence interval by Student's t.

    Attributes:
        n: Number of values.
        mean: Their mean, in their unit; nan without any value.
        sd: Their sample standard deviation (n - 1); nan below two values.
        low: Lower end of the interval; nan below two values.
        high: Upper end of the interval; nan below two values.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference(Estimate):
    """Treatment minus baseline.

    Attributes:
        relative: The mean difference in percent of the baseline's mean at these seeds; nan where that is 0.
    """

    relative: float


def estimate(values: ArrayLike) -> Estimate:
    """Estimate a mean from independent values.

    Args:
        values: Shape [n], one value per seed; nan (a run that diverged) is left out.

    Returns:
        The mean and its interval, in the unit of the values.
    """
    values = known(values)
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return Estimate(n, mean, np.nan, np.nan, np.nan)
    sd = float(values.std(ddof=1))
    margin = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * sd / n**0.5
    return Estimate(n, mean, sd, mean - margin, mean + margin)


def paired(treatment: pd.Series, baseline: pd.Series) -> PairedDifference:
    """Compare two arms seed by seed (the cells of Table 1).

    Args:
        treatment: Accuracy in percent, indexed by seed.
        baseline: Accuracy in percent, indexed by seed.

    Returns:
        The difference in percentage points over the seeds that both have.
    """
    change = differences(treatment, baseline)
    difference = estimate(change)
    base = float(np.mean(baseline[change.dropna().index].to_numpy(dtype=float))) if difference.n else 0.0
    relative = 100 * difference.mean / base if base else np.nan
    return PairedDifference(**vars(difference), relative=relative)


def known(values: ArrayLike) -> np.ndarray:
    """Return the values that are numbers, as an array of shape [n]."""
    values = np.asarray(values, dtype=float)
    return values[~np.isnan(values)]
