"""Intervals that stay valid however often one looks: a confidence sequence for the mean of paired differences.

Whoever adds seeds until an ordinary test is significant will be right about nothing in the end: with a look after
every seed up to 60, the t test finds an effect that is not there 35 times in 100. The t test with effect sizes mixed
over a normal distribution (the g-prior, or right-Haar, t test of the literature on e-values) can be looked at after
every seed: with d_1 ... d_n normal with mean mu and any variance, the evidence

    E_n(mu) = (1 + n g)^(-1/2) [(1 + t^2 / nu) / (1 + t^2 / (nu (1 + n g)))]^((nu + 1) / 2),

    t = sqrt(n) (mean - mu) / sd,   nu = n - 1,

is a martingale of mean 1, so that the chance that it *ever* reaches 1 / alpha is at most alpha (Ville, 1939). The
interval is what it has not refuted. The spread g of the effect sizes (in standard deviations) decides at which sizes
it is sharpest, never whether it is right.
"""

import math
from bisect import bisect_left
from itertools import count
from math import log, log1p

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from exaggerated_replay.analysis.statistics.paired import known

MOST_SEEDS = 10**6


def log_evidence(n: ArrayLike, mean: ArrayLike, sd: ArrayLike, mu: float, g: float) -> np.ndarray:
    """Return ln E_n(mu); all arguments broadcast.

    Multiplied through by the sum of squares nu sd^2, the formula above needs no division by a spread of zero.
    """
    n, squares, shift = np.asarray(n, dtype=float), (n - 1) * np.square(sd), n * np.square(np.subtract(mean, mu))
    shrink = 1 + n * g
    ratio = np.divide(
        squares + shift, squares + shift / shrink, out=np.ones(np.shape(squares + shift)), where=squares + shift > 0
    )
    return (n * np.log(ratio) - np.log(shrink)) / 2


def half_width(n: ArrayLike, sd: ArrayLike, g: float, alpha: float) -> np.ndarray:
    """Return how far the interval reaches to either side of the mean: E_n(mu) < 1 / alpha solved for mu.

    Infinite below `fewest_seeds`.
    """
    n = np.asarray(n, dtype=float)
    shrink = 1 + n * g
    ratio = (np.sqrt(shrink) / alpha) ** (2 / n)  # the bracket where E is 1 / alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        t_squared = (n - 1) * (ratio - 1) / (1 - ratio / shrink)
        width = np.sqrt(t_squared / n) * sd
    return np.where((n > 1) & (ratio < shrink), width, np.inf)


def spread(values: np.ndarray, resolution: float) -> float:
    """Return the sample standard deviation of at least two values, or the resolution where that is larger.

    What is counted in whole images is not normal: a few of its values may be the same by chance, and would then leave
    an interval of no width.
    """
    return max(float(values.std(ddof=1)), resolution)


def interval(values: ArrayLike, g: float, alpha: float, resolution: float = 0.0) -> tuple[float, float]:
    """Return the anytime-valid confidence interval of a mean.

    Args:
        values: Shape [n], one value per seed; nan is left out.
        g: The variance of the effect sizes that the evidence is mixed over.
        alpha: One minus the confidence.
        resolution: The least that two values can differ by, in their unit; their spread is never taken for less.
    """
    values = known(values)
    if len(values) < 2:
        return -np.inf, np.inf
    width = float(half_width(len(values), spread(values, resolution), g, alpha))
    return float(values.mean()) - width, float(values.mean()) + width


def fewest_seeds(g: float, alpha: float) -> int:
    """Return the fewest seeds that can refute anything: 5 at g = 1 and alpha = 0.05, 7 at a fifteenth of that.

    However clear the differences, the evidence against a mean stays below (1 + n g)^((n - 1) / 2). Once that exceeds
    1 / alpha, an interval can be as narrow as one likes, so that every verdict can be reached.
    """
    return next(n for n in count(2) if (n - 1) * log1p(n * g) / 2 > -log(alpha))


def p_value(values: ArrayLike, mu: float, g: float, resolution: float = 0.0) -> float:
    """Return 1 / E_n(mu), at most 1: a p of the hypothesis that the mean is mu, valid however often one looks.

    The resolution is that of `interval`.
    """
    values = known(values)
    if len(values) < 2:
        return 1.0
    evidence = log_evidence(len(values), values.mean(), spread(values, resolution), mu, g)
    return float(np.exp(-max(float(evidence), 0.0)))


def seeds_needed(difference: float, sd: float, g: float, alpha: float, power: float) -> float:
    """Return after how many seeds the interval around a true difference excludes zero with the given power.

    Mean and width of the interval both vary from study to study: sd / sqrt(n), and width / sqrt(2 (n - 1)).

    Returns:
        At least 2; infinite where it would be more than a million.
    """
    counts = range(2, MOST_SEEDS)
    margin = stats.norm.ppf(power)

    def reach(n: int) -> float:  # the end of the interval lies beyond difference minus this that rarely
        width = float(half_width(n, sd, g, alpha))
        return -(width + margin * math.hypot(sd / n**0.5, width / (2 * (n - 1)) ** 0.5)) if width < math.inf else -width

    enough = bisect_left(counts, -abs(difference), key=reach) if abs(difference) > 0 else len(counts)
    return counts[enough] if enough < len(counts) else np.inf
