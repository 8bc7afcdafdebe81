"""How each grid of a study is drawn; what cannot be drawn is refused before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.cells import follow

DOSES = {"method.lambda_rr", "method.lambda_ra", "method.lambda_rec"}
STRENGTH = "method.si.strength"
SIZES = ("model.units", "training.iterations", "training.batch", "training.replay_batch", STRENGTH)
"""What the figure of a size may have on its axis."""
OF_DIFFERENCES = ("comparison", "dose", "scale", "specification")
"""Kinds of figures that show differences from a baseline."""

Rows = Sequence[Mapping[str, Any]]
"""The rows of a grid as `plan.json` holds them: cell, settings, baseline."""
Configs = Mapping[str, Mapping[str, Any]]
"""Cell -> what it is trained under."""


def kind_of(rows: Rows, configs: Configs) -> str:
    """Choose how a grid is drawn by what it varies among the cells that it compares."""
    compared = [row["settings"] for row in rows if row["baseline"]]
    keys = {key for settings in compared for key in settings}
    if keys == {"training.iterations"} and all(row["settings"] for row in rows):
        return "convergence"
    if keys and keys <= DOSES and len(compared) > 2:
        return "dose"
    if keys == {STRENGTH} and not without(STRENGTH, rows, configs):
        return "frontier"
    if keys in ({"model.units"}, {"training.replay_batch"}, {"training.batch"}) and sizes(rows, configs):
        return "scale"
    if len(compared) > 1 and any(key.startswith("method.reading.") for key in keys):
        return "specification"
    return "comparison"


def chosen_kinds(wishes: Mapping[str, str], grids: Mapping[str, Rows], configs: Configs) -> dict[str, str]:
    """Return how each grid is drawn: as the study wishes, or else by what it varies."""
    return {grid: wishes.get(grid) or kind_of(rows, configs) for grid, rows in grids.items()}


def kinds_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return how every grid of a plan is drawn; the plan is as `plan.json` holds it."""
    configs = {name: cell["config"] for name, cell in plan["cells"].items()}
    return chosen_kinds(plan["study"].get("figures") or {}, plan["grids"], configs)


def check_drawing(grid: str, kind: str, rows: Rows, configs: Configs) -> None:
    """Check that a grid can be drawn as this kind of figure.

    Raises:
        UserError: It cannot be.
    """
    where, asked = f"study.grids.{grid}", f"params.yaml: study.figures.{grid} is {kind}, but "
    if kind in OF_DIFFERENCES and not any(row["baseline"] for row in rows):
        raise UserError(
            f"params.yaml: {where} compares nothing: add another arm than the baseline, or say in a row's `against` "
            f"what to compare it with, or set study.figures.{grid} to convergence, which shows no differences"
        )
    if kind == "scale" and len(found := sizes(rows, configs)) != 1:
        several = f"{len(found)} of" if found else "none of"
        raise UserError(f"{asked}{where} compares cells over {several} {', '.join(SIZES)}: let it vary one of these")
    if kind == "scale":
        (size,) = found
        if cells := [name for name in _compared(rows) if not (follow(configs[name], size.split(".")) or 0) > 0]:
            raise UserError(f"{asked}{cells[0]} in {where} has no {size} above zero: put it into another grid")
    if kind == "frontier" and not any(STRENGTH in row["settings"] for row in rows):
        raise UserError(f"{asked}{where} does not vary {STRENGTH}: let it do so, or choose another kind")
    if kind == "frontier" and (cells := without(STRENGTH, rows, configs)):
        raise UserError(f"{asked}{cells[0]} in {where} has no {STRENGTH}: put it into another grid")


def sizes(rows: Rows, configs: Configs) -> list[str]:
    """Return the sizes that a grid varies and in which the cells that it compares differ."""
    varied = {key for row in rows for key in row["settings"]}
    compared = [configs[cell] for cell in _compared(rows)]
    values = {key: {follow(config, key.split(".")) for config in compared} - {None} for key in SIZES if key in varied}
    return [key for key, different in values.items() if len(different) > 1]


def _compared(rows: Rows) -> list[str]:
    return [row["cell"] for row in rows if row["baseline"]]


def without(key: str, rows: Rows, configs: Configs) -> list[str]:
    """Return the cells of a grid that have no setting of this dotted key."""
    return [row["cell"] for row in rows if follow(configs[row["cell"]], key.split(".")) is None]
