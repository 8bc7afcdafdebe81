"""Which files a study's folder has, as its plan says, and which of them Git keeps: `.gitignore` names the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.study.paper import odds_grid, papers_data, table1_grid
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, PROVENANCE, RECORDS, RESULTS
from exaggerated_replay.planning.drawing import kinds_of

README, REPORT, ODDS = "README.md", "report.html", "table1_odds.csv"
LEARNING = "learning.csv"  # what every cell had reached after every task
SUMMARIES = (README, "params.yaml", PLAN, PROVENANCE, RECORDS, "runs.csv", "metrics.json", "verdicts.csv")
PLOTS = tuple(f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence"))
FOCUS_FILES = ("focus.json", *(f"focus/{name}" for name in PLOTS))  # of the cell in focus, relative to results/
FINDINGS = {"frontier": "frontier", "scale": "trends", "specification": "closest"}
"""How a grid is drawn -> what it is asked: what lies beyond the baseline's reach, what grows with the size, which
reading comes closest to the paper's table."""
MECHANISM = (
    *("distances", "similarity", "confusions", "confusions_by_task", "replay_quality", "gradients"),
    "inverse_distances",
)
"""Tables of what the losses do inside the network, where runs left traces."""
FROM_MORE = ("competing_classes", "mechanism")
"""Figures that need more than records: a checkpoint, or tables of mechanism."""
IMAGE_KINDS = ("png", "pdf", "svg")
TELLING = ("frontier", "scale", "specification", "dose", "convergence", "comparison")
"""Kinds of figures of grids, those first that say most beyond a table of differences."""
MOST_FEATURED = 3


def study_files(plan: Mapping[str, Any]) -> list[str]:
    """Return what is made from a plan and its records, relative to the study's folder."""
    return [*_kept(plan), *_printed(plan)]


def more_files(plan: Mapping[str, Any]) -> list[str]:
    """Return what needs more than records, and is there only where that is."""
    return [*_kept_of_more(plan), *(file for name in FROM_MORE for file in print_files(name))]


def git_files(plan: Mapping[str, Any]) -> list[str]:
    """Return what Git keeps of a study: the rest is made from it by `exaggerated-replay report`."""
    return [*_kept(plan), *_kept_of_more(plan)]


def _kept(plan: Mapping[str, Any]) -> list[str]:
    odds = [ODDS] if odds_grid(plan) else []
    found = [finding_file(name, grid) for grid, name in findings_of(plan).items()]
    tables = [f"tables/{grid}.csv" for grid in plan["grids"]]
    return [*SUMMARIES, *odds, *found, *tables, *(picture_file(n) for n in featured(plan) if n not in FROM_MORE)]


def _kept_of_more(plan: Mapping[str, Any]) -> list[str]:
    tables = [mechanism_file(name) for name in MECHANISM]
    return [*tables, *(picture_file(name) for name in featured(plan) if name in FROM_MORE)]


def _printed(plan: Mapping[str, Any]) -> list[str]:
    tables = [f"tables/{grid}.{kind}" for grid in plan["grids"] for kind in ("md", "tex")]
    runs = [f"provenance/{grid}.csv" for grid in plan["grids"]]
    return [
        *tables,
        *runs,
        LEARNING,
        *PLOTS,
        *(file for name in figures_of(plan) for file in print_files(name)),
        REPORT,
    ]


def declared(folder: Path) -> set[str]:
    """Return what the plan that lies in a study's folder declares; nothing where it cannot be read."""
    try:
        plan = read_json(folder / PLAN)
        names = {*study_files(plan), *more_files(plan)}
    except (UserError, OSError, KeyError, TypeError, AttributeError, ValueError):
        return set()
    return {name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}


def all_files(plan: Mapping[str, Any]) -> list[Path]:
    """Return every file that is made from the records of a plan."""
    folder = RESULTS / plan["study"]["name"]
    return [folder / name for name in study_files(plan)] + [RESULTS / name for name in FOCUS_FILES]


def first_grid(plan: Mapping[str, Any]) -> str:
    """Return the grid that a study is read for: Table 1, or else the first in params.yaml."""
    return table1_grid(plan) or str(plan["order"][0])


def figures_of(plan: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Choose the figures of a study, but for those that need more than records.

    Args:
        plan: As `plan.json` holds it.

    Returns:
        Name of each figure -> its kind, which is its module, and the grid that it shows.
    """
    methods = [cell["config"]["method"] for cell in plan["cells"].values()]
    chosen: dict[str, tuple[str, str | None]] = {name: (name, None) for name in ("accuracy_matrix", "forgetting")}
    if any("gate_proportion" in method for method in methods):
        chosen["architecture"] = ("architecture", None)
    return chosen | {grid: (kind, grid) for grid, kind in kinds_of(plan).items()}


def featured(plan: Mapping[str, Any]) -> list[str]:
    """Return the figures that the README shows and Git keeps: the first grid's, then those that say most."""
    kinds, first = kinds_of(plan), first_grid(plan)
    others = sorted((grid for grid in kinds if grid != first), key=lambda grid: (TELLING.index(kinds[grid]), grid))
    return [first, *others, "mechanism"][:MOST_FEATURED]


def findings_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return the grids that are asked more than verdicts answer: grid -> what it is asked, as `FINDINGS` says it.

    The paper's Table 1, which readings are compared with, is about the paper's data alone.
    """
    asked = {grid: FINDINGS[kind] for grid, kind in kinds_of(plan).items() if kind in FINDINGS}
    return {grid: name for grid, name in asked.items() if name != "closest" or papers_data(plan)}


def finding_file(name: str, grid: str) -> str:
    """Return where a finding lies in its study's folder."""
    return f"{name}/{grid}.csv"


def mechanism_file(name: str) -> str:
    """Return where a table of mechanism lies."""
    return f"mechanism/{name}.csv"


def picture_file(name: str) -> str:
    """Return where a figure lies that the README shows."""
    return f"figures/{name}.png"


def print_files(name: str) -> list[str]:
    """Return where a figure lies in every form."""
    return [f"print/{name}.{kind}" for kind in IMAGE_KINDS]
