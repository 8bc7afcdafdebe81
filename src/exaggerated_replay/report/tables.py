"""How the page writes the numbers of its tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.words import points

SHORT = {"first20": "first 20 %", "first50": "first 50 %", "overall": "all classes"}
DASH = "\N{EM DASH}"


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


def between(low: float, high: float) -> str:
    """Return an interval in points; nothing where there is none."""
    return f"{points(low)} to {points(high)}" if np.isfinite(low) and np.isfinite(high) else ""


def estimated(difference: float, low: float, high: float) -> str:
    """Return a difference with its interval, if it has one."""
    around = between(low, high)
    return f"{number(difference)} ({around})" if around else number(difference)


def chance(p: float) -> str:
    """Return a p; nothing where there is none."""
    return "" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def size(value: float) -> str:
    """Return a size or strength: 2,000."""
    return f"{value:,.6g}"
