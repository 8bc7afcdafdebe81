"""Every setting there is, its type, its bounds and, where it has one, its default.

Plain dataclasses of the standard library: the workflow validates params.yaml against them (`params.py`),
and a training job, which may run on a machine without the workflow's tools, reads its settings into them.
"""

from dataclasses import dataclass, field, is_dataclass
from typing import Any, Literal, get_args, get_type_hints


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


class Settings:
    """What all settings share: a key that does not exist is an error, not a shrug."""

    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # noqa: RUF012 (read by pydantic, which is not imported here)


@dataclass(frozen=True, kw_only=True)
class SourceSettings(Settings):
    """Which data, and where their files come from."""

    name: Literal["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "npz"]
    source: str | None = None  # the user's npz file; or a folder or URL that holds the raw files
    files: dict[str, str] = field(default_factory=dict)  # raw file -> checksum, for the named sets
    mean: list[float] | None = None  # of each channel as a fraction of 255, for the encoder
    std: list[float] | None = None
    validation: float | None = None  # share of each class's training samples that takes the test set's place

    def __post_init__(self) -> None:
        require(self.validation is None or 0 < self.validation < 1, "validation must lie between 0 and 1, or be null")
        if self.name == "npz":
            require(
                bool(self.source),
                "source is missing: name a file with x_train, y_train, x_test and y_test, "
                "for example dataset.source=mydata.npz",
            )
        require((self.mean is None) == (self.std is None), "give both mean and std, or neither")
        if self.std is not None:
            require(len(self.mean) == len(self.std) == 3, "mean and std need one number for each of three channels")
            require(min(self.std) > 0, "std must be positive")

    @property
    def own_file(self) -> str | None:
        """The npz file that takes the place of the raw files, if there is one."""
        return self.source if self.name == "npz" or (self.source or "").endswith(".npz") else None


@dataclass(frozen=True, kw_only=True)
class DatasetSettings(SourceSettings):
    """Which data, and how they are divided into tasks."""

    tasks: int
    classes: int | None = None  # null: as many as the data have
    watch: str | None = None  # a file whose content DVC looks at before it skips a stage; it decides nothing

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.tasks >= 1, "tasks must be at least 1")
        if self.classes is not None:
            require(
                self.tasks <= self.classes,
                f"tasks is {self.tasks} but the data have only {self.classes} classes",
            )
            require(
                self.classes % self.tasks == 0,
                f"{self.classes} classes cannot be divided evenly among tasks = {self.tasks}",
            )


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(Settings):
    """How the convolutional encoder is trained on images, before anything else."""

    epochs: int
    batch: int = 256
    learning_rate: float = 1e-4
    schedule: Literal["constant", "one_cycle"] = "constant"
    units: int = 2000  # of each of the two fully connected layers that are thrown away afterwards
    seed: int = 0
    threads: int = 2  # on the CPU

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "units", "threads"):
            require(getattr(self, name) >= 1, f"{name} must be at least 1")
        require(self.learning_rate > 0, "learning_rate must be positive")


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The convolutional encoder whose frozen features are learned from: a file, one to be trained, or none."""

    name: str
    weights: str | None = None  # a trained encoder
    scale: float = 1.0  # its features are multiplied by this
    images: SourceSettings | None = None  # what to train one on
    pretraining: PretrainingSettings | None = None  # and how

    def __post_init__(self) -> None:
        require(
            (self.images is None) == (self.pretraining is None),
            "images and pretraining belong together: give both to train an encoder, or neither",
        )
        require(
            self.weights is None or self.images is None,
            "weights names a trained encoder, images and pretraining would train one: choose",
        )
        require(self.images is None or self.images.mean is not None, "images.mean and images.std are missing")
        require(self.scale > 0, "scale must be positive")

    @property
    def used(self) -> bool:
        """Whether there is an encoder at all; without one, runs learn from the inputs as they are."""
        return self.weights is not None or self.images is not None


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """Sizes of the networks."""

    units: int  # of each hidden layer
    latent: int  # of z

    def __post_init__(self) -> None:
        require(self.units >= 1, "units must be at least 1")
        require(self.latent >= 1, "latent must be at least 1")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How long and how fast to learn."""

    iterations: int  # optimiser steps per task
    batch: int  # current samples per step
    replay_batch: int  # replayed samples per step
    learning_rate: float
    optimiser_state: Literal["kept", "moments", "reset"] = "kept"  # what Adam keeps when the next task begins

    def __post_init__(self) -> None:
        require(self.iterations >= 1, "iterations must be at least 1")
        require(self.batch >= 1, "batch must be at least 1")
        require(self.replay_batch >= 1, "replay_batch must be at least 1")
        require(self.learning_rate > 0, "learning_rate must be positive")


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(Settings):
    """Where and how to compute. Threads and precision decide sums; they are part of a run's identity."""

    name: str
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1  # of each training job on the CPU
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"  # of matrix products; tf32 differs from fp32 on a GPU only
    runs_per_job: int = 25  # trained one after the other by one job
    slots_per_gpu: int = 1  # training jobs that may share one GPU

    def __post_init__(self) -> None:
        require(self.threads >= 1, "threads must be at least 1")
        require(self.runs_per_job >= 1, "runs_per_job must be at least 1")
        require(self.slots_per_gpu >= 1, "slots_per_gpu must be at least 1")


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(Settings):
    """One reading of the paper where it leaves a choice. The first choice is the default."""

    distance: Literal["model", "squared", "bce"] = "model"
    repulsion: Literal["mean_inverse", "inverse_mean", "negative"] = "mean_inverse"
    reduction: Literal["mean", "sum"] = "mean"
    competitors: Literal["runner_up", "all"] = "runner_up"
    temperature: float = 1.0
    class_means: Literal["batch", "running", "stored"] = "batch"
    attraction: Literal["every", "gated"] = "every"
    confidence: Literal["off", "label", "label_rival", "entropy"] = "off"

    def __post_init__(self) -> None:
        require(self.temperature > 0, "temperature must be positive")


@dataclass(frozen=True, kw_only=True)
class ReadingPreset(ReadingSettings):
    """A reading with a name, which decides nothing."""

    name: str


@dataclass(frozen=True, kw_only=True)
class SISettings(Settings):
    """Synaptic intelligence."""

    strength: float  # c
    damping: float = 0.1

    def __post_init__(self) -> None:
        require(self.strength >= 0, "strength must not be negative")
        require(self.damping > 0, "damping must be positive")


@dataclass(frozen=True, kw_only=True)
class NoneArm(Settings):
    """Plain sequential learning."""

    method: Literal["none"]


@dataclass(frozen=True, kw_only=True)
class JointArm(Settings):
    """Learning from all data so far."""

    method: Literal["joint"]


@dataclass(frozen=True, kw_only=True)
class ERArm(Settings):
    """Experience replay."""

    method: Literal["er"]
    memory_per_class: int = 20

    def __post_init__(self) -> None:
        require(self.memory_per_class >= 1, "memory_per_class must be at least 1")


@dataclass(frozen=True, kw_only=True)
class EWCArm(Settings):
    """Elastic weight consolidation."""

    method: Literal["ewc"]
    strength: float  # lambda
    samples: int = 1000  # single samples of the task that estimate the Fisher information

    def __post_init__(self) -> None:
        require(self.strength >= 0, "strength must not be negative")
        require(self.samples >= 1, "samples must be at least 1")


@dataclass(frozen=True, kw_only=True)
class SIArm(SISettings):
    """Synaptic intelligence alone."""

    method: Literal["si"]


@dataclass(frozen=True, kw_only=True)
class DGRArm(Settings):
    """Deep generative replay."""

    method: Literal["dgr"]


@dataclass(frozen=True, kw_only=True)
class StatisticsSettings(Settings):
    """A classifier made of statistics, without gradient steps."""

    shrinkage: float = 1e-4  # towards the identity, of (co)variances

    def __post_init__(self) -> None:
        require(0 < self.shrinkage <= 1, "shrinkage must be greater than 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class SLDAArm(StatisticsSettings):
    """Streaming linear discriminant analysis."""

    method: Literal["slda"]


@dataclass(frozen=True, kw_only=True)
class GaussiansArm(StatisticsSettings):
    """One Gaussian per class."""

    method: Literal["gaussians"]


@dataclass(frozen=True, kw_only=True)
class GenerativeClassifierArm(Settings):
    """One VAE per class."""

    method: Literal["generative_classifier"]
    units: int  # of each hidden layer of each VAE
    latent: int
    samples: int  # of the importance sampling
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("units", "latent", "samples"):
            require(getattr(self, name) >= 1, f"{name} must be at least 1")
        require(self.learning_rate > 0, "learning_rate must be positive")


@dataclass(frozen=True, kw_only=True)
class BIRArm(Settings):
    """Brain-inspired replay; with `si` the paper's baseline."""

    method: Literal["bir"]
    gate_proportion: float
    temperature: float = 2.0  # of the distillation
    lambda_rec: float = 1.0
    mixture_prior: Literal["largest", "logsumexp"] = "largest"
    si: SISettings | None = None

    def __post_init__(self) -> None:
        require(0 <= self.gate_proportion < 1, "gate_proportion must be at least 0 and less than 1")
        require(self.temperature > 0, "temperature must be positive")
        require(self.lambda_rec >= 0, "lambda_rec must not be negative")


@dataclass(frozen=True, kw_only=True)
class ExaggerationArm(BIRArm):
    """Brain-inspired replay with RR and RA."""

    method: Literal["exaggeration"]
    lambda_rr: float
    lambda_ra: float
    f: float | Literal["none"]
    reading: ReadingSettings | None = None  # filled in from the top-level key `reading`

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.lambda_rr >= 0, "lambda_rr must not be negative")
        require(self.lambda_ra >= 0, "lambda_ra must not be negative")
        require(
            self.f == "none" or self.f >= 1,
            f"f is {self.f}: the repulsion factor must be at least 1, or 'none'",
        )


ArmSettings = (
    NoneArm
    | JointArm
    | ERArm
    | EWCArm
    | SIArm
    | DGRArm
    | SLDAArm
    | GaussiansArm
    | GenerativeClassifierArm
    | BIRArm
    | ExaggerationArm
)


@dataclass(frozen=True, kw_only=True)
class StudySettings(Settings):
    """What to compare: grids of cells, each cell trained once per seed."""

    name: str
    baseline: str  # arm that others are compared with
    treatment: str  # arm that figures show beside it
    seeds: int  # runs 0 ... seeds - 1
    grids: dict[str, list[dict[str, list[Any]]]]
    lengths: list[int]  # iterations per task that the study of convergence compares

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
    arms: dict[str, ArmSettings]
    study: StudySettings
    focus: str  # the cell whose figures results/focus.json carries

    def __post_init__(self) -> None:
        require(
            not self.encoder.used or self.dataset.mean is not None,
            "dataset.mean and dataset.std are missing: the encoder needs images of known mean and deviation",
        )


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """All that decides one run's result, and nothing else: its identity is the digest of this."""

    data: str  # SHA-256 of what the data are made from
    code: str  # digest of the code that the run executes
    tasks: int
    seed: int
    model: ModelSettings
    training: TrainingSettings
    method: ArmSettings
    threads: int
    precision: str


ARMS: dict[str, type] = {get_args(get_type_hints(arm)["method"])[0]: arm for arm in get_args(ArmSettings)}


def read_settings(kind: type, values: dict[str, Any]) -> Any:
    """Build a settings dataclass from nested dictionaries that were validated before."""
    hints = get_type_hints(kind)
    return kind(**{key: _read(hints[key], value) for key, value in values.items()})


def _read(hint: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "method" in value:
        return read_settings(ARMS[value["method"]], value)
    nested = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), None)
    return read_settings(nested, value) if nested else value
