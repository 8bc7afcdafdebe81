"""What is compared, and where it is computed: the rest of params.yaml."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from exaggerated_replay.places import RESERVED
from exaggerated_replay.settings.arms import Arm
from exaggerated_replay.settings.base import Count, NonNegative, Positive, Seed, Settings, Within, require
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.settings.reading import ReadingPreset
from exaggerated_replay.settings.rules import RulesSettings
from exaggerated_replay.settings.run import ModelSettings, Precision, TrainingSettings

MOST_SEEDS = 10_000
Seeds = Annotated[int, Within(ge=1, le=MOST_SEEDS)] | list[Seed] | str


@dataclass(frozen=True, kw_only=True)
class Choice(Settings):
    """The option of a group of conf/ that other settings were composed from; it decides nothing by itself."""

    name: str  # of the option
    suffix: str = ""  # of the names of studies of this size


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(Settings):
    """Where and how to compute. Threads and precision change how sums round, so they belong to a run's identity."""

    name: str  # of the option
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: a GPU where there is one
    threads: Count = 1  # of each training job on the CPU
    precision: Precision = "fp32"  # of matrix products; tf32 changes nothing on a CPU
    runs_per_job: Count = 25  # trained one after the other by one job
    slots_per_gpu: Count = 1  # training jobs that may share one GPU
    save_minutes: Positive = 10.0  # how often a run saves where it stands


@dataclass(frozen=True, kw_only=True)
class StudyOutline(Settings):
    """What a study is called and compares, but for its grids."""

    name: str  # also that of its folder in results/
    dataset: str | None = None  # the data set that its sizes are made for; null: any
    baseline: str  # arm that others are compared with
    treatment: str  # arm that figures show beside it
    seeds: Seeds  # a count, a list, or a range "100-119"
    acting: dict[str, NonNegative]  # the weights at which the losses do something, for grids to name
    published_strength: NonNegative  # of synaptic intelligence beside replay, for grids to name
    lengths: list[Count]  # iterations per task that the study of convergence compares
    figures: dict[str, str] = field(default_factory=dict)  # grid -> what it is asked, where that is not plain

    def __post_init__(self) -> None:
        plain = re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", self.name, re.ASCII) is not None
        require(plain, f"name is {self.name!r}: use letters, digits, dots, dashes and underscores only")
        require(self.name not in RESERVED, f"name is {self.name!r}, which is taken: choose another word")
        seeds = self.seed_list
        require(bool(seeds), "seeds is empty: name at least one")
        require(len(set(seeds)) == len(seeds), f"seeds is {self.seeds!r}, which names a seed twice")

    @property
    def seed_list(self) -> list[int]:
        """The seeds, one by one.

        Raises:
            ValueError: The text is not a range of seeds.
        """
        if isinstance(self.seeds, int):
            return list(range(self.seeds))
        if isinstance(self.seeds, list):
            return self.seeds
        ends = re.fullmatch(r"(\d{1,9})-(\d{1,9})", self.seeds)
        if ends is None:
            raise ValueError(f"seeds is {self.seeds!r}, but must be a number, a list, or a range such as 100-119")
        first, last = int(ends[1]), int(ends[2])
        fits = first <= last < first + MOST_SEEDS
        require(fits, f"seeds is {self.seeds!r}, which is not a range of 1 to {MOST_SEEDS} seeds")
        return list(range(first, last + 1))


@dataclass(frozen=True, kw_only=True)
class StudySettings(StudyOutline):
    """What to compare: grids of cells, each cell trained once per seed."""

    grids: dict[str, list[dict[str, Any]]]  # grid -> its rows: arms, and lists of settings to combine

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.grids), "grids is empty: name at least one grid of cells")


@dataclass(frozen=True, kw_only=True)
class Params(Settings):
    """All of params.yaml."""

    dataset: DatasetSettings
    encoder: EncoderSettings
    model: ModelSettings
    training: TrainingSettings
    compute: ComputeSettings
    reading: ReadingPreset
    methods: dict[str, str] = field(default_factory=dict)  # name of a method of the user's own -> its file
    arms: dict[str, Arm]  # name -> a method with its settings, and what it is called
    study: StudySettings
    rules: RulesSettings = field(default_factory=RulesSettings)
    hyper: Choice  # where strengths and lengths come from
    size: Choice  # where sizes come from
    focus: str  # the cell whose figures results/focus.json carries
    composed_with: list[str] | None = None  # what `compose` was given beside conf/; it decides nothing

    def __post_init__(self) -> None:
        require(
            not self.encoder.used or self.dataset.mean is not None,
            "dataset.mean and dataset.std are missing: the encoder needs images of known mean and deviation",
        )
        made_for, suffix = self.study.dataset, self.size.suffix
        sized = suffix and self.study.name.endswith(suffix)  # and no study that chooses its size by itself
        who = f"size={self.size.name}" if sized else f"study={self.study.name}"
        require(
            made_for in (None, self.dataset.name),
            f"{who} has sizes for {made_for}, and dataset.name is {self.dataset.name}: "
            f"compose with dataset={made_for}, leave out {who}, or set study.dataset=null",
        )
