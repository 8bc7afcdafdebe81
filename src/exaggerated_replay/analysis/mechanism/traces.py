"""What runs kept at task ends, read and put into full matrices; `training/observation/observer.py` names the arrays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RECORD, TRACES
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.store.records import read_record


@dataclass(frozen=True)
class TracedRun:
    """A run with its arrays.

    Attributes:
        settings: All that decided it.
        device: The class of device that it was computed on.
        arrays: By name.
    """

    settings: RunSettings
    device: str
    arrays: Mapping[str, np.ndarray]

    @property
    def task_of(self) -> np.ndarray:
        """The task, from 1, that brought each label, (C,)."""
        sizes = self.settings.task_sizes
        return np.repeat(np.arange(1, len(sizes) + 1), sizes)

    def seen_after(self, task: int) -> int:
        """Return how many classes were seen after a task."""
        return sum(self.settings.task_sizes[:task])

    def distances(self, space: str, task: int) -> np.ndarray | None:
        """Return distances of all pairs of classes seen after a task, (S (S - 1) / 2,); None where it has none."""
        if space == "inputs":  # kept once, of all classes
            found = self.arrays.get("distance.inputs")
            seen = self.seen_after(task)
            return None if found is None else square(found, len(self.settings.class_order))[np.triu_indices(seen, 1)]
        found = self.arrays.get(f"distance.{space}.{task}")
        return None if found is None else found.astype(float)

    def competing(self, task: int) -> np.ndarray | None:
        """Say which pairs of classes seen after a task compete, in either direction, (S (S - 1) / 2,) boolean."""
        counts = self.arrays.get(f"competition.{task}")
        return None if counts is None else ((counts > 0) | (counts.T > 0))[np.triu_indices(len(counts), 1)]

    def gram(self, task: int) -> np.ndarray | None:
        """Return the inner products of the hidden layer after a task, (N, N) and centred."""
        found = self.arrays.get(f"gram.{task}")
        if found is None:
            return None
        size = round((np.sqrt(8 * len(found) + 1) - 1) / 2)
        return square(found, size, diagonal=True)


Traces = Mapping[str, Mapping[int, TracedRun]]
"""Cell -> seed -> run."""


def square(upper: np.ndarray, size: int, *, diagonal: bool = False) -> np.ndarray:
    """Put the upper triangle of a symmetric matrix, row by row, into the whole: (n,) -> (size, size)."""
    whole = np.zeros((size, size))
    whole[np.triu_indices(size, 0 if diagonal else 1)] = upper
    return np.triu(whole) + np.triu(whole, 1).T


def read_traces(plan: StudyPlan, runs: Path) -> dict[str, dict[int, TracedRun]]:
    """Read the traces of a study, as far as there are any.

    Args:
        plan: Which runs each cell has.
        runs: The folder of run directories.

    Returns:
        Cell -> seed -> run. Runs that diverged or left no traces are left out, and cells without any other run.

    Raises:
        UserError: A file is damaged.
    """
    read: dict[str, TracedRun | None] = {}
    found = {}
    for name, cell in plan.cells.items():
        of_cell = {}
        for run in cell.runs:
            if run.name not in read:  # cells of equal settings share their runs
                read[run.name] = read_run(runs / run.name, run.settings)
            if traced := read[run.name]:
                of_cell[run.seed] = traced
        if of_cell:
            found[name] = of_cell
    return found


def read_run(directory: Path, settings: RunSettings) -> TracedRun | None:
    """Read one run; None where it kept nothing, or diverged.

    Raises:
        UserError: One of its files is missing or damaged.
    """
    if not (directory / TRACES).is_file():
        return None
    record = read_record(directory / RECORD)
    if record.diverged:
        return None
    try:
        arrays = load_file(directory / TRACES)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{directory / TRACES} is damaged: delete {directory} and run the workflow again") from error
    return TracedRun(settings, record.device, arrays)


def pairs(traces: Traces, baselines: Mapping[str, str]) -> Iterator[tuple[str, TracedRun, TracedRun | None]]:
    """Yield (cell, its run, its baseline's run of the same seed), with None for a cell that has no baseline.

    A run whose partner left no traces is left out, and so is one whose partner was computed on another class of
    device: these two share their seed in name only. A partner that learned other tasks counts as none, because
    what was kept after a task is not of the same classes.
    """
    for cell, of_cell in traces.items():
        for seed, run in of_cell.items():
            if cell not in baselines:
                yield cell, run, None
            elif (base := traces.get(baselines[cell], {}).get(seed)) and base.device == run.device:
                yield cell, run, base if base.settings.tasks == run.settings.tasks else None
