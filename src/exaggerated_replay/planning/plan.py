"""From params.yaml to the list of runs: which cells a study has, which runs a cell has, where they lie.

Pure Python, so that the workflow parses in no time. A run's directory ends in a digest of everything that
decides its result; what an arm is called, where data lie and how many jobs ran at once decide nothing.
"""

import functools
import heapq
import itertools
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from exaggerated_replay.data.facts import classes_of, image_values_of
from exaggerated_replay.data.tasks import tasks_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of
from exaggerated_replay.planning.fingerprint import code_digest, data_digest, encoder_digest, method_digest
from exaggerated_replay.planning.params import check, check_arm, check_choice
from exaggerated_replay.settings.data import SourceSettings
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.settings.study import Params
from exaggerated_replay.store.records import ENCODER_WEIGHTS

RUNS = Path("results/runs")
# A grid makes results/figures/NAME.png: these names are taken.
RESERVED = ("accuracy_matrix", "architecture", "competing_classes", "forgetting", "mechanism")
ENCODING = ("architecture", "image_size", "deviation")  # settings that make other features of the same weights
DIGITS = 10  # of a digest, in names: among a million runs, two share them with a chance of one in three


@dataclass(frozen=True)
class Run:
    """One training run and its place."""

    seed: int
    settings: RunSettings

    @property
    def digest(self) -> str:
        """The run's identity."""
        return self.directory.name[-DIGITS:]

    @functools.cached_property
    def directory(self) -> Path:
        """Where its record and weights lie."""
        return RUNS / run_name(self.settings)


@dataclass(frozen=True)
class Source:
    """One set of raw files, and what is made from it."""

    settings: SourceSettings
    digest: str

    @property
    def name(self) -> str:
        """Name and identity, as used in paths."""
        return f"{self.settings.name}-{self.digest[:DIGITS]}"

    @property
    def raw(self) -> list[Path]:
        """The raw files."""
        return list(self.raw_files.values())

    @property
    def raw_files(self) -> dict[str, Path]:
        """The raw files by their names."""
        if self.settings.own_file:
            own = Path(self.settings.own_file)
            return {own.name: own}
        return {file: Path("data/raw", self.settings.name, file) for file in self.settings.files}

    @property
    def prepared(self) -> Path:
        """The verified file that is made from them."""
        return Path("data/prepared", f"{self.name}.npz")


@dataclass(frozen=True)
class Encoder:
    """The encoder that turns images into features, and its place."""

    settings: EncoderSettings
    digest: str
    images: Source | None  # what it is trained on; None where its file is given

    @property
    def directory(self) -> Path:
        """Where its weights and record lie when it is trained here."""
        return Path("data/encoders", f"{self.settings.name}-{self.digest[:DIGITS]}")

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return Path(self.settings.weights or self.directory / ENCODER_WEIGHTS)


@dataclass(frozen=True)
class Cell:
    """One arm under one choice of settings, trained once per seed."""

    name: str
    arm: str
    config: dict[str, Any]  # model, training and method as they are then
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Row:
    """One row of a grid: a cell, what the grid set to make it, and the cell it is compared with."""

    cell: str
    settings: dict[str, Any]  # by dotted key
    baseline: str | None


@dataclass(frozen=True)
class Plan:
    """All that a params.yaml asks for."""

    params: Params
    source: Source
    encoder: Encoder | None
    data: str  # digest of what runs learn from: of the source, or of its features
    cells: dict[str, Cell]
    grids: dict[str, list[Row]]

    @property
    def sources(self) -> list[Source]:
        """All sets of raw files: those of the study, and those that the encoder is trained on."""
        images = self.encoder and self.encoder.images
        return list({source.name: source for source in (self.source, images) if source}.values())

    @property
    def learned_from(self) -> Path:
        """The file that runs read: the prepared data, or their features."""
        if self.encoder is None:
            return self.source.prepared
        return Path("data/features", f"{self.source.settings.name}-{self.data[:DIGITS]}.safetensors")

    @functools.cached_property
    def runs(self) -> list[Run]:
        """Every run once, in order of first mention; cells that studies share are trained once."""
        return list({run.digest: run for cell in self.cells.values() for run in cell.runs}.values())

    @functools.cached_property
    def packs(self) -> dict[str, list[Run]]:
        """Runs that one job trains: at most `compute.runs_per_job`, all jobs about equally long.

        Longest runs first, each to the job that has least to do yet. Which runs go together decides no result.
        """
        size = self.params.compute.runs_per_job
        packs: list[list[Run]] = [[] for _ in range(-(-len(self.runs) // size))]
        waiting = [(0, number) for number in range(len(packs))]  # a heap of (iterations so far, pack)
        for run in sorted(self.runs, key=lambda run: -run.settings.training.iterations):
            load, number = heapq.heappop(waiting)
            packs[number].append(run)
            if len(packs[number]) < size:
                heapq.heappush(waiting, (load + run.settings.training.iterations, number))
        return {str(number): pack for number, pack in enumerate(packs, start=1)}

    @property
    def figures(self) -> dict[str, tuple[str, str | None]]:
        """What can be drawn: name of each figure -> its kind, and the grid that it shows."""
        methods = [cell.config["method"] for cell in self.cells.values()]
        figures: dict[str, tuple[str, str | None]] = {"accuracy_matrix": ("accuracy_matrix", None)}
        if any("gate_proportion" in method for method in methods):
            figures["architecture"] = ("architecture", None)
        if any("f" in method for method in methods):
            figures["competing_classes"] = ("competing_classes", None)
        for grid, rows in self.grids.items():
            over_iterations = all("training.iterations" in row.settings for row in rows)
            figures[grid] = ("convergence" if over_iterations else "comparison", grid)
        return figures

    @property
    def places(self) -> dict[str, str | None]:
        """Where the user's own files lie, by the name of what they are: a data set, or "encoder"."""
        places = {source.name: source.settings.source for source in self.sources}
        return places | ({"encoder": str(self.encoder.weights)} if self.encoder else {})

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as its file holds it: all that decides something, and no place of a user's file."""
        params = self.params
        return {
            "dataset": {**without_path(params.dataset), "sha256": self.source.digest},
            "sources": {
                source.name: {**without_path(source.settings), "sha256": source.digest} for source in self.sources
            },
            "data": self.data,
            "encoder": self.encoder
            and {
                "name": self.encoder.settings.name,
                "sha256": self.encoder.digest,
                **{key: getattr(self.encoder.settings, key) for key in ENCODING},
                "pretraining": self.encoder.settings.pretraining and asdict(self.encoder.settings.pretraining),
            },
            "model": asdict(params.model),
            "training": asdict(params.training),
            "study": {key: value for key, value in asdict(params.study).items() if key != "grids"},
            "compute": asdict(params.compute),
            "rules": asdict(params.rules),
            "focus": params.focus,
            "grids": {grid: [asdict(row) for row in rows] for grid, rows in self.grids.items()},
            "cells": {
                cell.name: {
                    "arm": cell.arm,
                    "config": cell.config,
                    "runs": [
                        {"seed": run.seed, "digest": run.digest, "directory": str(run.directory)} for run in cell.runs
                    ],
                }
                for cell in self.cells.values()
            },
            "figures": list(self.figures),
            "runs": {run.directory.name: values_of(run.settings) for run in self.runs},
        }


def run_name(settings: RunSettings) -> str:
    """Return the name of a run's directory: readable, and ending in the digest of all that decides its result."""
    return name_of_values(values_of(settings))


def name_of_values(values: dict[str, Any]) -> str:
    """Return the same name from settings as nested dictionaries, as a record holds them."""
    return f"{values['method']['method']}-s{values['seed']}-{digest_of(values)[:DIGITS]}"


def values_of(settings: RunSettings) -> dict[str, Any]:
    """Return a run's settings as nested dictionaries; what runs have in common is turned into one only once."""
    parts = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {name: _shared_values(part) if is_dataclass(part) else part for name, part in parts.items()}


_shared_values = functools.cache(asdict)


def make_plan(params: Params) -> Plan:
    """Work out cells and runs.

    Raises:
        UserError: A grid names an arm or a setting that does not exist, or the focus names no cell.
    """
    source = Source(params.dataset, data_digest(params.dataset))
    encoder = make_encoder(params.encoder) if params.encoder.used else None
    data = source.digest if encoder is None else features_digest(source, encoder)
    cells: dict[str, Cell] = {}
    grids = {}
    for grid, rows in params.study.grids.items():
        where = f"study.grids.{grid}"
        if not re.fullmatch(r"[A-Za-z0-9][\w-]*", grid) or grid in RESERVED:
            raise UserError(f"params.yaml: {where}: {grid!r} cannot be the name of a grid, choose another word")
        if not rows or not all(all(row.values()) for row in rows):
            raise UserError(f"params.yaml: {where} has an empty list: give every axis at least one value")
        made = {}
        for arm, settings in expand(params, rows, where):
            cell = make_cell(params, data, arm, settings, where)
            if cells.setdefault(cell.name, cell) != cell:
                raise UserError(f"params.yaml: {where}: two different cells would be called {cell.name}")
            baseline = baseline_of(params, data, cell, settings, where)
            if baseline:
                cells.setdefault(baseline.name, baseline)
            made[cell.name] = Row(cell.name, settings, baseline and baseline.name)
        grids[grid] = list(made.values())
    check_choice(params.focus, cells, "focus", "cell of this study")
    return Plan(params, source, encoder, data, cells, grids)


def make_encoder(settings: EncoderSettings) -> Encoder:
    """Work out which encoder the settings mean; a given file needs no images."""
    images = None if settings.weights else Source(settings.images, data_digest(settings.images))
    return Encoder(settings, encoder_digest(settings), images)


def features_digest(source: Source, encoder: Encoder) -> str:
    """Return the SHA-256 that identifies the features of a data set: images, encoder, and the code between."""
    return digest_of(
        {
            "images": [source.digest, source.settings.mean, source.settings.std],
            "encoder": [encoder.digest, {key: getattr(encoder.settings, key) for key in ENCODING}],
            "code": code_digest("features.extraction", "features.architectures"),
        }
    )


def without_path(settings: SourceSettings) -> dict[str, Any]:
    """Return the settings of a data set without the places of its files, which decide nothing."""
    return {key: value for key, value in asdict(settings).items() if key not in ("source", "watch")}


def expand(params: Params, rows: list[dict[str, list[Any]]], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (arm, settings) for every combination of every row of a grid."""
    for row in rows:
        if "arm" not in row:
            raise UserError(f"params.yaml: {where}: every row needs the key arm, a list of arms")
        for arm in row["arm"]:
            check_choice(arm, params.arms, f"{where}: arm", "arm")
        axes = [[(key, value) for value in values] for key, values in row.items()]
        for combination in itertools.product(*axes):
            settings = dict(combination)
            yield settings.pop("arm"), settings


def make_cell(params: Params, data: str, arm: str, settings: dict[str, Any], where: str) -> Cell:
    """Build one cell: the arm's settings, with those of the grid put over them.

    Raises:
        UserError: A key names no setting of the arm, or a value is out of bounds.
    """
    config = default_config(params, arm)
    for key, value in settings.items():
        *path, last = key.split(".")
        holder = follow(config, path)
        if not isinstance(holder, dict) or last not in holder:
            raise UserError(f"params.yaml: {where}: {key} is no setting of the arm {arm}")
        holder[last] = value
    model = check(ModelSettings, config["model"], f"{where}: model")
    training = check(TrainingSettings, config["training"], f"{where}: training")
    method = check_arm(config["method"], f"{where}: method")
    code = method_digest(method.method)
    classes = classes_of(params.dataset)
    runs = tuple(
        Run(
            seed,
            RunSettings(
                data=data,
                code=code,
                image_values=image_values_of(params.dataset),
                tasks=tasks_of(params.dataset, classes, seed),
                seed=seed,
                model=model,
                training=training,
                method=method,
                threads=params.compute.threads,
                precision=params.compute.precision,
            ),
        )
        for seed in range(params.study.seeds)
    )
    checked = {"model": asdict(model), "training": asdict(training), "method": asdict(method)}
    return Cell(name_of(arm, settings, checked, default_config(params, arm)), arm, checked, runs)


def name_of(arm: str, settings: dict[str, Any], config: dict[str, Any], default: dict[str, Any]) -> str:
    """Return the name of a cell: its arm, and those of its settings that differ from the arm's own."""
    name = arm
    for key in settings:
        path = key.split(".")
        value = follow(config, path)
        if value != follow(default, path):
            name += f"-{path[-1]}{shortest(value)}" if isinstance(value, int | float) else f"-{path[-1]}-{value}"
    return name


def shortest(value: float) -> str:
    """Return a number as short as can be without loss: 1e-06, 50, 1000001."""
    return text if float(text := f"{value:g}") == value else str(value)


def default_config(params: Params, arm: str) -> dict[str, Any]:
    """Return an arm's model, training and method settings; the reading is filled in where it has a place."""
    method = asdict(params.arms[arm])
    if "reading" in method:
        method["reading"] = {key: value for key, value in asdict(params.reading).items() if key != "name"}
    return {"model": asdict(params.model), "training": asdict(params.training), "method": method}


def baseline_of(params: Params, data: str, cell: Cell, settings: dict[str, Any], where: str) -> Cell | None:
    """Return the cell to compare with: the baseline arm under those of the settings that it has too."""
    arm = params.study.baseline
    if cell.arm == arm:
        return None
    config = default_config(params, arm)
    shared = {}
    for key, value in settings.items():
        *path, last = key.split(".")
        holder = follow(config, path)
        if isinstance(holder, dict) and last in holder:
            shared[key] = value
    return make_cell(params, data, arm, shared, where)


def follow(config: Any, path: list[str]) -> Any:
    """Return what lies at a path in nested dictionaries, or None."""
    for part in path:
        config = config.get(part) if isinstance(config, dict) else None
    return config
