"""What a study asks for, as its plan.json holds it: data, settings, cells, and which cell is compared with which."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of
from exaggerated_replay.places import DIGITS, RUNS
from exaggerated_replay.planning.looks import read_looks
from exaggerated_replay.settings.arms import ArmLook
from exaggerated_replay.settings.data import DatasetSettings, SourceSettings
from exaggerated_replay.settings.encoder import PretrainingSettings, PublishedSettings
from exaggerated_replay.settings.nested import flat, follow, read_settings
from exaggerated_replay.settings.rules import RulesSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.settings.study import StudyOutline


@dataclass(frozen=True)
class Run:
    """One training run: its name, which is its identity, and all that decides its result."""

    name: str
    settings: RunSettings

    @property
    def seed(self) -> int:
        """Of everything that it draws."""
        return self.settings.seed

    @property
    def digest(self) -> str:
        """The end of its name: the first digits of the digest of its settings."""
        return self.name.rpartition("-")[2]

    @property
    def directory(self) -> Path:
        """Where its record and weights lie."""
        return RUNS / self.name


@dataclass(frozen=True)
class Cell:
    """One arm under one choice of settings, trained once per seed.

    Attributes:
        name: In tables, figures and files.
        arm: The arm that it is a variant of.
        config: Model, training, method, division into tasks and precision, as params.yaml would hold them: which
            settings a method has, the method knows.
        runs: One per seed.
    """

    name: str
    arm: str
    config: Mapping[str, Any]
    runs: tuple[Run, ...]

    @property
    def method(self) -> Mapping[str, Any]:
        """The method with its settings."""
        method: Mapping[str, Any] = self.config["method"]
        return method

    def setting(self, key: str) -> Any:
        """Return a setting by its dotted key; None where the arm has no such setting."""
        return follow(self.config, key)

    def without(self, *keys: str) -> dict[str, Any]:
        """Return all settings but some, and but those below them, by dotted key."""
        left_out = tuple(f"{key}." for key in keys)
        return {key: value for key, value in flat(self.config).items() if not f"{key}.".startswith(left_out)}


@dataclass(frozen=True)
class Row:
    """One row of a grid: a cell, what the grid set to make it, and the cell it is compared with."""

    cell: str
    settings: Mapping[str, Any]
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class EncoderFacts:
    """The encoder whose features a study learned from, wherever its files lie."""

    name: str
    sha256: str
    architecture: str
    image_size: int | None
    deviation: float | None
    pretraining: PretrainingSettings | None
    published: PublishedSettings | None


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a study asks for.

    Attributes:
        dataset: Which data; `source` is the bare name of a file of the user's own.
        sha256: Digest of the data set.
        data: Digest of what runs learn from: the data set, or its features.
        encoded_by: The encoder, if there is one.
        model: Sizes of the networks, where no grid sets others.
        training: How long and how fast to learn, where no grid sets others.
        study: Its name, baseline, treatment and seeds.
        rules: What a verdict takes.
        focus: The cell whose figures results/focus.json carries.
        order: The grids in the order of params.yaml; read from a file, `grids` and `cells` are sorted by name.
        grids: The rows of each grid.
        cells: By name.
        arms: Name -> label and colour, of each arm that has a cell, the baseline and the treatment; sorted by name.
    """

    dataset: DatasetSettings
    sha256: str
    data: str
    encoded_by: EncoderFacts | None
    model: ModelSettings
    training: TrainingSettings
    study: StudyOutline
    rules: RulesSettings
    focus: str
    order: tuple[str, ...]
    grids: Mapping[str, tuple[Row, ...]]
    cells: Mapping[str, Cell]
    arms: Mapping[str, ArmLook]

    @functools.cached_property
    def named(self) -> dict[str, Run]:
        """Every run by its name, in order of first mention; cells of equal settings share theirs."""
        return {run.name: run for cell in self.cells.values() for run in cell.runs}

    @property
    def runs(self) -> list[Run]:
        """Every run once."""
        return [*self.named.values()]

    @functools.cached_property
    def rows(self) -> list[Row]:
        """The rows of all grids, one grid after the other."""
        return [row for rows in self.grids.values() for row in rows]

    @functools.cached_property
    def baselines(self) -> dict[str, str]:
        """The cell that each cell is compared with: of the first grid of params.yaml that says so."""
        rows = [row for grid in self.order for row in self.grids[grid]]
        return {row.cell: row.baseline for row in reversed(rows) if row.baseline}

    @property
    def varied(self) -> list[str]:
        """Every setting that a grid varies, by its dotted key."""
        return varied(self.rows)

    def every(self, key: str) -> set[Any]:
        """Return all values that a setting has, by its dotted key: grids may vary it, and some arms may not have it."""
        return {cell.setting(key) for cell in self.cells.values()} - {None}

    def grid(self, name: str) -> tuple[Row, ...]:
        """Return the rows of a grid.

        Raises:
            UserError: There is no such grid.
        """
        if name not in self.grids:
            raise UserError(f"the plan has no grid '{name}': choose one of {', '.join(self.grids)}")
        return self.grids[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as its file holds it: all that decides something, and no place of a user's file."""
        return {
            "dataset": {**without_path(self.dataset), "sha256": self.sha256},
            "data": self.data,
            "encoder": self.encoded_by and asdict(self.encoded_by),
            "model": asdict(self.model),
            "training": asdict(self.training),
            "study": {
                **{key: getattr(self.study, key) for key in StudyOutline.__dataclass_fields__},
                "seeds": self.study.seed_list,
            },
            "rules": asdict(self.rules),
            "focus": self.focus,
            "order": [*self.order],  # of the grids, whose file sorts them by name
            "grids": {grid: [_placeless_row(row) for row in rows] for grid, rows in self.grids.items()},
            "cells": {
                cell.name: {"arm": cell.arm, "config": _placeless(cell.config), "runs": [run.name for run in cell.runs]}
                for cell in self.cells.values()
            },
            "arms": {name: asdict(look) for name, look in self.arms.items()},
        }

    @classmethod
    def from_dict(cls, values: Any, runs: Mapping[str, Any] | None, where: Path) -> Self:
        """Read the plan that `to_dict` wrote.

        Args:
            values: The plan.
            runs: Run -> its settings, as its record holds them; None for a plan whose cells have no runs.
            where: The file, for whoever reads what is wrong.

        Raises:
            UserError: It is no such plan, or names a run that is not among these.
        """
        try:
            return cls(**study_parts(values, runs, where))
        except (KeyError, TypeError, AttributeError, ValueError, ImportError) as error:
            raise UserError(
                f"{where} is not as the workflow writes it: bring it back with git, or run the workflow again"
            ) from error


def study_parts(values: Any, runs: Mapping[str, Any] | None, where: Path) -> dict[str, Any]:
    """Return the fields of a `StudyPlan` from what `to_dict` wrote; whoever calls it catches what does not fit."""
    if runs is None:
        values = {**values, "cells": {name: {**cell, "runs": []} for name, cell in values["cells"].items()}}
        runs = {}
    names = dict.fromkeys(name for cell in values["cells"].values() for name in cell["runs"])
    if unknown := [name for name in names if name not in runs]:
        raise UserError(f"{where}: there is no record of {unknown[0]}: bring it back with git, or run the workflow")
    dataset = {key: value for key, value in values["dataset"].items() if key not in ("sha256", "source_name")}
    encoder = values["encoder"]
    made = {name: Run(name, read_settings(RunSettings, runs[name])) for name in names}
    study = read_settings(StudyOutline, values["study"])
    cells = {
        name: Cell(name, cell["arm"], cell["config"], tuple(made[run] for run in cell["runs"]))
        for name, cell in sorted(values["cells"].items())
    }
    return {
        "dataset": read_settings(DatasetSettings, {**dataset, "source": values["dataset"]["source_name"]}),
        "sha256": values["dataset"]["sha256"],
        "data": values["data"],
        "encoded_by": read_settings(EncoderFacts, encoder) if encoder else None,
        "model": read_settings(ModelSettings, values["model"]),
        "training": read_settings(TrainingSettings, values["training"]),
        "study": study,
        "rules": read_settings(RulesSettings, values["rules"]),
        "focus": values["focus"],
        "order": tuple(values["order"]),
        "grids": {name: tuple(Row(**row) for row in rows) for name, rows in sorted(values["grids"].items())},
        "cells": cells,
        "arms": read_looks(values["arms"], used_arms(cells.values(), study), where),
    }


def used_arms(cells: Iterable[Cell], study: StudyOutline) -> set[str]:
    """Return the arms that a study shows: those that have a cell, the baseline and the treatment."""
    return {cell.arm for cell in cells} | {study.baseline, study.treatment}


def varied(rows: Any) -> list[str]:
    """Return the dotted keys that rows of grids set, in their order."""
    return list(dict.fromkeys(key for row in rows for key in row.settings))


def without_path(settings: SourceSettings) -> dict[str, Any]:
    """Return the settings of a data set without the places of its files, which decide nothing.

    Of a user's own data the bare name of their file stays, so that tables can say what they were made from; not so of a
    file that holds the samples of published data just as these are.
    """
    values = {key: value for key, value in asdict(settings).items() if key not in ("source", "watch")}
    stated = settings.content is not None and settings.files and settings.white is None
    named = None if stated else settings.own_file
    return _bare({**values, "source_name": Path(named).name if named else None})


def _placeless(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cell is made of without the place of a file of tasks."""
    return {key: _bare(part) if key == "dataset" else part for key, part in config.items()}


def _placeless_row(row: Row) -> dict[str, Any]:
    return {**asdict(row), "settings": _bare(row.settings, "dataset.tasks")}


def _bare(settings: Mapping[str, Any], key: str = "tasks") -> dict[str, Any]:
    tasks = settings.get(key)
    return {**settings, **({key: Path(tasks).name} if isinstance(tasks, str) else {})}


def name_of_values(values: Mapping[str, Any]) -> str:
    """Return the name of a run's directory: readable, and ending in the digest of all that decides its result.

    Args:
        values: The run's settings as nested dictionaries, as a record holds them.
    """
    return f"{values['method']['method']}-s{values['seed']}-{digest_of(values)[:DIGITS]}"
