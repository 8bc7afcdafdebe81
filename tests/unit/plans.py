"""Plans of the studies in conf/ on the digits, with settings changed or with grids of a test's own."""

import copy
import functools
from pathlib import Path

from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan

CONF = Path(__file__).parents[2] / "conf"
ITERATIONS = 40
PLAIN = [{"arm": ["bir-si", "rr-ra"]}]


@functools.cache
def composed(study):
    lengths = [f"study.lengths=[10,20,{ITERATIONS}]", f"training.iterations={ITERATIONS}"]
    return compose_values(CONF, ["dataset=digits", f"study={study}", "study.seeds=2", *lengths])


def values_with(changes=(), study="table1", grids=None):
    """Composed values with dotted keys changed; a grid may be given instead of the study's."""
    values = copy.deepcopy(composed(study))
    if grids is not None:
        values["study"]["grids"] = grids
    for key, value in dict(changes).items():
        *path, last = key.split(".")
        functools.reduce(lambda inner, part: inner[part], path, values)[last] = value
    return values


def plan_with(changes=(), study="table1", grids=None):
    return make_plan(check_params(values_with(changes, study, grids)))


REFERENCE = values_with(grids={"g": PLAIN})


@functools.cache
def both():
    """The grids of two studies in one: of Table 1 and of convergence."""
    return {
        grid: rows for study in ("table1", "convergence") for grid, rows in composed(study)["study"]["grids"].items()
    }


def digests(plan, arm):
    return [run.digest for cell in plan.cells.values() if cell.arm == arm for run in cell.runs]


def baselines(plan, grid):
    return {row.cell: row.baseline for row in plan.grids[grid]}
