"""Cells and grids: which settings are compared with which, and what each cell is called.

A row of a grid gives lists of values to dotted settings; every combination is a cell, trained once per seed. Two of its
keys are no settings: `against` says what else its cells are compared with, `as` what all its settings are called.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.checking import check, check_arm, check_choice, shown
from exaggerated_replay.planning.questions import NARROW, WHOLE_STUDY
from exaggerated_replay.planning.runs import Common
from exaggerated_replay.planning.study_plan import Cell, Row
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.nested import follow, holder_of
from exaggerated_replay.settings.run import ModelSettings, TrainingSettings
from exaggerated_replay.settings.study import ComputeSettings, Params
from exaggerated_replay.wording import shortest

LONGEST = 50  # characters, which may take four bytes each: no file's name has more than 255
WORD = rf"[A-Za-z0-9][\w-]{{0,{LONGEST - 1}}}"
# A grid makes a figure of its name in the study's folder: these names are taken.
TAKEN = {figure.name for figure in WHOLE_STUDY}

Changes = dict[str, Any]
"""Settings by dotted key."""


@dataclass(frozen=True)
class Asked:
    """One combination of the values of a grid's row."""

    arm: str
    settings: Changes
    against: Changes | None
    called: str | None  # the word that stands for the settings in the names of cells


@dataclass
class Cells:
    """All cells of a study by name, made as grids ask for them."""

    common: Common
    made: dict[str, Cell]

    def grid(self, name: str, rows: list[dict[str, Any]]) -> list[Row]:
        """Make the cells of one grid and return its rows.

        Raises:
            UserError: A row names an arm or a setting that does not exist, or a value that cannot be.
        """
        where, params = f"study.grids.{name}", self.common.params
        if not re.fullmatch(WORD, name) or name in TAKEN or name.endswith(NARROW):
            word = f"choose another word of at most {LONGEST} letters"
            raise UserError(f"params.yaml: study.grids: {shown(name)} cannot be the name of a grid, {word}")
        if not rows:
            raise UserError(f"params.yaml: {where} has no rows: give it at least one")
        found: dict[str, Row] = {}
        for asked in expand(params, rows, where):
            settings = multiplied(asked.settings, default_config(params, asked.arm), where)
            cell = self.cell(asked.arm, settings, where, asked.called)
            baseline = self.compared_with(cell, settings, asked, where)
            row = Row(cell.name, settings, baseline.name if baseline else None)
            if found.setdefault(cell.name, row).baseline != row.baseline:
                raise UserError(
                    f"params.yaml: {where} compares {cell.name} with {found[cell.name].baseline} and with "
                    f"{row.baseline}: put one of the two into a grid of its own"
                )
        return list(found.values())

    def cell(
        self, arm: str, settings: Changes, where: str, called: str | None = None, more: Changes | None = None
    ) -> Cell:
        """Make one cell: the arm's settings, with those of the grid put over them, and some more of its own.

        Args:
            arm: Name of the arm.
            settings: What the row of the grid gives.
            where: The row, for errors.
            called: The word that stands for `settings` in the name of the cell; None: they are named one by one.
            more: Settings that stand in the name in either case.

        Raises:
            UserError: A key names no setting of the arm, or a value is out of bounds.
        """
        params = self.common.params
        config = default_config(params, arm)
        more = more or {}
        for key, value in {**settings, **more}.items():
            holder = holder_of(config, key)
            if holder is None:
                raise UserError(f"params.yaml: {where}: {key} is not a setting of the arm {arm}")
            if value is None and key == "method.reading":  # of an arm, that means the study's; here it would mean none
                raise UserError(f"params.yaml: {where}: {key} is null: leave it out, or give its settings one by one")
            holder[key.rpartition(".")[2]] = value
        model = check(ModelSettings, config["model"], f"{where}: model")
        training = check(TrainingSettings, config["training"], f"{where}: training")
        method = check_arm(config["method"], f"{where}: method")
        dataset = check(DatasetSettings, {**asdict(params.dataset), **config["dataset"]}, f"{where}: dataset")
        compute = check(ComputeSettings, {**asdict(params.compute), **config["compute"]}, f"{where}: compute")
        checked = {**config, "model": asdict(model), "training": asdict(training), "method": asdict(method)}
        stem, told = (f"{arm}-{called}", more) if called else (arm, {**settings, **more})
        name = name_of(stem, told, checked, default_config(params, arm))
        if name not in self.made:
            self.made[name] = Cell(name, arm, checked, self.common.runs(model, training, method, dataset, compute))
        if (self.made[name].arm, self.made[name].config) != (arm, checked):
            raise UserError(f"params.yaml: {where}: two different cells would be called {name}")
        return self.made[name]

    def compared_with(self, cell: Cell, settings: Changes, asked: Asked, where: str) -> Cell | None:
        """Make the cell that another is compared with.

        It is the baseline arm under those of the settings that it has too, or what the row says in `against`:
        another arm, or other values of some settings.
        """
        params = self.common.params
        own = dict(asked.against or {})
        arm = own.pop("arm", params.study.baseline)
        check_choice(arm, params.arms, f"{where}: against.arm", "an arm")
        if asked.against is None and cell.arm == arm:
            return None
        config = default_config(params, arm)
        shared = {key: value for key, value in settings.items() if holder_of(config, key) is not None}
        called = asked.called if shared else None  # without any of them it is the arm as it is
        other = self.cell(arm, shared, f"{where}: against", called, multiplied(own, config, where))
        return None if other.name == cell.name else other


def expand(params: Params, rows: list[dict[str, Any]], where: str) -> Iterator[Asked]:
    """Yield every combination of every row of a grid.

    Raises:
        UserError: A row has no arm, names one that does not exist, has an empty list, or a name that cannot be.
    """
    for number, row in enumerate(rows):
        axes = {key: values for key, values in row.items() if key not in ("against", "as")}
        against, called = row.get("against"), row.get("as")
        if "arm" not in axes:
            raise UserError(f"params.yaml: {where}: every row needs the key arm, a list of arms")
        for key, values in axes.items():
            if not isinstance(values, list) or not values:
                raise UserError(f"params.yaml: {where}.{number}.{key} must be a list of at least one value")
        if against is not None and not isinstance(against, dict):
            raise UserError(f"params.yaml: {where}.{number}.against must be a mapping of settings to values")
        if called is not None and not (isinstance(called, str) and re.fullmatch(WORD, called)):
            word = f"a word of at most {LONGEST} letters, digits and dashes"
            raise UserError(f"params.yaml: {where}.{number}.as is {shown(called)}: choose {word}")
        for arm in axes["arm"]:
            check_choice(arm, params.arms, f"{where}: arm", "an arm")
        for values in itertools.product(*axes.values()):
            settings = dict(zip(axes, values, strict=True))
            yield Asked(settings.pop("arm"), settings, against, called)


def multiplied(settings: Changes, default: dict[str, Any], where: str) -> Changes:
    """Turn every value such as x2 into that multiple of the arm's own.

    Raises:
        UserError: The arm's own is not a number, or a whole number would no longer be one.
    """
    found = dict(settings)
    for key, value in settings.items():
        factor = re.fullmatch(r"x(\d+(?:\.\d+)?)", value) if isinstance(value, str) else None
        own = follow(default, key)
        if factor is None or isinstance(own, str) or holder_of(default, key) is None:
            continue  # what is no multiple, or no setting, is told where the cell is made
        if isinstance(own, bool) or not isinstance(own, int | float):
            raise UserError(f"params.yaml: {where}: {key} is {value}, but there is no number to multiply")
        product = float(f"{own * float(factor[1]):.12g}")  # 0.1 x 3 is 0.3
        if isinstance(own, int) and not product.is_integer():
            raise UserError(f"params.yaml: {where}: {key} is {value}, but {own} x {factor[1]} is not a whole number")
        found[key] = int(product) if isinstance(own, int) else product
    return found


def name_of(stem: str, settings: Changes, config: dict[str, Any], default: dict[str, Any]) -> str:
    """Return the name of a cell: its arm, and those of its settings that differ from the arm's own."""
    name = stem
    for key in settings:
        value, last = follow(config, key), key.rpartition(".")[2]
        if value != follow(default, key):
            value = Path(value).name if key == "dataset.tasks" and isinstance(value, str) else value
            name += f"-{last}{shortest(value)}" if isinstance(value, int | float) else f"-{last}-{value}"
    return name


def default_config(params: Params, arm: str) -> dict[str, Any]:
    """Return what a grid can change of an arm; the reading is filled in where it has a place and none of its own."""
    method = asdict(params.arms[arm].method)
    if "reading" in method and method["reading"] is None:
        method["reading"] = {key: value for key, value in asdict(params.reading).items() if key != "name"}
    division = {"tasks": params.dataset.tasks, "class_order": params.dataset.class_order}
    return {
        "model": asdict(params.model),
        "training": asdict(params.training),
        "method": method,
        "dataset": division,
        "compute": {"precision": params.compute.precision},
    }
