"""The best of several candidates at the fewest runs: all start, and those that are shown to be worse drop out.

All candidates run at the same seeds, so that every two of them can be compared seed by seed. After each round the
interval of every paired difference is looked at that stays valid however often one looks (`anytime.py`), at
alpha / (k - 1) for k candidates. A candidate drops out once its interval against any other lies below zero. The race
ends with one candidate, with others that are all shown to be less than `margin` better than the leader, or without
seeds; the winner has the highest mean of those left.

With a chance of at least 1 - alpha all k - 1 intervals that concern the best candidate hold at once. Then it never
drops out, and a race that ends before the seeds do has a winner that is less than `margin` worse than the best.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.errors import UserError

Run = Callable[[Sequence[str], Sequence[int]], tuple[pd.DataFrame, float]]
"""From candidates and seeds to their scores and what one image is of a score, in percentage points.

Scores have a row for each seed and a column for each candidate; nan where a run diverged.
"""


@dataclass(frozen=True)
class Race:
    """How a race went.

    Attributes:
        winner: The candidate with the highest mean of those left.
        left: Those that did not drop out, best first.
        scores: Of every candidate, by seed, as far as it ran.
        dropped: Candidate -> why it dropped out.
        decided: Whether the race ended before the seeds did.
    """

    winner: str
    left: tuple[str, ...]
    scores: Mapping[str, pd.Series]
    dropped: Mapping[str, str]
    decided: bool

    @property
    def runs(self) -> int:
        """How many runs it took."""
        return sum(map(len, self.scores.values()))


def race(
    candidates: Sequence[str],
    seeds: Sequence[int],
    run: Run,
    alpha: float,
    g: float,
    margin: float,
    tell: Callable[[str], None] = print,
) -> Race:
    """Run candidates against each other.

    Args:
        candidates: At least two, by their names.
        seeds: At most these are used, in this order.
        run: Trains what is not trained yet, and scores it.
        alpha: Chance that the best drops out.
        g: Variance of the effect sizes that the intervals mix over.
        margin: Percentage points that are of no interest.
        tell: Is told of every round.

    Raises:
        UserError: Every candidate diverged.
    """
    share = alpha / (len(candidates) - 1)
    left, dropped, scores = list(candidates), dict[str, str](), dict[str, pd.Series]()
    used = min(len(seeds), anytime.fewest_seeds(g, share))
    while True:
        found, resolution = run(left, seeds[:used])
        scores |= {name: found[name] for name in left}
        now = losers(found[left], share, g, resolution)
        dropped |= now
        left = sorted((name for name in left if name not in now), key=lambda name: -found[name].mean())
        if not left:
            raise UserError(f"every candidate diverged: lower training.learning_rate ({'; '.join(now.values())})")
        decided = leads(found[left], share, g, margin, resolution)
        tell(f"{used} seeds: {', '.join(left)} left" + "".join(f"; {name} {why}" for name, why in now.items()))
        if decided or used == len(seeds):
            return Race(left[0], tuple(left), scores, dropped, decided)
        used = min(len(seeds), used + max(1, used // 4))


def losers(scores: pd.DataFrame, alpha: float, g: float, resolution: float = 0.0) -> dict[str, str]:
    """Return the candidates that are shown to be worse than another one, or that diverged, each with the reason."""
    found = {
        name: f"diverged at seed {values.index[values.isna()][0]}"
        for name, values in scores.items()
        if values.isna().any()
    }
    whole = {name: scores[name].to_numpy() for name in scores if name not in found}
    for name, values in whole.items():
        for other, others in whole.items():
            low, high = anytime.interval(values - others, g, alpha, resolution) if other != name else (0.0, 0.0)
            if high < 0:
                found[name] = f"is worse than {other} by {-high:.2f} to {-low:.2f} points"
                break
    return {str(name): why for name, why in found.items()}


def leads(scores: pd.DataFrame, alpha: float, g: float, margin: float, resolution: float = 0.0) -> bool:
    """Tell whether every other candidate is shown to be less than `margin` better than the first column's."""
    first, *others = scores
    return all(anytime.interval(scores[other] - scores[first], g, alpha, resolution)[1] < margin for other in others)
