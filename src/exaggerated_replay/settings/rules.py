"""What a verdict takes: the numbers in its rules. They decide no run."""

from dataclasses import dataclass, field

from exaggerated_replay.settings.base import Count, OpenShare, Positive, Settings


@dataclass(frozen=True, kw_only=True)
class MarginSettings(Settings):
    """Differences closer to zero than these are negligible, in percentage points of accuracy; and why these."""

    first20: Positive = 1.2
    first50: Positive = 1.0
    overall: Positive = 0.33
    reason: str = (
        "a quarter of the mean gain in the paper's Table 1; set on 2026-11-28, after the miniatures were seen and "
        "before the paper's own runs"
    )

    def of(self, metric: str) -> float:
        """Return the margin of first20, first50 or overall."""
        return float(getattr(self, metric))


@dataclass(frozen=True, kw_only=True)
class RulesSettings(Settings):
    """How sure one must be, and of how much."""

    name: str = "default"
    alpha: OpenShare = 0.05  # chance that any word of a family of comparisons is ever wrong
    g: Positive = 1.0  # variance of the effect sizes that anytime-valid intervals mix over, in squared deviations
    power: OpenShare = 0.8  # the chance that the seeds that are asked for decide
    comparisons: Count = 1  # least size of a family; larger where its runs were picked from a larger one
    margins: MarginSettings = field(default_factory=MarginSettings)
