"""Which data, and how their classes are divided into tasks."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from exaggerated_replay.settings.base import MOST, Count, Number, OpenShare, Positive, Settings, Within, require

Byte = Annotated[int, Within(ge=1, le=255)]
Class = Annotated[int, Within(ge=0, le=MOST)]
READERS = Path(__file__).parents[1] / "data" / "readers"


def reader_names() -> list[str]:
    """Return the names of all formats of raw files that can be read, sorted: one module of data/readers/ each."""
    return sorted(path.stem for path in READERS.glob("*.py") if not path.stem.startswith("_"))


@dataclass(frozen=True, kw_only=True)
class SourceSettings(Settings):
    """Which data, and where their files come from."""

    name: str  # as it stands in paths and tables: letters, digits, dashes, underscores
    reader: str  # format of the raw files: a module of data/readers/
    source: str | None = None  # the user's npz file; or a folder or URL that holds the raw files
    title: str | None = None  # as tables and figures call the data; null: by their name
    content: str | None = None  # digest of the samples that they must hold, which identifies them; null: any
    files: dict[str, str] = field(default_factory=dict)  # raw file -> checksum
    mirrors: list[str] = field(default_factory=list)  # folders that hold them: URLs, or package:NAME/FOLDER
    mean: list[Number] | None = None  # mean of each channel as a fraction of 255, for the encoder
    std: list[Number] | None = None  # standard deviation of each channel, likewise
    validation: OpenShare | None = None  # share of each class's training samples that takes the test set's place
    white: Byte | None = None  # the largest value of a pixel in the user's npz file; null: 255
    deviation: Positive | None = None  # of all values of the training features; null: as they come

    def __post_init__(self) -> None:
        require(
            re.fullmatch(r"[A-Za-z0-9][\w-]{0,63}", self.name, re.ASCII) is not None,
            f"name is {self.name!r}: use letters, digits, dashes and underscores only",
        )
        require(
            self.reader in reader_names(),
            f"reader is {self.reader!r}, which is not a format that can be read: "
            f"choose one of {', '.join(reader_names())}",
        )
        require(
            bool(self.files) or self.own_file is not None,
            "source is missing: name a file with x_train, y_train, x_test and y_test, "
            "for example dataset.source=mydata.npz",
        )
        for file in self.files:
            require(
                re.fullmatch(r"[A-Za-z0-9][\w.-]*", file, re.ASCII) is not None,
                f"files: {file!r} is not the plain name of a file",
            )
        require(
            self.content is None or re.fullmatch(r"[0-9a-f]{64}", self.content) is not None,
            f"content is {self.content!r}, which is not a SHA-256: give its 64 digits in small letters, or null",
        )
        for key in ("white", "deviation"):
            value, own = getattr(self, key), self.own_file is not None and self.own_reader == "npz"
            require(
                value is None or own,
                f"{key} is {value}, but it applies only to an npz file of your own: set it to null",
            )
        require((self.mean is None) == (self.std is None), "give both mean and std, or neither")
        if self.mean is not None and self.std is not None:
            require(len(self.mean) == len(self.std) == 3, "mean and std need one number for each of three channels")
            require(min(self.std) > 0, "std must be positive")

    @property
    def own_file(self) -> str | None:
        """The user's file that takes the place of the raw files, if there is one: npz, or an archive like theirs.

        An archive is taken whatever its checksum where `content` says what must be in it.
        """
        if not self.source or "://" in self.source:
            return None
        archive = self.content is not None and len(self.files) == 1 and Path(self.source).is_file()
        return self.source if archive or self.own_reader == "npz" else None

    @property
    def own_reader(self) -> str:
        """The format of the user's file."""
        return "npz" if (self.source or "").endswith(".npz") else self.reader


@dataclass(frozen=True, kw_only=True)
class DatasetSettings(SourceSettings):
    """Which data, and how they are divided into tasks."""

    tasks: Count | list[Count] | str  # a number of equal tasks, the sizes of tasks, or a file of lists of classes
    class_order: list[Class] | Literal["together", "apart"] | None = None  # null: drawn from the seed
    superclasses: list[list[Class]] | None = None  # which classes belong together, for `together` and `apart`
    classes: Count | None = None  # their number; null: as many as the user's file has
    class_names: list[str] | None = None  # as pages call the classes, in the order of their numbers; null: by number
    image_values: Count | None = None  # of the image that an input stands for; null: the input's own number
    watch: str | None = None  # a file whose content DVC looks at before it skips a stage; it decides nothing

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.tasks, str):
            require(self.class_order is None, "tasks is a file, which gives the order of classes: set class_order=null")
        if isinstance(self.class_order, str):
            require(
                bool(self.superclasses),
                f"class_order is {self.class_order}, which needs superclasses, a list of lists of classes",
            )
        self.check_class_names(self.classes)
        for key in ("classes", "image_values"):
            require(
                getattr(self, key) is not None or self.own_file is not None,
                f"{key} is missing: it can be left out only for a file of your own",
            )

    def check_class_names(self, classes: int | None) -> None:
        """Check the names of classes, of which there are so many, as far as that is known.

        Raises:
            ValueError: A name is no printable text, stands twice, or there are too few or too many.
        """
        if self.class_names is None:
            return
        for name in self.class_names:
            require(name.isprintable() and bool(name.strip()), f"class_names has {name!r}: use printable characters")
            require(self.class_names.count(name) == 1, f"class_names has {name!r} twice: give each class its own")
        told = f"class_names has {len(self.class_names)} names, but there are {classes} classes"
        require(classes in (None, len(self.class_names)), f"{told}: name each of them, or set it to null")
