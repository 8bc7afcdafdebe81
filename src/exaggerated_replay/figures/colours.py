"""The colours of figures: of arms and cells, as a plan or somebody has them, and of all else."""

from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from exaggerated_replay.analysis.study.roles import CONTROL, role
from exaggerated_replay.figures.look import asked
from exaggerated_replay.planning.study_plan import StudyPlan

MUTED, INK = "#c3c9cf", "#222222"
BASELINE, TREATMENT = "#34495e", "#d55e00"
"""Of drawings that show no arm: what the baseline has, and what the treatment adds."""
NEUTRAL = "#7b858f"
"""Of controls, which are there to be compared with, not to be told apart."""
MARKERS, STROKES = ("o", "s", "D", "^", "v", "P", "X", "*"), ("-", "--", ":", "-.")
"""Of lines in one figure: more lines cannot be told apart."""


def arm_colours(plan: StudyPlan) -> dict[str, str]:
    """Return arm -> hexadecimal colour for a figure, of every arm of a plan."""
    chosen = asked().colours
    return {arm: chosen.get(arm, look.colour) for arm, look in plan.arms.items()}


def cell_colours(plan: StudyPlan) -> dict[str, str]:
    """Return cell -> hexadecimal colour for a figure: its own, its arm's, or that of controls."""
    chosen, colours = asked().colours, {}
    for name, cell in plan.cells.items():
        usual = NEUTRAL if role(cell.method) == CONTROL else plan.arms[cell.arm].colour
        colours[name] = chosen.get(name, chosen.get(cell.arm, usual))
    return colours


def line_looks(colours: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Give each line of a figure a marker of its own, and a stroke where others have its colour.

    So lines are told apart without their colours, too.

    Args:
        colours: Name of each line -> its colour.

    Returns:
        Name -> color, marker and linestyle, as matplotlib takes them.
    """
    met = Counter[str]()
    looks: dict[str, dict[str, Any]] = {}
    for marker, (name, colour) in zip(cycle(MARKERS), colours.items(), strict=False):
        looks[name] = {"color": colour, "marker": marker, "linestyle": STROKES[met[colour] % len(STROKES)]}
        met[colour] += 1
    return looks
