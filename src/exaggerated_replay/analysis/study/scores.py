"""Scores of finished runs, from the counts in their records: definitions live here, not in the training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PERCENT = 100
PLACES = 2  # decimals of an accuracy in percent, in every file
METRICS = ("first20", "first50", "overall")
"""The columns of Table 1; `words` says how each is called."""
ONE_IN = {"first20": 5, "first50": 2, "overall": 1}
"""Of how many classes, in the order in which they are seen, the first is among those that a metric is about."""
SUMMARY = (
    *METRICS,
    *("macro_precision", "forgetting", "average_incremental", "backward_transfer", "new_tasks"),
)
"""What a run is summed up by, beside its accuracy on every task."""


def scores(counts: Mapping[str, Any], sizes: Sequence[int]) -> dict[str, float]:
    """Score one run by its counts, all in percent of the test samples.

    Args:
        counts: `correct` (tasks x classes), `tested` (classes) and `predicted` (classes) of a record;
            labels are in order of being seen.
        sizes: How many classes each task brought.

    Returns:
        overall, first50, first20: accuracy (the paper's "precision") of the final model on all classes, on
        labels < C/2 and on labels < C/5, whatever the tasks. macro_precision: mean over classes of the share of
        right ones among the samples assigned to the class (0 where none was). forgetting: mean over all tasks but
        the last of the best accuracy it had before the last task minus its final accuracy, below zero where that is
        better still (Chaudhry et al., 2018, Eq. 3). average_incremental: mean over t of the
        accuracy on the classes seen after task t (Rebuffi et al., 2017). backward_transfer: mean over all tasks but
        the last of the final accuracy minus that after the task itself (Lopez-Paz & Ranzato, 2017, Eq. 3). new_tasks:
        mean over all tasks of the accuracy right after each was learned (Riemer et al., 2019). task1 ... taskT: final
        accuracies.
    """
    tested = np.array(counts["tested"])
    final = np.array(counts["correct"][-1])
    classes = len(tested)
    label = np.arange(classes)
    by_task = accuracy_matrix(counts, sizes)
    precision = final / np.maximum(counts["predicted"], 1)
    drops = np.nanmax(by_task[:-1, :-1], axis=0, initial=-np.inf) - by_task[-1, :-1]
    transferred = by_task[-1] - by_task.diagonal()
    return {
        **{metric: accuracy(final, tested, label < classes / part) for metric, part in ONE_IN.items()},
        "macro_precision": PERCENT * precision.mean(),
        "forgetting": drops.mean() if len(sizes) > 1 else 0.0,
        "average_incremental": np.mean(so_far(counts, sizes)),
        "backward_transfer": transferred[:-1].mean() if len(sizes) > 1 else 0.0,
        "new_tasks": by_task.diagonal().mean(),
        **{f"task{t}": value for t, value in enumerate(by_task[-1], start=1)},
    }


def blank_scores(sizes: Sequence[int]) -> dict[str, float]:
    """Return the scores of a run that has none, under the names that `scores` gives."""
    return dict.fromkeys([*SUMMARY, *(f"task{t}" for t in range(1, len(sizes) + 1))], math.nan)


def accuracy(correct: np.ndarray, tested: np.ndarray, which: np.ndarray) -> float:
    """Return the accuracy in percent over the classes that `which` (classes,) selects."""
    return PERCENT * correct[which].sum() / tested[which].sum()


def accuracy_matrix(counts: Mapping[str, Any], sizes: Sequence[int]) -> np.ndarray:
    """Return accuracy in percent on task j's test samples after task i, (tasks, tasks); nan for j > i."""
    correct = by_task(np.array(counts["correct"]), sizes)
    tested = by_task(np.array(counts["tested"]), sizes)
    return np.where(np.tri(len(sizes), dtype=bool), PERCENT * correct / tested, np.nan)


def so_far(counts: Mapping[str, Any], sizes: Sequence[int]) -> np.ndarray:
    """Return accuracy in percent on the classes seen so far after each task, (tasks,)."""
    right = by_task(np.array(counts["correct"]), sizes).sum(axis=1)  # of classes to come, none is right
    return np.asarray(PERCENT * right / np.cumsum(by_task(np.array(counts["tested"]), sizes)))


def by_task(values: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Sum what is counted by class, (..., classes), over the classes of each task: (..., tasks)."""
    return np.add.reduceat(values, np.cumsum([0, *sizes[:-1]]), axis=-1)


def instruments(noted: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    """Sum up what a run noted while it learned (`instruments` of a record); None where it noted no such thing.

    Returns:
        reconstruction: D(x, x') in the last task, the mean of current and replayed batches.
        dropped: of the replayed samples that have a competing class, the percentage left out of repulsion, because
        no sample of their batch carries the competitor's label; over all tasks.
    """
    competing, repelled = (sum(noted.get(name, [])) for name in ("competing", "repelled"))
    return {
        "reconstruction": noted["reconstruction"][-1] if noted.get("reconstruction") else None,
        "dropped": PERCENT * (1 - repelled / competing) if competing and "repelled" in noted else None,
    }


def images(tested: Sequence[int], metric: str) -> int:
    """Return how many test samples a metric is about, from their number in each class, in the order of being seen."""
    return sum(tested[: math.ceil(len(tested) / ONE_IN[metric])])


def finished(runs: "pd.DataFrame") -> "pd.Series":
    """Say for each run whether it reached its end: a run that diverged has no accuracies."""
    return runs[[metric for metric in METRICS if metric in runs]].notna().all(axis="columns")
