"""The colours of figures: of arms and cells, as a plan or somebody has them, and of all else."""

from exaggerated_replay.analysis.study.roles import CONTROL, role
from exaggerated_replay.figures.look import asked
from exaggerated_replay.planning.study_plan import StudyPlan

MUTED, INK = "#c3c9cf", "#222222"
BASELINE, TREATMENT = "#34495e", "#d55e00"
"""Of drawings that show no arm: what the baseline has, and what the treatment adds."""
NEUTRAL = "#7b858f"
"""Of controls, which are there to be compared with, not to be told apart."""


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
