"""What arms, cells and data are called in figures."""

from collections.abc import Sequence

from exaggerated_replay.analysis import names
from exaggerated_replay.analysis.words import short_data_name
from exaggerated_replay.figures.look import asked
from exaggerated_replay.planning.study_plan import Row, StudyPlan


def arm_name(plan: StudyPlan, arm: str) -> str:
    """Return an arm's name for a figure."""
    return plain(asked().names.get(arm) or names.arm_name(plan, arm))


def cell_name(plan: StudyPlan, cell: str) -> str:
    """Return a cell's name for a figure."""
    return plain(_named(plan, cell, names.cell_name(plan, cell)))


def row_names(plan: StudyPlan, rows: Sequence[Row]) -> list[str]:
    """Name rows of a grid by what tells them apart."""
    usual = names.row_names(plan, rows)
    return [plain(_named(plan, row.cell, name)) for row, name in zip(rows, usual, strict=True)]


def _named(plan: StudyPlan, cell: str, usual: str) -> str:
    """Return the name that somebody gave a cell; or else its usual one, with the name that they gave its arm."""
    given, arm = asked().names, plan.cells[cell].arm
    if cell in given and cell not in plan.arms:
        return given[cell]
    arms_own = names.arm_name(plan, arm)
    return given[arm] + usual.removeprefix(arms_own) if arm in given and usual.startswith(arms_own) else usual


def data_name(plan: StudyPlan) -> str:
    """Return the name of a study's data for an axis."""
    return plain(short_data_name(plan)) + (", validation data" if plan.dataset.validation else "")


def plain(text: str) -> str:
    """Return a text of the user's as figures show it unchanged: its dollars begin no formula."""
    return text.replace("$", r"\$")
