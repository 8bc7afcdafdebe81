"""What is compared, and where it is computed: the rest of params.yaml."""

from dataclasses import dataclass, field
from typing import Any, Literal

from exaggerated_replay.settings.base import Count, Positive, Settings, require
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.settings.reading import ReadingPreset
from exaggerated_replay.settings.rules import RulesSettings
from exaggerated_replay.settings.run import MethodSettings, ModelSettings, TrainingSettings


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(Settings):
    """Where and how to compute. Threads and precision decide sums; they are part of a run's identity."""

    name: str
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count = 1  # of each training job on the CPU
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"  # of matrix products; tf32 differs from fp32 on a GPU only
    runs_per_job: Count = 25  # trained one after the other by one job
    slots_per_gpu: Count = 1  # training jobs that may share one GPU
    save_minutes: Positive = 10.0  # how often a run saves where it stands


GridFigure = Literal["comparison", "convergence", "dose", "frontier", "specification", "scale"]


@dataclass(frozen=True, kw_only=True)
class StudySettings(Settings):
    """What to compare: grids of cells, each cell trained once per seed."""

    name: str
    baseline: str  # arm that others are compared with
    treatment: str  # arm that figures show beside it
    seeds: int  # runs 0 ... seeds - 1
    grids: dict[str, list[dict[str, list[Any]]]]
    lengths: list[Count]  # iterations per task that the study of convergence compares
    figures: dict[str, GridFigure] = field(default_factory=dict)  # grid -> how it is drawn, where that is not plain

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds must be between 1 and 1000")
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
    arms: dict[str, MethodSettings]
    study: StudySettings
    rules: RulesSettings = field(default_factory=RulesSettings)
    focus: str  # the cell whose figures results/focus.json carries

    def __post_init__(self) -> None:
        require(
            not self.encoder.used or self.dataset.mean is not None,
            "dataset.mean and dataset.std are missing: the encoder needs images of known mean and deviation",
        )
