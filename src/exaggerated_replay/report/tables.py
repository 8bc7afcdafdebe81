"""How the page writes the numbers of its tables."""

from dataclasses import dataclass

import pandas as pd

from exaggerated_replay.analysis.words import DASH, between, points


@dataclass(frozen=True)
class Value:
    """What stands in one place of a table.

    Attributes:
        text: As it is shown.
        runs_of: The cell whose runs it leads to, or nothing.
        badge: Whether it is a verdict.
    """

    text: str
    runs_of: str = ""
    badge: bool = False


def number(difference: float) -> str:
    """Return a difference in points; a dash where there is none."""
    return DASH if pd.isna(difference) else points(difference)


def estimated(difference: float, low: float, high: float) -> str:
    """Return a difference with its interval, if it has one."""
    around = between(low, high)
    return f"{number(difference)} ({around})" if around else number(difference)


def chance(p: float) -> str:
    """Return a p; nothing where there is none."""
    return "" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
