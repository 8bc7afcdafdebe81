"""An arm: a method with its settings, what it is called and its colour. The last two decide nothing of a result."""

import re
from dataclasses import dataclass

from exaggerated_replay.settings.base import Settings, require
from exaggerated_replay.settings.run import MethodSettings

LONGEST = 40
"""Characters of a label: more has no room in a figure's key."""


@dataclass(frozen=True, kw_only=True)
class Appearance(Settings):
    """How figures and pages show an arm."""

    label: str | None = None  # what figures and pages call the arm; null: its own name
    colour: str | None = None  # its colour in figures, as #rrggbb; null: one that is free

    def __post_init__(self) -> None:
        if self.label is not None:
            check_label(self.label)
        if self.colour is not None:
            check_colour(self.colour)


@dataclass(frozen=True, kw_only=True)
class Arm(Appearance):
    """One arm of params.yaml."""

    method: MethodSettings


@dataclass(frozen=True, kw_only=True)
class ArmLook(Settings):
    """What an arm of a plan is called, and its colour, which no arm of another label has."""

    label: str
    colour: str

    def __post_init__(self) -> None:
        check_label(self.label)
        check_colour(self.colour)


def check_label(label: object) -> None:
    """Check what an arm is called.

    Raises:
        ValueError: It is no short text of printable characters.
    """
    plain = isinstance(label, str) and label.isprintable() and label == label.strip() and 1 <= len(label) <= LONGEST
    require(plain, f"label is {label!r}: use 1 to {LONGEST} printable characters, without spaces at its ends")


def check_colour(colour: object) -> None:
    """Check an arm's colour.

    Raises:
        ValueError: It is not written as #rrggbb.
    """
    written = isinstance(colour, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", colour) is not None
    require(written, f"colour is {colour!r}: write it as #rrggbb, such as '#d55e00'")
