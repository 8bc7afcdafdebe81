"""From one interval to one word: the rules by which a comparison is called reproduced, harmful or undecided.

The interval is all the evidence. Two values matter: zero, and what the paper claims; is either of them outside?

|                     | the paper's gain inside | the paper's gain outside      |
| ------------------- | ----------------------- | ----------------------------- |
| **zero inside**     | undecided               | contradicted                  |
| **zero outside**    | reproduced              | smaller, larger or harmful    |

So "nothing happens" and "what the paper claims" are treated alike: seen from halfway between them, the rules are the
same in both directions. Where the paper claims nothing there is only zero, and the rules are the same for gains and
for losses. An interval inside the margin around zero is negligible, whether or not it holds zero.
"""

from math import inf, isnan
from typing import Literal

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.settings.rules import RulesSettings

Verdict = Literal["reproduced", "smaller", "larger", "helps", "negligible", "harmful", "contradicted", "undecided"]


def verdict(low: float, high: float, claim: float, margin: float) -> Verdict:
    """Return the word for an interval.

    A word is wrong only if the true difference lies outside of the interval.

    Args:
        low: Lower end, percentage points.
        high: Upper end.
        claim: The paper's gain, above the margin; nan where it claims none.
        margin: Differences closer to zero than this are negligible.
    """
    if -margin < low and high < margin:
        return "negligible"
    if high < 0:
        return "harmful"
    if low > claim:
        return "larger"
    if low > 0:
        return "helps" if isnan(claim) else "smaller" if high < claim else "reproduced"
    return "contradicted" if high < claim else "undecided"


def not_zero(low: float, high: float) -> bool:
    """Tell whether an interval excludes zero."""
    return low > 0 or high < 0


def more_seeds(
    n: int, mean: float, sd: float, claim: float, margin: float, alpha: float, rules: RulesSettings
) -> float:
    """Return how many more seeds a word needs, if mean and spread are what they seem to be.

    One falls once the interval excludes zero, or the paper's gain, or all beyond the margin: the nearest of the three.
    The last takes both ends of the interval, so that each of them is held to half of the chance to fail.

    Args:
        n: Seeds so far.
        mean: Mean difference so far, percentage points; nan without any.
        sd: Its standard deviation over seeds; nan below two.
        claim: The paper's gain; nan where it claims none.
        margin: Differences closer to zero than this are negligible.
        alpha: One minus the confidence of the interval.
        rules: g, and the power with which the seeds are to decide.

    Returns:
        At least 1; infinite where it would be more than a million.
    """
    fewest = anytime.fewest_seeds(rules.g, alpha)
    boundaries = (
        (abs(mean), rules.power),
        (margin - abs(mean), (1 + rules.power) / 2),
        (0.0 if isnan(claim) else abs(mean - claim), rules.power),
    )
    needed = min(anytime.seeds_needed(max(0.0, away), sd, rules.g, alpha, power) for away, power in boundaries)
    if isnan(sd):  # nothing is known of the spread: the fewest seeds will tell
        needed = fewest
    return inf if needed == inf else max(1, needed - n, fewest - n)
