"""Run directories: what a finished run leaves behind.

Seconds and hardware lie apart, in results/timings/: they differ every time, and no other output may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, link, read_json
from exaggerated_replay.places import RECORD, TRACES, WEIGHTS

FINISHED = "finished"
FILES = (WEIGHTS, TRACES, RECORD)  # in the order in which they are put in place: the record vouches for the others


@dataclass(frozen=True)
class Record:
    """What a run says of itself.

    Attributes:
        written: All of it, as its file holds it.
        settings: All that decided the run, as it stood in its plan.
        tasks: The original classes of each task, in order of being seen.
        counts: `correct` (tasks x classes), `tested` and `predicted` (classes), labels in order of being seen; None
            where the run diverged.
        diverged: In which task, at which iteration and in which term of the loss; None where the run reached its end.
        device: The class of device that it was computed on.
        torch: The version of torch.
        problem: What it learned: inputs, classes, and whether all inputs lie in [0, 1] (`bounded`).
        instruments: What it noted while it learned, by name.
        digests: SHA-256 of its files, by their names, and of its data.
        is_sealed: Whether it says what it said when its run ended.
    """

    written: Mapping[str, Any]
    settings: Mapping[str, Any]
    tasks: list[list[int]]
    counts: Mapping[str, Any] | None
    diverged: Mapping[str, Any] | None
    device: str
    torch: str
    problem: Mapping[str, Any]
    instruments: Mapping[str, Any]
    digests: Mapping[str, str]
    is_sealed: bool

    @classmethod
    def of(cls, values: Any) -> Self:
        """Read a record from its JSON, sealed or not.

        Raises:
            UserError: It is none, or lacks a part.
        """
        try:
            environment, problem, diverged = values["environment"], values["problem"], values["diverged"]
            whole = {*problem} >= {"inputs", "classes", "bounded"} and (values["counts"] is None) != (diverged is None)
            whole &= all(isinstance(environment[name], str) for name in ("device", "torch"))
            if not whole or (diverged and {*diverged} != {"task", "iteration", "term", "loss"}):
                raise ValueError("it lacks a part")
            return cls(
                written=values,
                settings=values["settings"],
                tasks=[[*classes] for classes in values["settings"]["tasks"]],
                counts=values["counts"],
                diverged=diverged,
                device=environment["device"],
                torch=environment["torch"],
                problem=problem,
                instruments={**values["instruments"]},
                digests={**values["sha256"]},
                is_sealed=sealed(values) == values,
            )
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise UserError(f"it is not a complete record of a run ({error})") from error

    @property
    def task_sizes(self) -> list[int]:
        """How many classes each task brought."""
        return [len(classes) for classes in self.tasks]

    @property
    def scored(self) -> tuple[Mapping[str, Any], list[int]]:
        """What its scores are made of: its counts, and how many classes each task brought.

        Raises:
            ValueError: The run diverged and has none.
        """
        if self.counts is None:
            raise ValueError(self.status)
        return self.counts, self.task_sizes

    @property
    def status(self) -> str:
        """What became of the run: "finished", or "diverged in task 3"."""
        return f"diverged in task {self.diverged['task']}" if self.diverged else FINISHED


def read_record(path: Path) -> Record:
    """Read a record that is as its run wrote it.

    Raises:
        UserError: It is missing, is none, or was changed after its run.
    """
    values = read_json(path)
    try:
        record = Record.of(values)
    except UserError:
        record = None
    if record is None or not record.is_sealed:
        raise UserError(f"{path} is not as its run wrote it: bring it back with git or dvc, or run the workflow again")
    return record


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a digest of all else that it says, so that a digit changed later shows."""
    rest = {**record, "sha256": {name: digest for name, digest in record["sha256"].items() if name != RECORD}}
    return {**rest, "sha256": {**rest["sha256"], RECORD: digest_of(rest)}}


def is_complete(directory: Path) -> bool:
    """Tell whether a run directory holds a finished run: a sealed record, and the very weights and traces it names."""
    try:
        digests = read_record(directory / RECORD).digests
        named = {WEIGHTS, *(name for name in FILES if name in digests and name != RECORD)}
        return all(file_digest(directory / name) == digests.get(name) for name in named)
    except (UserError, FileNotFoundError):
        return False


def put_run(directory: Path, target: Path) -> None:
    """Put the files of a run into another folder, the record last, without taking room twice where that can be."""
    for name in FILES:
        if (directory / name).is_file() and not is_the_same(directory / name, target / name):
            link(directory / name, target / name)


def is_the_same(path: Path, other: Path) -> bool:
    """Tell whether two names are of one file, which is there."""
    try:
        return path.samefile(other)
    except OSError:
        return False
