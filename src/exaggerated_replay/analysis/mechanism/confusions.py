"""Which classes the final model takes for which others, and how that differs from the baseline."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.mechanism.traces import TracedRun, Traces, pairs
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.scores import PERCENT

TOP = 10  # confusions listed on either side


def confusions(traces: Traces, baselines: Mapping[str, str]) -> pd.DataFrame:
    """List which confusions of two classes appear and vanish most against the baseline.

    Returns:
        cell, true_class and assigned_class (original classes), seeds, baseline_percent and percent (of the test
        samples of the true class), difference, low, high; per cell up to TOP largest gains and as many losses.
    """
    of_cell: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for cell, run, base in pairs(traces, baselines):
        if base:
            of_cell.setdefault(cell, []).append((shares(run), shares(base)))
    rows = []
    for cell, found in of_cell.items():
        percent, before = (np.stack(matrices) for matrices in zip(*found, strict=True))  # (seeds, C, C) each
        change = percent - before
        mean = np.where(np.eye(change.shape[1], dtype=bool), 0, change.mean(0))
        order = np.argsort(-mean, axis=None, kind="stable")
        for place in [*order[:TOP], *order[max(TOP, len(order) - TOP) :]]:
            true, assigned = np.unravel_index(place, mean.shape)
            if mean[true, assigned] == 0:
                continue
            interval = estimate(change[:, true, assigned])
            rows.append(
                {
                    "cell": cell,
                    "true_class": int(true),
                    "assigned_class": int(assigned),
                    "seeds": interval.n,
                    "baseline_percent": before[:, true, assigned].mean(),
                    "percent": percent[:, true, assigned].mean(),
                    "difference": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                }
            )
    return pd.DataFrame(rows)


def shares(run: TracedRun) -> np.ndarray:
    """Return the confusion matrix by original classes, rows in percent of the test samples: (C, C)."""
    labels = np.argsort(run.settings.class_order)
    counts = run.arrays["confusion"][np.ix_(labels, labels)].astype(float)
    return PERCENT * counts / np.maximum(counts.sum(1, keepdims=True), 1)
