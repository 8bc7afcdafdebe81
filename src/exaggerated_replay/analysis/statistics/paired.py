"""How two arms are compared: the statistics of paired runs, in the order of a methods section.

Two runs of the same seed saw the same class order, initial weights and batches, so the seed is the unit: every
difference is taken within a seed, and everything below is said of the differences d_1 ... d_n, in percentage points.
"""

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from exaggerated_replay.errors import UserError

ALPHA = 0.05
RESAMPLES = 9999
EXACT_UP_TO = 20  # seeds: 2^20 sign patterns
PLACES = 9  # decimals of a difference: one image is more than 1e-9 points, and rounding is less


# 1. Pairing. Joined by seed, never by position; a pair of which one run diverged is left out and counted.


def differences(treatment: pd.Series, baseline: pd.Series) -> pd.Series:
    """Return treatment minus baseline at their common seeds, nan where either diverged.

    Differences that are equal on paper are equal here: what is left of rounding is cut off.

    Args:
        treatment: Accuracy in percent, indexed by seed.
        baseline: Accuracy in percent, indexed by seed.

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
    return (treatment - baseline).round(PLACES)


# 2. The mean difference, with an interval by Student's t and one by the BCa bootstrap.


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


def estimate(values: ArrayLike, alpha: float = ALPHA) -> Estimate:
    """Estimate a mean from independent values.

    Args:
        values: Shape [n], one value per seed; nan (a run that diverged) is left out.
        alpha: One minus the confidence of the interval.

    Returns:
        The mean and its interval, in the unit of the values.
    """
    values = known(values)
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return Estimate(n, mean, np.nan, np.nan, np.nan)
    sd = float(values.std(ddof=1))
    margin = float(stats.t.ppf(1 - alpha / 2, n - 1)) * sd / n**0.5
    return Estimate(n, mean, sd, mean - margin, mean + margin)


def paired(treatment: pd.Series, baseline: pd.Series, alpha: float = ALPHA) -> PairedDifference:
    """Compare two arms seed by seed (the cells of Table 1).

    Args:
        treatment: Accuracy in percent, indexed by seed.
        baseline: Accuracy in percent, indexed by seed.
        alpha: One minus the confidence of the interval.

    Returns:
        The difference in percentage points over the seeds that both have.

    Raises:
        UserError: If no seed is common to both, or one occurs twice on the same side.
    """
    change = differences(treatment, baseline)
    difference = estimate(change, alpha)
    base = float(np.mean(baseline[change.dropna().index].to_numpy(dtype=float))) if difference.n else 0.0
    relative = 100 * difference.mean / base if base else np.nan
    return PairedDifference(**vars(difference), relative=relative)


def bootstrap_interval(values: ArrayLike, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval of a mean (Efron, 1987).

    Values that are all the same have no resample but themselves: the interval is that value. Seeded, so that a
    table made twice is the same table.
    """
    values = known(values)
    if len(values) < 2:
        return np.nan, np.nan
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=1 - alpha, method="BCa", rng=0
    ).confidence_interval
    return float(found.low), float(found.high)


# 3. Is there an effect? The sign-flip test: without one, every d_i is as likely as -d_i. It assumes no distribution.


def sign_flip(values: ArrayLike) -> float:
    """Return the two-sided p of the sign-flip test of zero mean difference.

    Up to 20 values the test is exact: all 2^n patterns of signs are counted (five seeds cannot reach less than 1/16).
    Beyond, 9,999 random patterns are drawn, seeded, the observed one counted among them.
    """
    size = np.abs(known(values))
    n, observed = len(size), abs(known(values).sum())
    if n <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in size:
            sums = np.concatenate([sums + value, sums - value])
    else:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (RESAMPLES, n))
        sums = np.append(signs @ size, observed)
    # Sums that are equal on paper differ by rounding here: count them as ties.
    return float(np.mean(np.abs(sums) >= observed - 1e-9 * size.sum()))


def sign_flip_seeds(alpha: float) -> int:
    """Return the fewest seeds with which the sign-flip test can reach alpha: its smallest p is 2^(1 - n)."""
    return ceil(1 - log2(alpha))


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust the p of all cells of a table for their number (Holm, 1979); nan stays nan and does not count.

    The k-th smallest of m is multiplied by m - k + 1, and none is less than the one before. (statsmodels'
    `multipletests` does the same, and collects the whole process's garbage each time.)
    """
    adjusted = np.array(p, dtype=float)
    order = np.argsort(adjusted)[: np.count_nonzero(~np.isnan(adjusted))]  # nan is sorted to the end
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(adjusted[order] * factors), 1)
    return adjusted


# 4. Is there none worth having, or just the paper's? Two one-sided tests (TOST; Schuirmann, 1987).


def equivalence(values: ArrayLike, low: float, high: float) -> float:
    """Return the p of the claim that the mean difference lies between low and high; nan below two values.

    Values that are all the same leave no spread to test with: p is 0 where they lie between the two, else 1.
    """
    values = known(values)
    if len(values) < 2:
        return np.nan
    if np.ptp(values) == 0:
        return float(not low < values[0] < high)
    return float(DescrStatsW(values).ttost_mean(low, high)[0])


# 5. How often does the treatment win? The paired probability of improvement.


@dataclass(frozen=True)
class Improvement:
    """The share of seeds at which the treatment is better, ties counting half, and its Wilson interval.

    (The probability of improvement of Agarwal et al., 2021, compares all treated runs with all baseline runs and
    so throws the pairing away.)
    """

    share: float
    low: float
    high: float


def improvement(values: ArrayLike, alpha: float = ALPHA) -> Improvement:
    """Return the paired probability of improvement of differences; nan without any value."""
    values = known(values)
    if not len(values):
        return Improvement(np.nan, np.nan, np.nan)
    wins = float(np.sum(values > 0) + np.sum(values == 0) / 2)
    low, high = proportion_confint(wins, len(values), alpha, method="wilson")
    return Improvement(wins / len(values), float(low), float(high))


def known(values: ArrayLike) -> np.ndarray:
    """Return the values that are numbers, as an array of shape [n]."""
    values = np.asarray(values, dtype=float)
    return values[~np.isnan(values)]
