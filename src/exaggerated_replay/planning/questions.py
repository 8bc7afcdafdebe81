"""What a study shows: the questions that a grid can be asked, a row each, and the figures that are of no single grid.

A question has a figure, which is a module of `figures/` by its name, and a caption in `report/captions/`. One that
verdicts do not answer has a table, too: a module of `analysis/questions/` that makes it, named in
`publishing/study.py`, and one of `report/findings/` that lays it out. What cannot be answered is refused before
anything is trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import Cell, Row, StudyPlan, varied

Rows = Sequence[Row]
Cells = Mapping[str, Cell]
Check = Callable[[Rows, Cells, str], str | None]
"""Says why a grid, which a sentence calls by the last argument, cannot be asked a question; None where it can."""

EXAGGERATING = ("method.lambda_rr", "method.lambda_ra")
DOSES = {*EXAGGERATING, "method.lambda_rec"}
STRENGTH = "method.si.strength"


@dataclass(frozen=True)
class Size:
    """Something that may grow towards the paper's experiment.

    Attributes:
        title: On an axis.
        alone: Whether a grid that varies nothing else is asked about it without being told so.
    """

    title: str
    alone: bool


SIZES = {
    "model.units": Size("units of a hidden layer", alone=True),
    "training.iterations": Size("iterations per task", alone=False),
    "training.batch": Size("samples of the current task a step", alone=True),
    "training.replay_batch": Size("replayed samples a step", alone=True),
    STRENGTH: Size("strength c of synaptic intelligence", alone=False),
}
"""What the figure of a size may have on its axis, by dotted key."""


@dataclass(frozen=True)
class Figure:
    """A kind of figure.

    Attributes:
        name: Of its module, its caption and, in params.yaml, of the question.
        title: What it shows, on the page.
        stacks: Whether it has panels side by side, which a narrow screen shows one below the other.
    """

    name: str
    title: str
    stacks: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Question(Figure):
    """What a grid is asked.

    Attributes:
        plain: Whether a grid asks this by what it varies, when params.yaml says nothing else.
        check: What else a grid must be like.
        differences: Whether the answer is one of differences from a baseline.
        table: Of what it finds beyond verdicts; None where these say all.
        papers: Whether that table is of studies alone of which the paper speaks.
    """

    plain: Callable[[Rows, Cells], bool]
    check: Check = lambda rows, cells, where: None
    differences: bool = True
    table: str | None = None
    papers: bool = False


@dataclass(frozen=True)
class WholeFigure(Figure):
    """A figure of a study as a whole.

    Attributes:
        section: Of the page, in which it stands: "forgetting" or "inside".
        needs: What it is drawn from: "settings", "records", or "more" than these, a checkpoint or traces.
        neutral: Whether it says something of a study in which nothing exaggerates, too.
    """

    section: str
    needs: str = "records"
    neutral: bool = True


def sizes(rows: Rows, cells: Cells) -> list[str]:
    """Return the sizes that a grid varies and in which the cells that it compares differ."""
    compared, keys = _compared(rows, cells), [key for key in SIZES if key in varied(rows)]
    return [key for key in keys if len({cell.setting(key) for cell in compared} - {None}) > 1]


def _compared(rows: Rows, cells: Cells) -> list[Cell]:
    return [cells[row.cell] for row in rows if row.baseline]


def _acting(rows: Rows, cells: Cells) -> bool:
    return any(cell.setting(key) for cell in _compared(rows, cells) for key in EXAGGERATING)


def _keys(rows: Rows) -> set[str]:
    """Return the settings in which the cells that a grid compares were made."""
    return {key for row in rows if row.baseline for key in row.settings}


def _without_strength(rows: Rows, cells: Cells) -> list[str]:
    return [row.cell for row in rows if cells[row.cell].setting(STRENGTH) is None]


def _over_a_size(rows: Rows, cells: Cells) -> bool:
    return any({key} == _keys(rows) and size.alone for key, size in SIZES.items()) and bool(sizes(rows, cells))


def _check_size(rows: Rows, cells: Cells, where: str) -> str | None:
    over = sizes(rows, cells)
    if len(over) != 1:
        several = f"{len(over)} of" if over else "none of"
        return f"{where} compares cells over {several} {', '.join(SIZES)}: let it vary one of these"
    for cell in _compared(rows, cells):
        if not (cell.setting(over[0]) or 0) > 0:
            return f"{cell.name} in {where} has no {over[0]} above zero: put it into another grid"
    return None


def _check_strength(rows: Rows, cells: Cells, where: str) -> str | None:
    if STRENGTH not in varied(rows):
        return f"{where} does not vary {STRENGTH}: let it do so, or choose another kind"
    if all(row.baseline for row in rows):
        return f"{where} has no row of the baseline, whose trade-off it would show: let it vary {STRENGTH} there, too"
    for cell in _without_strength(rows, cells):
        return f"{cell} in {where} has no {STRENGTH}: put it into another grid"
    return None


QUESTIONS = (
    Question(
        "frontier",
        "The baseline's own trade-off",
        plain=lambda rows, cells: (
            _keys(rows) == {STRENGTH}
            and not all(row.baseline for row in rows)  # of which the frontier is
            and not _without_strength(rows, cells)
        ),
        check=_check_strength,
        differences=False,
        table="frontier",
        stacks=False,
    ),
    Question("scale", "Effect over size", plain=_over_a_size, check=_check_size, table="trends"),
    Question(
        "specification",
        "Variants, by their effect",
        plain=lambda rows, cells: (
            len(_compared(rows, cells)) > 1 and any(key.startswith("method.reading.") for key in _keys(rows))
        ),
        table="closest",
        papers=True,
    ),
    Question(
        "dose",
        "Dose and response",
        plain=lambda rows, cells: (
            bool(_keys(rows)) and _keys(rows) <= DOSES and len(_compared(rows, cells)) > 2 and _acting(rows, cells)
        ),
    ),
    Question(
        "convergence",
        "Longer training",
        plain=lambda rows, cells: (
            _keys(rows) == {"training.iterations"}
            and all(row.settings for row in rows)
            and len({cells[row.cell].setting("training.iterations") for row in rows}) > 1
        ),
        differences=False,
    ),
    Question("comparison", "Differences, seed by seed", plain=lambda rows, cells: True),
)
"""Those first that say most beyond a table of differences; the first that is plain is what a grid is asked."""

WHOLE_STUDY = (
    WholeFigure("forgetting", "Forgetting curves", "forgetting"),
    WholeFigure("accuracy_matrix", "Accuracy after every task", "forgetting"),
    WholeFigure("mechanism", "Inside the network", "inside", "more", neutral=False),
    WholeFigure("competing_classes", "Competing classes", "inside", "more", neutral=False, stacks=False),
    WholeFigure("architecture", "The model", "inside", "settings", neutral=False, stacks=False),
)
"""In the order of the page."""

NARROW = "-narrow"
"""How the file of a figure with its panels stacked ends, and so the name of no grid."""

BY_NAME = {question.name: question for question in QUESTIONS}


def question_of(plan: StudyPlan, grid: str) -> Question:
    """Return what a grid is asked: as the study wishes, or else by what it varies."""
    if wish := plan.study.figures.get(grid):
        return BY_NAME[wish]
    return next(question for question in QUESTIONS if question.plain(plan.grids[grid], plan.cells))


def check_question(plan: StudyPlan, grid: str) -> None:
    """Check that a grid can be asked what it is.

    Raises:
        UserError: It cannot.
    """
    rows, where, question = plan.grids[grid], f"study.grids.{grid}", question_of(plan, grid)
    if question.differences and not any(row.baseline for row in rows):
        raise UserError(
            f"params.yaml: {where} compares nothing: add another arm than the baseline, or say in a row's `against` "
            f"what to compare it with, or set study.figures.{grid} to convergence, which shows no differences"
        )
    if reason := question.check(rows, plan.cells, where):
        raise UserError(f"params.yaml: study.figures.{grid} is {question.name}, but {reason}")
