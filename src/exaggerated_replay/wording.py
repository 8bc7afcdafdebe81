"""How a number is said, where several parts say it."""

import difflib
import re
from collections.abc import Iterable


def duration(seconds: float) -> str:
    """Return a time to wait as one says it: 40 s, 12 min, 3 h 05 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def roughly(seconds: float) -> str:
    """Return a guess of a time without false precision: about 25 minutes, about 1.5 hours, about 3 days."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 1:
        return "less than a minute"
    if minutes < 1.5:
        return "about a minute"
    if minutes < 57.5:
        return f"about {round(minutes) if minutes < 9.5 else 5 * round(minutes / 5)} minutes"
    if hours < 1.25:
        return "about an hour"
    if hours < 47.5:
        return f"about {round(2 * hours) / 2 if hours < 9.75 else round(hours):g} hours"
    return f"about {round(hours / 24)} days"


def significant(value: float, digits: int = 4) -> float:
    """Round to so many digits; what a run measures has four, because another processor changes those after them."""
    return float(f"{value:.{digits}g}")


def shortest(value: float) -> str:
    """Return a number as short as can be without loss: 1e-06, 50, 1000001."""
    return text if float(text := f"{value:g}") == value else str(value)


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a number and its percent sign."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def did_you_mean(name: str, choices: Iterable[str], otherwise: str, most: int = 3) -> str:
    """Ask whether a name that does not exist is one of the choices misspelt; where none is like it, say otherwise."""
    close = difflib.get_close_matches(name, [*choices], n=most)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
