"""How figures are to look: in the house style, or as somebody asks for."""

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import matplotlib.style

_LOCK = threading.RLock()


@dataclass(frozen=True)
class Look:
    """What is to be otherwise than the house has it; by default, nothing.

    Attributes:
        names: Arm or cell -> its name. What both an arm and a cell are called, is the arm.
        colours: Arm or cell -> its colour; an arm's is that of all its cells.
        size: Width and height of the whole figure, in inches.
        style: Styles of matplotlib's, over the house's: names, files, or settings.
        stacked: Whether panels stand one below the other.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    size: tuple[float, float] | None = None
    style: Sequence[Any] = ()
    stacked: bool = False


_HOUSE = Look()
_LOOK = ContextVar("look", default=_HOUSE)


@contextmanager
def looking(look: Look) -> Iterator[None]:
    """Have all figures that are drawn here look like this."""
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


def asked() -> Look:
    """Return how figures are to look here."""
    return _LOOK.get()


@contextmanager
def stacked() -> Iterator[None]:
    """Have `panels` set what else stands side by side one below the other, as for a telephone."""
    with looking(replace(asked(), stacked=True)):
        yield


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style whatever the user's own settings; also a decorator.

    The plotting library keeps one set of settings per process, so only one thread at a time may hold it. Of letters
    that the font lacks it says nothing here: `compose` did, once.
    """
    styles = [Path(__file__).with_name("house.mplstyle"), *asked().style]
    with _LOCK, matplotlib.style.context(styles, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield
