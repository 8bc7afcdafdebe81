"""The question of a study, in a sentence or two: written by rule, from its plan."""

from collections.abc import Sequence
from typing import NamedTuple

from exaggerated_replay.analysis.names import cell_name
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.paper import papers_data
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.words import PARTS, short_data_name, title_of
from exaggerated_replay.planning.study_plan import StudyPlan

METRIC = "first20"
"""What a study in which nothing exaggerates is asked about."""
MOST_NAMED = 6
"""So many methods are named in a question; of more, their number is told."""


def question(plan: StudyPlan) -> str:
    """Return what a study asks: whether exaggeration helps, as the paper claims, or what its cells keep of accuracy."""
    if not exaggerates(plan):
        return _question_of_cells(plan)
    gains = paper.published()["absolute"].xs("first20", level="metric")
    claim = (
        "Millichamp and Chen report that feature exaggeration, which pushes replayed samples of competing classes "
        "apart and pulls those of one class together, "
        f"keeps {gains.min():.1f} to {gains.max():.1f} points more accuracy on the first 20 % of CIFAR-100's classes "
        "than the same training without it."
    )
    return f"{claim} Does it, on {named(plan)}, when each run is compared with the baseline's run of the same seed?"


def _question_of_cells(plan: StudyPlan) -> str:
    compared, several, against = contest(plan)
    if not against:
        return f"Which accuracy {'do' if several else 'does'} {compared} reach on {named(plan)}?"
    what = f"accuracy on {PARTS[METRIC]} of {named(plan)}"
    how = "run by run of the same seed"
    if not several:
        return f"Does {compared} keep more {what} than {against}, {how}?"
    return f"Which of {compared} keeps most {what}, against {against}, {how}?"


class Contest(NamedTuple):
    """What a study compares with what.

    Attributes:
        compared: Names of the cells, or of their arms where cells are many, or else how many there are.
        several: Whether there is more than one cell.
        against: The name of their baseline; nothing where nothing is compared.
    """

    compared: str
    several: bool
    against: str


def contest(plan: StudyPlan) -> Contest:
    """Return what a study compares, in words, and with what."""
    pairs = [(row.cell, row.baseline) for row in plan.rows if row.baseline]
    cells = dict.fromkeys(cell for cell, _ in pairs) or dict.fromkeys(plan.cells)
    baselines = {baseline: cell_name(plan, baseline) for _, baseline in pairs}
    against = next(iter(baselines.values()), "") if len(baselines) < 2 else "the baseline of each"
    names = list(dict.fromkeys(cell_name(plan, cell) for cell in cells))
    if len(names) <= MOST_NAMED:
        return Contest(listed(names), len(names) > 1, against)
    arms = list(dict.fromkeys(plan.arms[plan.cells[cell].arm].label for cell in cells))
    if 1 < len(arms) <= MOST_NAMED:
        return Contest(listed(arms), True, against)
    return Contest(f"{len(names)} {'methods' if len(arms) > 1 else 'variants'}", True, against)


def listed(names: Sequence[str]) -> str:
    """Return names as a list in running text: a, b and c."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def named(plan: StudyPlan) -> str:
    """Name the data of a study in running text."""
    name = short_data_name(plan)
    given = plan.dataset.source and papers_data(plan)
    said = f"{name} (given as {title_of(plan)})" if given else name
    return f"validation data of {said}" if plan.dataset.validation else said
