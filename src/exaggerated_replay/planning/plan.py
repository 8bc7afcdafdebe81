"""From params.yaml to the list of runs: which cells a study has, which runs a cell has, where they lie.

No torch, so that the workflow parses in no time. A run's directory ends in a digest of everything that
decides its result; what an arm is called, where data lie and how many jobs run at once decide nothing.
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exaggerated_replay.data.facts import check_colours, classes_of, image_values_of, training_samples_of
from exaggerated_replay.data.splits import split_path
from exaggerated_replay.errors import UserError
from exaggerated_replay.places import DIGITS, METHODS
from exaggerated_replay.planning.cells import Cell, Cells, Row, follow, has
from exaggerated_replay.planning.checking import check_choice
from exaggerated_replay.planning.drawing import check_drawing, chosen_kinds
from exaggerated_replay.planning.runs import Problem, Run, check_batch, packs_of, values_of
from exaggerated_replay.planning.sources import (
    IMAGES,
    Encoder,
    Source,
    features_digest,
    make_encoder,
    make_source,
    without_path,
)
from exaggerated_replay.settings.study import Params


@dataclass(frozen=True)
class Plan:
    """All that a params.yaml asks for."""

    params: Params
    source: Source
    encoder: Encoder | None
    problem: Problem
    cells: dict[str, Cell]
    grids: dict[str, list[Row]]

    @property
    def data(self) -> str:
        """Digest of what runs learn from: of the source, or of its features."""
        return self.problem.data

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
        """Every run once, in order of first mention; cells that grids share are trained once."""
        return list({run.digest: run for cell in self.cells.values() for run in cell.runs}.values())

    @functools.cached_property
    def splits(self) -> dict[Path, Run]:
        """The file of each split: its path -> a run that learns the classes in this order."""
        return {self.split_of(run): run for run in self.runs}

    def split_of(self, run: Run) -> Path:
        """Return the file that says which classes each task of a run brings."""
        return split_path(self.source.digest, self.source.settings.name, run.seed, run.settings.tasks)

    @functools.cached_property
    def packs(self) -> dict[str, list[Run]]:
        """The jobs, each with the runs that it trains."""
        return packs_of(self.runs, self.params.compute.runs_per_job)

    def seeds_after(self, runs: list[Run]) -> int:
        """Return how many of the study's seeds come after the first of these runs': the more, the earlier its job.

        Trained seed by seed, a study that is stopped has pairs to compare.
        """
        seeds = self.params.study.seed_list
        return len(seeds) - 1 - min(seeds.index(run.seed) for run in runs)

    @property
    def varied(self) -> list[str]:
        """Every setting that a grid varies, by its dotted key."""
        return list(dict.fromkeys(key for rows in self.grids.values() for row in rows for key in row.settings))

    @property
    def places(self) -> dict[str, str | None]:
        """Where the user's own files lie, by the name of what they are: a data set, "encoder", or "methods/NAME"."""
        places = {source.name: source.settings.source for source in self.sources}
        places |= {f"{METHODS}{name}": file for name, file in self.params.methods.items()}
        return places | ({"encoder": str(self.encoder.weights)} if self.encoder else {})

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as its file holds it: all that decides something, and no place of a user's file."""
        params = self.params
        study = {**asdict(params.study), "seeds": params.study.seed_list}
        return {
            "dataset": {
                **without_path(params.dataset),
                "classes": self.problem.classes,
                "image_values": self.problem.image_values,
                "sha256": self.source.digest,
            },
            "sources": {
                source.name: {
                    **without_path(source.settings),
                    "own_reader": source.settings.own_file and source.settings.own_reader,
                    "content": source.content,
                    "sha256": source.digest,
                }
                for source in self.sources
            },
            "data": self.data,
            "prepared": str(self.source.prepared),
            "encoder": self.encoder
            and {
                "name": self.encoder.settings.name,
                "sha256": self.encoder.digest,
                **self.encoder.encoding,
                "pretraining": self.encoder.settings.pretraining and asdict(self.encoder.settings.pretraining),
                "published": self.encoder.settings.published and asdict(self.encoder.settings.published),
            },
            "model": asdict(params.model),
            "training": asdict(params.training),
            "study": {key: value for key, value in study.items() if key != "grids"},
            "rules": asdict(params.rules),
            "compute": asdict(params.compute),
            "focus": params.focus,
            "varied": self.varied,
            "order": [*self.grids],  # of the grids, whose file sorts them by name
            "grids": {grid: [asdict(row) for row in rows] for grid, rows in self.grids.items()},
            "cells": {cell.name: self._described(cell) for cell in self.cells.values()},
            "splits": {str(path): run.directory.name for path, run in self.splits.items()},
            "runs": {run.directory.name: values_of(run.settings) for run in self.runs},
        }

    def _described(self, cell: Cell) -> dict[str, Any]:
        varied = {key: follow(cell.config, key.split(".")) for key in self.varied if has(cell.config, key)}
        runs = [{"seed": run.seed, "digest": run.digest, "directory": str(run.directory)} for run in cell.runs]
        return {"arm": cell.arm, "config": cell.config, "varied": varied, "runs": runs}


def make_plan(params: Params) -> Plan:
    """Work out cells and runs.

    Raises:
        UserError: A grid names an arm or a setting that does not exist or cannot be drawn, the focus is not a cell,
            or the data are not what the settings say.
    """
    source = make_source(params.dataset)
    encoder = make_encoder(params.encoder) if params.encoder.used else None
    data = source.digest if encoder is None else features_digest(source, encoder)
    cells = Cells(Problem(params, data, classes_of(params.dataset), image_values_of(params.dataset)), {})
    grids = {name: cells.grid(name, rows) for name, rows in params.study.grids.items()}
    configs = {name: cell.config for name, cell in cells.made.items()}
    rows = {name: [asdict(row) for row in made] for name, made in grids.items()}
    for name, kind in chosen_kinds(params.study.figures, rows, configs).items():
        check_drawing(name, kind, rows[name], configs)
    for name in params.study.figures:
        check_choice(name, grids, "a name in study.figures", "a grid of this study")
    check_choice(params.focus, cells.made, "focus", "a cell of this study")
    plan = Plan(params, source, encoder, cells.problem, cells.made, grids)
    check_sizes(plan)
    return plan


def check_sizes(plan: Plan) -> None:
    """Refuse what jobs would find out late, where the data tell it already: those of a user's file, and prepared ones.

    Raises:
        UserError: A batch is larger than what it is drawn from, or an encoder is to see what are no colour images.
    """
    source, encoder = plan.source, plan.encoder
    if encoder is not None:
        check_colours(source.settings, source.prepared, "dataset.source")
    samples = training_samples_of(source.settings, source.prepared, "dataset.source")
    if samples is not None and len(samples) == plan.problem.classes:
        for run in plan.runs:
            check_batch(run, samples)
    if encoder is not None and encoder.images is not None and encoder.settings.pretraining is not None:
        images = training_samples_of(encoder.images.settings, encoder.images.prepared, f"{IMAGES}.source")
        batch = encoder.settings.pretraining.batch
        if images is not None and batch > sum(images):
            raise UserError(
                f"encoder.pretraining.batch is {batch}, but there are only {sum(images)} training images: choose "
                f"a batch of at most {sum(images)}"
            )
