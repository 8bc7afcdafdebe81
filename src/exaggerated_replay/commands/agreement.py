"""How well a study agrees with the same study built again: to the byte, within a tolerance, or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exaggerated_replay.analysis.study.outputs import README, git_files
from exaggerated_replay.analysis.study.scores import METRICS, scores
from exaggerated_replay.files import digest_of
from exaggerated_replay.places import PLAN, PROVENANCE, RECORDS
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.store.records import Record

ROUNDING = 1.0
"""Percentage points by which another processor, which adds in another order, may change an accuracy."""
INPUTS = (PARAMS.name, PLAN, PROVENANCE, RECORDS, README)
"""What was asked for, where and when it was made, and the page that tells it; records are compared run by run."""
NUMBERS = (".csv", ".json")  # files that hold numbers; all others show them


@dataclass
class Agreement:
    """What was compared, and how far it agrees.

    Attributes:
        commit: That was built anew.
        tolerance: Percentage points that accuracies may lie apart on another processor.
        modified: Source files that were not as that commit has them when the study was made.
        same: Records and files that are the same to the byte.
        near: Records that differ within the tolerance, with the largest difference of an accuracy.
        far: What differs by more, and how.
        shown: Files with other bytes that decide nothing: they follow from records that differ, or are pictures.
    """

    commit: str
    tolerance: float
    modified: Sequence[str] = ()
    same: list[str] = field(default_factory=list)
    near: dict[str, float] = field(default_factory=dict)
    far: dict[str, str] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Return what to tell the user, a line for each kind of agreement."""
        lines = [f"Commit {self.commit[:10]}, built anew."]
        if self.modified:
            changed = ", ".join(self.modified)
            lines.append(f"The study was made with changes that no commit has, and that are not built: in {changed}.")
        lines.append(f"The same to the byte: {len(self.same)} records and files.")
        if self.near:
            worst = max(self.near, key=lambda run: self.near[run])
            lines.append(
                f"Within {self.tolerance:g} percentage points, as on another processor: {len(self.near)} records "
                f"(at most {self.near[worst]:.2f}, in {worst})."
            )
        if self.shown:
            lines.append(f"With other bytes, which decide nothing: {', '.join(self.shown)}.")
        lines += [f"Differs: {name} {how}." for name, how in self.far.items()]
        return "\n".join(lines)


def compare_record(found: Agreement, run: str, old: Record, new: Record) -> None:
    """Compare two records of a run. They name checkpoint, traces and data by digest, so that these agree as well."""
    if digest_of(old.written) == digest_of(new.written):
        found.same.append(run)
    elif old.settings != new.settings or old.problem != new.problem:
        found.far[run] = "learned something else"
    elif not (old.counts and new.counts):
        found.far[run] = f"diverged: {old.diverged} there, {new.diverged} anew"
    else:
        _compare_accuracies(found, run, old, new)


def _compare_accuracies(found: Agreement, run: str, old: Record, new: Record) -> None:
    first, second = (scores(*record.scored) for record in (old, new))
    apart = {name: abs(first[name] - second[name]) for name in METRICS}
    worst = max(apart, key=lambda name: apart[name])
    if apart[worst] <= found.tolerance:
        found.near[run] = apart[worst]
        return
    made, anew = (f"{record.device}, torch {record.torch}" for record in (old, new))
    found.far[run] = f"has {worst} {first[worst]:.2f} % there ({made}) and {second[worst]:.2f} % anew ({anew})"


def compare_folders(found: Agreement, plan: StudyPlan, old: Path, new: Path) -> None:
    """Compare what Git keeps in a study's two folders, after the records that all of it follows from."""
    records_differ = bool(found.near or found.far)
    for name in sorted(name for name in {*git_files(plan)} - {*INPUTS} if (old / name).is_file()):
        if not (new / name).is_file():
            found.far[name] = "is not made any more"
        elif (old / name).read_bytes() == (new / name).read_bytes():
            found.same.append(name)
        elif records_differ or Path(name).suffix not in NUMBERS:
            found.shown.append(name)
        else:
            found.far[name] = "has other numbers, although all records are the same"
