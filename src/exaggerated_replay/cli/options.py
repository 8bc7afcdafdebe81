"""Arguments that several subcommands have, and the plan that they ask for."""

from pathlib import Path
from typing import Any

import click

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import METHODS, RUNS, TIMINGS, WORKSPACE
from exaggerated_replay.settings.methods import use_own

PATH = click.Path(path_type=Path)
KEYS = {"dataset", "sources", "data", "study", "compute", "order", "grids", "cells", "runs"}  # of every plan

written_plan = click.option("--plan", type=PATH, required=True, help="The plan that the workflow wrote.")
asked_plan = click.option("--plan", type=PATH, help="A written plan, instead of what params.yaml asks for.")
workspace = click.option(
    "--workspace", type=PATH, default=WORKSPACE, show_default=True, help="Where unfinished work is kept."
)
timings = click.option(
    "--timings", type=PATH, default=TIMINGS, show_default=True, help="Where seconds and hardware go."
)
store = click.option("--runs", "runs", type=PATH, default=RUNS, show_default=True, help="The run directories.")


def read_plan(path: Path) -> dict[str, Any]:
    """Read a written plan; methods in files of the user's own that it names can be used from here on.

    Raises:
        UserError: There is no such file, or it is something else.
    """
    plan = read_json(path)
    if not isinstance(plan, dict) or not plan.keys() >= KEYS:
        raise UserError(f"{path} is not a plan: leave it out, or name the file that the workflow wrote")
    places = plan.get("places", {})
    use_own({name.removeprefix(METHODS): place for name, place in places.items() if name.startswith(METHODS)})
    return plan


def plan_or_params(path: Path | None) -> dict[str, Any]:
    """Return a written plan, or what params.yaml asks for, whether or not anything ran here yet.

    Raises:
        UserError: The plan, or params.yaml, is not valid.
    """
    if path is not None:
        return read_plan(path)
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.planning.plan import make_plan

    _, params = read_params(PARAMS)
    return make_plan(params).to_dict()


def entry(values: dict[str, Any], name: str, what: str, path: Path) -> Any:
    """Return one entry of a plan.

    Raises:
        UserError: There is none of that name.
    """
    if name not in values:
        few = f": choose one of {', '.join(values)}" if len(values) <= 20 else ""
        raise UserError(f"{path} has no {what} {name}{few}")
    return values[name]
