"""What could n seeds have seen, and how many does a claim need? The power of the paired t test."""

from bisect import bisect_left

import numpy as np
from scipy import optimize, stats

from exaggerated_replay.analysis.statistics.paired import ALPHA

MOST_SEEDS = 10**6


def power_of(effect: float, n: int, alpha: float = ALPHA) -> float:
    """Return the chance that the two-sided paired t test finds a true difference of so many standard deviations.

    By the noncentral t distribution itself: the solver that statsmodels puts around it fails at some n.
    """
    critical, shift = stats.t.isf(alpha / 2, n - 1), effect * n**0.5
    wrong_side = stats.nct.cdf(-critical, n - 1, shift)  # nan where there is as good as nothing
    return float(stats.nct.sf(critical, n - 1, shift) + np.nan_to_num(wrong_side))


def detectable(n: int, sd: float, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return the smallest true difference that n seeds of this spread find with the given power; nan below two."""
    if n < 2 or not np.isfinite(sd):
        return np.nan
    if power <= alpha:
        return 0.0
    far = n**-0.5
    while power_of(far, n, alpha) < power:
        far *= 2
    return float(optimize.brentq(lambda effect: power_of(effect, n, alpha) - power, 0, far)) * sd


def seeds_needed(difference: float, sd: float, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return how many seeds tell a true difference from zero with the given power.

    Returns:
        At least 2; infinite where it would be more than a million.
    """
    if sd == 0 and difference:
        return 2
    with np.errstate(divide="ignore", invalid="ignore"):
        # Beyond ten standard deviations the noncentral t cannot be computed, and few seeds are enough anyway.
        effect = min(float(np.abs(np.divide(difference, sd))), 10.0)
    if not effect > 0:
        return np.inf
    most = 2
    while power_of(effect, most, alpha) < power:  # upwards, since far beyond the answer it cannot be computed either
        most *= 2
        if most > MOST_SEEDS:
            return np.inf
    counts = range(max(2, most // 2), most + 1)
    return counts[bisect_left(counts, power, key=lambda n: power_of(effect, n, alpha))]
