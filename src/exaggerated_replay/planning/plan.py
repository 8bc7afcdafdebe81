"""From params.yaml to all that is to be done: which cells a study has, which runs a cell has, where they lie.

No torch, so that the workflow parses in no time. A run's directory ends in a digest of everything that
decides its result; what an arm is called, where data lie and how many jobs run at once decide nothing.
"""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from exaggerated_replay.data.facts import check_colours, classes_of, image_values_of, training_samples_of
from exaggerated_replay.data.splits import split_path
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import DIGITS, METHODS
from exaggerated_replay.planning.cells import Cells
from exaggerated_replay.planning.checking import check_choice
from exaggerated_replay.planning.looks import looks_of
from exaggerated_replay.planning.questions import BY_NAME, check_question
from exaggerated_replay.planning.runs import Common, check_batch, packs_of, values_of
from exaggerated_replay.planning.sources import IMAGES, Encoder, Source, features_digest, make_encoder, make_source
from exaggerated_replay.planning.study_plan import EncoderFacts, Run, StudyPlan, study_parts, used_arms, without_path
from exaggerated_replay.settings.data import DatasetSettings, SourceSettings
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.settings.methods import settings_of, use_own
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.study import ComputeSettings, Params

Part = TypeVar("Part")
NO_PLAN = "{path} is not a plan: name the file that the workflow wrote"


@dataclass(frozen=True, kw_only=True)
class Plan(StudyPlan):
    """All that a params.yaml asks for: a study, and what it takes to make it.

    Attributes:
        source: The study's raw files.
        encoder: Turns them into features; None where runs learn from the data as they are.
        compute: Where and how to compute.
        methods: Name of each method of the user's own -> its file.
    """

    source: Source
    encoder: Encoder | None
    compute: ComputeSettings
    methods: Mapping[str, str]

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
        return Path("data/features", f"{self.dataset.name}-{self.data[:DIGITS]}.safetensors")

    @functools.cached_property
    def splits(self) -> dict[Path, Run]:
        """The file of each split: its path -> a run that learns the classes in this order."""
        return {self.split_of(run): run for run in self.runs}

    def split_of(self, run: Run) -> Path:
        """Return the file that says which classes each task of a run brings."""
        return split_path(self.sha256, self.dataset.name, run.seed, run.settings.tasks)

    @functools.cached_property
    def packs(self) -> dict[str, list[Run]]:
        """The jobs, each with the runs that it trains; the same in a plan that was read from its file."""
        seeds = {seed: place for place, seed in enumerate(self.study.seed_list)}
        runs = sorted(self.runs, key=lambda run: (seeds[run.seed], run.name))
        return packs_of(runs, self.compute.runs_per_job)

    def seeds_after(self, runs: list[Run]) -> int:
        """Return how many of the study's seeds come after the first of these runs': the more, the earlier its job.

        Trained seed by seed, a study that is stopped has pairs to compare.
        """
        seeds = self.study.seed_list
        return len(seeds) - 1 - min(seeds.index(run.seed) for run in runs)

    @property
    def replayed(self) -> bool:
        """Whether some method learns from images that it generates itself, and not from an encoder's features."""
        methods = {cell.method["method"] for cell in self.cells.values()}
        return self.encoder is None and any(settings_of(method).generates for method in methods)

    @property
    def places(self) -> dict[str, str | None]:
        """Where the user's own files lie, by the name of what they are: a data set, "encoder", or "methods/NAME"."""
        places = {source.name: source.settings.source for source in self.sources}
        places |= {f"{METHODS}{name}": file for name, file in self.methods.items()}
        return {**places, "encoder": self.encoder.settings.weights} if self.encoder else places

    @property
    def named_files(self) -> set[str]:
        """The user's own files of tasks, of an encoder's weights and of its images, wherever params.yaml names them."""
        named = [cell.setting("dataset.tasks") for cell in self.cells.values()]
        if self.encoder:
            named += [self.encoder.settings.weights, self.encoder.images and self.encoder.images.settings.own_file]
        return {name for name in named if isinstance(name, str)}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as its file holds it, but for `places`, which decide nothing."""
        images = self.encoder.images if self.encoder else None
        return {
            **super().to_dict(),
            "sources": {source.name: source.to_dict() for source in self.sources},
            "images": images and images.name,  # which of them the encoder is trained on
            "compute": asdict(self.compute),
            "runs": {run.name: values_of(run.settings) for run in self.runs},
        }

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a plan that the workflow wrote, or that `exaggerated-replay plan` showed.

        Raises:
            UserError: There is no such file, or it is something else.
        """
        return cls.of(read_json(path), path)

    @classmethod
    def of(cls, values: Any, path: Path) -> Self:
        """Return the plan that a file holds; methods of the user's own are known from then on.

        Args:
            values: What the file says.
            path: The file, for whoever reads what is wrong.

        Raises:
            UserError: It is no plan.
        """
        try:
            places = values.get("places", {})
            own = {name.removeprefix(METHODS): file for name, file in places.items() if name.startswith(METHODS)}
            use_own(own)
            parts = study_parts(values, values["runs"], path)
            sources = {name: _source(name, kept, places) for name, kept in values["sources"].items()}
            source = sources[Source.named(parts["dataset"], parts["sha256"])]
            images = sources[values["images"]] if values["images"] else None
            encoder = parts["encoded_by"] and _encoder(parts["encoded_by"], images, places)
            compute = read_settings(ComputeSettings, values["compute"])
            return cls(**parts, source=source, encoder=encoder, compute=compute, methods=own)
        except (KeyError, TypeError, AttributeError, ValueError, ImportError) as error:
            raise UserError(NO_PLAN.format(path=path)) from error


def compute_of(values: Any, path: Path) -> ComputeSettings:
    """Return where and how the plan in a file is to be computed, without a look at the rest.

    Raises:
        UserError: It is no plan.
    """
    return read_settings(ComputeSettings, _part(values, "compute", dict, path))


def params_of(values: Any, path: Path) -> str:
    """Return the text of the params.yaml that asked for the plan in a file.

    Raises:
        UserError: It is no plan that the workflow wrote.
    """
    return _part(values, "params", str, path)


def _part(values: Any, key: str, kind: type[Part], path: Path) -> Part:
    part = values.get(key) if isinstance(values, dict) else None
    if not isinstance(part, kind):
        raise UserError(NO_PLAN.format(path=path))
    return part


def _source(name: str, kept: Mapping[str, Any], places: Mapping[str, str | None]) -> Source:
    values = {key: value for key, value in kept.items() if key not in ("samples", "sha256", "source_name")}
    kind = DatasetSettings if "tasks" in values else SourceSettings
    place = places.get(name) or kept["source_name"]
    return Source(read_settings(kind, {**values, "source": place}), kept["samples"], kept["sha256"])


def _encoder(facts: EncoderFacts, images: Source | None, places: Mapping[str, str | None]) -> Encoder:
    kept = {key: value for key, value in vars(facts).items() if key != "sha256"}
    settings = EncoderSettings(**kept, images=images.settings if images else None, weights=places.get("encoder"))
    return Encoder(settings, facts.sha256, images)


def make_plan(params: Params) -> Plan:
    """Work out cells and runs.

    Raises:
        UserError: A grid names an arm or a setting that does not exist or cannot be drawn, the focus is not a cell,
            or the data are not what the settings say.
    """
    source = make_source(params.dataset)
    encoder = make_encoder(params.encoder) if params.encoder.used else None
    data = source.digest if encoder is None else features_digest(source, encoder)
    classes, image_values = classes_of(params.dataset), image_values_of(params.dataset)
    try:
        params.dataset.check_class_names(classes)
    except ValueError as error:
        raise UserError(f"params.yaml: dataset.{error}") from None
    cells = Cells(Common(params, data, classes, image_values), {})
    grids = {name: tuple(cells.grid(name, rows)) for name, rows in params.study.grids.items()}
    for name, kind in params.study.figures.items():
        check_choice(name, grids, "a name in study.figures", "a grid of this study")
        check_choice(kind, BY_NAME, f"study.figures.{name}", "a kind of figure")
    named = without_path(params.dataset)["source_name"]
    plan = Plan(
        dataset=replace(params.dataset, source=named, watch=None, classes=classes, image_values=image_values),
        sha256=source.digest,
        data=data,
        encoded_by=encoder.facts if encoder else None,
        model=params.model,
        training=params.training,
        study=params.study,
        rules=params.rules,
        focus=params.focus,
        order=tuple(grids),
        grids=grids,
        cells=cells.made,
        arms=looks_of(params.arms, used_arms(cells.made.values(), params.study)),
        source=source,
        encoder=encoder,
        compute=params.compute,
        methods=params.methods,
    )
    for name in grids:
        check_question(plan, name)
    check_choice(params.focus, cells.made, "focus", "a cell of this study")
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
    if samples is not None and len(samples) == plan.dataset.classes:
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
