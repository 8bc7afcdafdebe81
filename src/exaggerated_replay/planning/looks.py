"""What the arms of a plan are called and which colours they have: a colour for every label, and no two the same."""

import colorsys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.arms import Appearance, ArmLook

OTHERS = ("#0072b2", "#f0a3a3", "#5d8a3a", "#b8860b", "#8c6bb1", "#3fb0ac")
"""Colours of arms that ask for none, or for one that another arm of the plan has."""
GOLDEN = 0.618
"""Of a circle of hues: so far is the next colour from the last one, where `OTHERS` are used up."""


def looks_of(arms: Mapping[str, Appearance], used: Collection[str]) -> dict[str, ArmLook]:
    """Return name -> label and colour of the arms that a plan uses, sorted by name.

    An arm without label is called by its name. Arms of one label, which differ in their settings alone, have one
    colour: that of the first of them in params.yaml. Where two labels ask for one colour, the first has it.

    Args:
        arms: All arms, in the order of params.yaml.
        used: Names of those that the plan uses.
    """
    labels = {name: look.label or name for name, look in arms.items() if name in used}
    colours: dict[str, str] = {}
    for name, label in labels.items():
        colour = (arms[name].colour or "").lower()
        if colour and colour not in colours.values():
            colours.setdefault(label, colour)
    free = (colour for colour in _others() if colour not in {*colours.values()})
    for name in sorted(labels):
        if labels[name] not in colours:
            colours[labels[name]] = next(free)
    return {name: ArmLook(label=labels[name], colour=colours[labels[name]]) for name in sorted(labels)}


def read_looks(values: Mapping[str, Any], used: Iterable[str], where: object) -> dict[str, ArmLook]:
    """Read what `looks_of` returned from a plan's file.

    Args:
        values: Name -> label and colour.
        used: Names of the arms that the plan uses.
        where: The file, as a sentence calls it.

    Raises:
        UserError: An arm has no look, a label or a colour is not one, or two labels have the same colour.
    """
    if missing := sorted({*used} - values.keys()):
        raise UserError(f"{where}: arms has no {missing[0]}, which the plan uses: give it a label and a colour")
    looks: dict[str, ArmLook] = {}
    colours: dict[str, str] = {}
    for name, look in sorted(values.items()):
        try:
            looks[name] = ArmLook(**look)
        except (TypeError, ValueError) as error:
            told = error if isinstance(error, ValueError) else "it takes a label and a colour, and nothing else"
            raise UserError(f"{where}: arms.{name}: {told}") from None
        other = colours.setdefault(looks[name].colour.lower(), name)
        if looks[other].label != looks[name].label:
            raise UserError(f"{where}: arms {other} and {name} have one colour, {looks[name].colour}: give them two")
    return looks


def _others() -> Iterator[str]:
    """Yield colours without end, each another one."""
    yield from OTHERS
    seen, hue = {*OTHERS}, 0.0
    while True:
        hue += GOLDEN
        lightness = (0.35, 0.5, 0.65)[int(hue) % 3]
        rgb = colorsys.hls_to_rgb(hue % 1, lightness, 0.5)
        colour = "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
        if colour not in seen:
            seen.add(colour)
            yield colour
