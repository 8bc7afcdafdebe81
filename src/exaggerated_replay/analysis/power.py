"""What could n seeds have seen, and how many does a claim need? The power of the paired t test."""

from bisect import bisect_left

import numpy as np
from statsmodels.stats.power import TTestPower

from exaggerated_replay.analysis.statistics import ALPHA

MOST_SEEDS = 10**6


def detectable(n: int, sd: float, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return the smallest true difference that n seeds of this spread find with the given power; nan below two."""
    if n < 2 or not np.isfinite(sd):
        return np.nan
    return float(TTestPower().solve_power(effect_size=None, nobs=n, alpha=alpha, power=power)) * sd


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
    test, counts = TTestPower(), range(2, MOST_SEEDS)
    enough = bisect_left(counts, power, key=lambda n: np.nan_to_num(test.power(effect, n, alpha), nan=1.0))
    return counts[enough] if enough < len(counts) else np.inf
