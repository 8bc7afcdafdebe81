"""Which files a study's folder has, as its plan says, and which of them Git keeps: `.gitignore` names the others."""

from pathlib import Path

from exaggerated_replay.analysis.study.paper import speaks_of
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, PROVENANCE, RECORDS, RESULTS
from exaggerated_replay.planning.questions import NARROW, QUESTIONS, WHOLE_STUDY, Figure, WholeFigure, question_of
from exaggerated_replay.planning.study_plan import StudyPlan

README, REPORT = "README.md", "report.html"
LEARNING = "learning.csv"  # what every cell had reached after every task
SUMMARIES = (README, "params.yaml", PLAN, PROVENANCE, RECORDS, "runs.csv", "metrics.json", "verdicts.csv")
PLOTS = tuple(f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence"))
FOCUS_FILES = ("focus.json", *(f"focus/{name}" for name in PLOTS))  # of the cell in focus, relative to results/
MECHANISM = ("distances", "similarity", "confusions", "replay_quality", "gradients")
"""Tables of what the losses do inside the network, where runs left traces."""
IMAGE_KINDS = ("png", "pdf", "svg")
MOST_FEATURED = 3


def study_files(plan: StudyPlan) -> list[str]:
    """Return what is made from a plan and its records, relative to the study's folder."""
    return [*_kept(plan), *_printed(plan)]


def more_files(plan: StudyPlan) -> list[str]:
    """Return what needs more than records, and is there only where that is."""
    return [
        *_kept_of_more(plan),
        *(file for name, kind in more_figures(plan).items() for file in drawn_files(name, kind)),
    ]


def git_files(plan: StudyPlan) -> list[str]:
    """Return what Git keeps of a study: the rest is made from it by `exaggerated-replay report`."""
    return [*_kept(plan), *_kept_of_more(plan)]


def _kept(plan: StudyPlan) -> list[str]:
    findings = [finding_file(name, grid) for grid, name in findings_of(plan).items()]
    tables = [f"tables/{grid}.csv" for grid in plan.grids]
    return [*SUMMARIES, *findings, *tables, *(picture_file(n) for n in featured(plan) if n not in more_figures(plan))]


def _kept_of_more(plan: StudyPlan) -> list[str]:
    tables = [mechanism_file(name) for name in MECHANISM]
    return [*tables, *(picture_file(name) for name in featured(plan) if name in more_figures(plan))]


def _printed(plan: StudyPlan) -> list[str]:
    tables = [f"tables/{grid}.{kind}" for grid in plan.grids for kind in ("md", "tex")]
    runs = [f"provenance/{grid}.csv" for grid in plan.grids]
    figures = [file for name, (kind, _) in figures_of(plan).items() for file in drawn_files(name, kind)]
    return [*tables, *runs, LEARNING, *PLOTS, *figures, REPORT]


def declared(folder: Path) -> set[str]:
    """Return what the plan that lies in a study's folder declares; nothing where it cannot be read."""
    try:
        plan = StudyPlan.from_dict(read_json(folder / PLAN), None, folder / PLAN)
        names = {*study_files(plan), *more_files(plan)}
    except (UserError, OSError, LookupError):  # a question that this version does not know
        return set()
    return {name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}


def all_files(plan: StudyPlan) -> list[Path]:
    """Return every file that is made from the records of a plan."""
    folder = RESULTS / plan.study.name
    return [folder / name for name in study_files(plan)] + [RESULTS / name for name in FOCUS_FILES]


def figures_of(plan: StudyPlan) -> dict[str, tuple[Figure, str | None]]:
    """Choose the figures of a study, but for those that need more than records.

    Returns:
        Name of each figure -> its kind, and the grid that it shows.
    """
    gated = any("gate_proportion" in cell.method for cell in plan.cells.values())
    chosen = [f for f in whole_figures(plan) if f.needs == "records" or (f.needs == "settings" and gated)]
    return {figure.name: (figure, None) for figure in chosen} | {
        grid: (question_of(plan, grid), grid) for grid in plan.grids
    }


def more_figures(plan: StudyPlan) -> dict[str, Figure]:
    """Return the figures of a study that need more than records, a checkpoint or tables of mechanism, by name."""
    return {figure.name: figure for figure in whole_figures(plan) if figure.needs == "more"}


def all_figures(plan: StudyPlan) -> dict[str, Figure]:
    """Return every figure that a study may have: its name -> its kind."""
    return {name: kind for name, (kind, _) in figures_of(plan).items()} | more_figures(plan)


def whole_figures(plan: StudyPlan) -> list[WholeFigure]:
    """Return the figures of a study as a whole: those of exaggeration where some cell exaggerates."""
    return [figure for figure in WHOLE_STUDY if figure.neutral or exaggerates(plan)]


def featured(plan: StudyPlan) -> list[str]:
    """Return the figures that the README shows and Git keeps: the first grid's, then those that say most."""
    telling, first = [question.name for question in QUESTIONS], plan.order[0]
    ranks = {grid: telling.index(question_of(plan, grid).name) for grid in plan.grids if grid != first}
    others = sorted(ranks, key=lambda grid: (ranks[grid], grid))
    return [first, *others, *(name for name in more_figures(plan) if name == "mechanism")][:MOST_FEATURED]


def findings_of(plan: StudyPlan) -> dict[str, str]:
    """Return the grids that are asked more than verdicts answer: grid -> the table that answers it."""
    questions = {grid: question_of(plan, grid) for grid in plan.grids}
    return {
        grid: question.table
        for grid, question in questions.items()
        if question.table and (speaks_of(plan) or not question.papers)
    }


def finding_file(name: str, grid: str) -> str:
    """Return where a finding lies in its study's folder."""
    return f"{name}/{grid}.csv"


def mechanism_file(name: str) -> str:
    """Return where a table of mechanism lies."""
    return f"mechanism/{name}.csv"


def picture_file(name: str) -> str:
    """Return where a figure lies that the README shows."""
    return f"figures/{name}.png"


def narrow_file(name: str) -> str:
    """Return where a figure lies with its panels stacked, as the page shows it on a narrow screen."""
    return f"print/{name}{NARROW}.svg"


def drawn_files(name: str, kind: Figure) -> list[str]:
    """Return where a figure of a kind lies in every form and shape."""
    return [*print_files(name), *([narrow_file(name)] if kind.stacks else [])]


def print_files(name: str) -> list[str]:
    """Return where a figure lies in every form."""
    return [f"print/{name}.{kind}" for kind in IMAGE_KINDS]
