"""Which data, and how their classes are divided into tasks."""

from dataclasses import dataclass, field
from typing import Literal

from exaggerated_replay.settings.base import Count, OpenShare, Settings, require


@dataclass(frozen=True, kw_only=True)
class SourceSettings(Settings):
    """Which data, and where their files come from."""

    name: Literal["digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "npz"]
    source: str | None = None  # the user's npz file; or a folder or URL that holds the raw files
    files: dict[str, str] = field(default_factory=dict)  # raw file -> checksum, for the named sets
    mean: list[float] | None = None  # of each channel as a fraction of 255, for the encoder
    std: list[float] | None = None
    validation: OpenShare | None = None  # share of each class's training samples that takes the test set's place

    def __post_init__(self) -> None:
        if self.name == "npz":
            require(
                bool(self.source),
                "source is missing: name a file with x_train, y_train, x_test and y_test, "
                "for example dataset.source=mydata.npz",
            )
        require((self.mean is None) == (self.std is None), "give both mean and std, or neither")
        if self.mean is not None and self.std is not None:
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
    classes: Count | None = None  # null: as many as the data have
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
