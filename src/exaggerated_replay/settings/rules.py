"""What a verdict takes: the numbers in its rules. They decide no run."""

from dataclasses import dataclass

from exaggerated_replay.settings.base import Count, OpenShare, Positive, Settings


@dataclass(frozen=True, kw_only=True)
class RulesSettings(Settings):
    """How sure one must be, and of how much."""

    name: str = "default"  # the option's
    alpha: OpenShare = 0.05  # chance of being wrong: of each test, and of each interval
    smallest_effect: Positive = 1.0  # percentage points of accuracy below which an effect is of no interest
    g: Positive = 1.0  # variance of the effect sizes that anytime-valid intervals mix over, in squared deviations
    power: OpenShare = 0.8  # with which the seeds that are asked for decide
    min_seeds: Count = 5  # below these, every cell is undecided
