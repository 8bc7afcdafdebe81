"""From evidence to one word: the rules by which a comparison is called reproduced, harmful or undecided."""

from dataclasses import dataclass
from math import inf, isnan
from typing import Literal

from exaggerated_replay.analysis.statistics import anytime, power
from exaggerated_replay.analysis.statistics import paired as statistics
from exaggerated_replay.settings.rules import RulesSettings

Verdict = Literal["reproduced", "helps", "smaller", "larger", "no effect", "harmful", "contradicted", "undecided"]


@dataclass(frozen=True)
class Evidence:
    """What is known of one cell, by an ordinary test or by one that stays valid however often one looks.

    Attributes:
        n: Number of seeds.
        mean: Mean difference, percentage points.
        low: Lower end of its interval of confidence 1 - alpha.
        high: Upper end.
        p_effect: Of no difference, adjusted for the number of cells (Holm).
        p_equivalent: Of the claim that the difference lies within the smallest effect of interest.
    """

    n: int
    mean: float
    low: float
    high: float
    p_effect: float
    p_equivalent: float


def verdict(found: Evidence, claim: float, rules: RulesSettings) -> Verdict:
    """Judge one cell; the first rule that holds gives the word.

    Args:
        found: The evidence.
        claim: The paper's gain in percentage points, above zero; nan where it claims none.
        rules: alpha, and the fewest seeds.
    """
    significant = found.p_effect <= rules.alpha
    above, below = significant and found.mean > 0, significant and found.mean < 0
    if found.n < rules.min_seeds:
        return "undecided"
    if above and found.low <= claim <= found.high:
        return "reproduced"
    if found.p_equivalent <= rules.alpha:
        return "no effect"
    if above:
        return "helps" if isnan(claim) else "smaller" if found.mean < claim else "larger"
    if below:
        return "harmful"
    if found.high < claim / 2:
        return "contradicted"
    return "undecided"


def more_seeds(n: int, mean: float, sd: float, claim: float, tests: int, rules: RulesSettings) -> float:
    """Return how many more seeds an ordinary verdict needs, if mean and spread are what they seem to be.

    A verdict falls once the difference is told from zero (at alpha / tests, where Holm starts), or from both ends of
    the smallest effect of interest (one-sided), or from half the paper's claim: the least of the three.

    Args:
        n: Seeds so far.
        mean: Mean difference so far, percentage points; nan without any.
        sd: Its standard deviation over seeds; nan below two.
        claim: The paper's gain; nan where it claims none.
        tests: Number of cells of the table that are tested.
        rules: alpha, power, the smallest effect, and the fewest seeds.

    Returns:
        At least 1; infinite where it would be more than a million.
    """
    to_zero, to_effect, to_claim = _distances(mean, claim, rules)
    zero = max(
        power.seeds_needed(to_zero, sd, rules.alpha / tests, rules.power),
        statistics.sign_flip_seeds(rules.alpha / tests),
    )
    effect = power.seeds_needed(to_effect, sd, 2 * rules.alpha, rules.power)
    half_claim = power.seeds_needed(to_claim, sd, rules.alpha, rules.power)
    return _more(n, sd, min(zero, effect, half_claim), rules)


def more_seeds_anytime(n: int, mean: float, sd: float, claim: float, tests: int, rules: RulesSettings) -> float:
    """Return how many more seeds a verdict needs that stays valid however often one looks; see `more_seeds`."""
    to_zero, *others = _distances(mean, claim, rules)
    needs = [anytime.seeds_needed(to_zero, sd, rules.g, rules.alpha / tests, rules.power)]
    needs += [anytime.seeds_needed(distance, sd, rules.g, rules.alpha, rules.power) for distance in others]
    return _more(n, sd, min(needs), rules)


def _distances(mean: float, claim: float, rules: RulesSettings) -> tuple[float, float, float]:
    """How far the mean lies from zero, inside the smallest effect, and below half the claim; 0 where it does not."""
    below_half = 0.0 if isnan(claim) else max(0.0, claim / 2 - mean)
    return abs(mean), max(0.0, rules.smallest_effect - abs(mean)), below_half


def _more(n: int, sd: float, needed: float, rules: RulesSettings) -> float:
    if isnan(sd):  # nothing is known of the spread: the fewest seeds will tell
        needed = rules.min_seeds
    return inf if needed == inf else max(1, needed - n, rules.min_seeds - n)
