"""What the paper claims: its Table 1, and the settings that it speaks of."""

import functools
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from math import nan
from typing import TYPE_CHECKING, Any

from exaggerated_replay.analysis.study.roles import EXAGGERATION, OTHER, exaggerates, role
from exaggerated_replay.planning.study_plan import Cell, StudyPlan
from exaggerated_replay.settings.reading import ReadingSettings

if TYPE_CHECKING:  # the workflow asks this module which files a study has, whenever it is parsed
    import pandas as pd

DATASET = "cifar100"
WEIGHT = 1e-6  # of both losses
FACTORS = (5, 10, 20, 50, 100)  # the values of f in Table 1
SIZE = {"model.units": 2000, "training.iterations": 5000, "training.batch": 512, "training.replay_batch": 512}
"""By dotted key."""
FULL, OTHER_LENGTH, MINIATURE = (
    "the paper's size",
    "the paper's size, with another length of training",
    "a miniature",
)
"""How a size is called beside `SIZE`."""
STRENGTH = 1e8  # c of synaptic intelligence, in the baseline's publication
VALUES: Mapping[str, float] = {**SIZE, "method.si.strength": STRENGTH}
"""What a grid may vary as a size, by dotted key, at the paper's value."""
TASKS = 10
RUNS = 5  # behind every number of Table 1
READING = asdict(ReadingSettings())
"""How the paper is read by default."""


@functools.cache
def published() -> "pd.DataFrame":
    """Load Table 1 as published: gains of RR+RA over the baseline on CIFAR-100, mean of 5 runs, no spread.

    Source: J. Millichamp and X. Chen, "Brain-inspired feature exaggeration in generative replay for continual
    learning", Table 1 (5,000 iterations per task).

    Returns:
        Columns `absolute` (percentage points) and `relative` (percent of the baseline), indexed by `f` and
        `metric` (first20, first50, overall).
    """
    import pandas as pd

    with files("exaggerated_replay.analysis.study").joinpath("published/table1.csv").open() as source:
        return pd.read_csv(source, index_col=["f", "metric"])


def scale(cell: Cell) -> str:
    """Return what a cell's size is beside the paper's: `FULL`, `OTHER_LENGTH` or `MINIATURE`."""
    different = {key for key, papers in SIZE.items() if cell.setting(key) != papers}
    if not different:
        return FULL
    return OTHER_LENGTH if different == {"training.iterations"} else MINIATURE


def papers_tasks(cell: Cell) -> bool:
    """Tell whether a cell learns ten tasks of equal size, with classes in an order that is drawn from the seed."""
    return cell.setting("dataset.tasks") == TASKS and cell.setting("dataset.class_order") is None


def papers_data(plan: StudyPlan) -> bool:
    """Tell whether a study is on the paper's data, or on a file that is given as that."""
    return bool(plan.dataset.name == DATASET)


def speaks_of(plan: StudyPlan) -> bool:
    """Tell whether the paper speaks of a study: it is on the paper's data, and some cell of it exaggerates.

    Where it does not, none of the paper's numbers stands in a table, a figure, a sentence or beside a verdict.
    """
    return papers_data(plan) and exaggerates(plan)


def published_gain(plan: StudyPlan, cell: str, baseline: str, metric: str) -> tuple[float, float]:
    """Return the gain that Table 1 has for a comparison: percentage points, and percent of the baseline; or nan.

    The table is about RR+RA at the paper's weights, with reconstruction at weight 1, at five values of f, against
    brain-inspired replay with synaptic intelligence and the same settings but those of exaggeration. How the paper is
    read (its switches, but for those that take the wrong classes) and the size of the experiment are what a replication
    may vary, but not the data. The study's own length stands for the paper's 5,000 iterations; other lengths do not.
    """
    described, against = plan.cells[cell], plan.cells[baseline]
    in_full = described.setting("training.iterations") == plan.training.iterations
    if not (speaks_of(plan) and papers_tasks(described) and in_full):
        return nan, nan
    if not stands_in_table1(described.method, against.method):
        return nan, nan
    absolute, relative = published().loc[(described.method["f"], metric)]
    return float(absolute), float(relative)


def rows_of_table1(plan: StudyPlan, grid: str) -> list[str]:
    """Return a baseline of a grid and the cells that stand beside it as in Table 1, one for each f; none without.

    Cells that differ in anything but f are no rows of the same table: of those with other lengths, sizes or readings,
    the first counts, and of several baselines the one with the most rows.
    """
    tables: dict[str, dict[Any, str]] = {}
    for row in plan.grids[grid]:
        if baseline := row.baseline:
            method = plan.cells[row.cell].method
            if stands_in_table1(method, plan.cells[baseline].method):
                tables.setdefault(baseline, {}).setdefault(method["f"], row.cell)
    largest = max(tables, key=lambda name: len(tables[name]), default=None)
    return [largest, *tables[largest].values()] if largest else []


def table1_grid(plan: StudyPlan) -> str | None:
    """Return the grid that is a plan's Table 1: the first with two rows of it, whatever the data; None without."""
    return next((grid for grid in plan.order if len(rows_of_table1(plan, grid)) > 2), None)


def stands_in_table1(method: Mapping[str, Any], baseline: Mapping[str, Any]) -> bool:
    """Tell whether Table 1 compares two methods with these settings, at whatever size and in whatever reading."""
    if role(method) != EXAGGERATION or role(baseline) != OTHER:
        return False
    if not baseline.get("si") or any(baseline.get(key, 1) != 1 for key in ("lambda_rec", "lambda_rec_replayed")):
        return False
    if any(method.get(key) != value for key, value in baseline.items() if key != "method"):
        return False
    return method["lambda_rr"] == method.get("lambda_ra") == WEIGHT and method.get("f") in FACTORS
