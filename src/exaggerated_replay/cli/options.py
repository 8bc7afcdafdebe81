"""Arguments that several subcommands have, and the plan that they ask for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RESULTS

if TYPE_CHECKING:
    from exaggerated_replay.planning.plan import Plan

Entry = TypeVar("Entry")
PATH = click.Path(path_type=Path)


class _StudyFolder(click.ParamType[Path]):
    """The folder of a study, as a path or by its name in results/."""

    name = "study"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        folder = Path(value)
        return folder if len(folder.parts) > 1 or folder.is_dir() else RESULTS / folder


STUDY = _StudyFolder()

written_plan = click.option("--plan", type=PATH, required=True, help="The plan that the workflow wrote.")


@contextmanager
def plan_with_gpu(path: Path) -> Iterator["Plan"]:
    """Read a written plan, and hold a slot of a GPU until the block ends where jobs compute on one.

    It is held before anything imports torch, which a method of the user's own may do as soon as the plan is read.

    Raises:
        UserError: There is no such file, or it is something else.
    """
    from exaggerated_replay.files import read_json
    from exaggerated_replay.gpus import hold_gpu
    from exaggerated_replay.planning.plan import Plan, compute_of

    values = read_json(path)
    compute = compute_of(values, path)
    slot = hold_gpu(compute.slots_per_gpu) if compute.device != "cpu" else None
    with slot or nullcontext():
        yield Plan.of(values, path)


def asked_plan() -> "Plan":
    """Return what params.yaml asks for, whether or not anything ran here yet.

    Raises:
        UserError: params.yaml is not valid.
    """
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.planning.plan import make_plan

    _, params = read_params(PARAMS)
    return make_plan(params)


def entry(values: Mapping[str, Entry], name: str, what: str, path: Path) -> Entry:
    """Return one entry of a plan.

    Raises:
        UserError: There is none of that name.
    """
    if name not in values:
        few = f": choose one of {', '.join(values)}" if len(values) <= 20 else ""
        raise UserError(f"{path} has no {what} {name}{few}")
    return values[name]
