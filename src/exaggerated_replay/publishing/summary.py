"""Figures per cell for DVC: metrics.json of a study with all cells, results/focus.json with one."""

from math import isfinite
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS, PLACES, SUMMARY, finished
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.table import judge

ENDS = {"mean": "difference", "low": "valid_low", "high": "valid_high"}
"""Of a difference: its name in focus.json -> in verdicts.csv."""


def summary(runs: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return mean and standard deviation over seeds of every metric of every cell, percent, two decimals.

    Runs that diverged have no part in it (`words.MEANS`). The standard deviation of a single run is 0; without any
    run, both are null.
    """
    groups = runs.groupby("cell")[[*SUMMARY]]
    means, deviations = groups.mean().round(PLACES), groups.std().fillna(0).round(PLACES)
    return {
        cell: {
            metric: {"mean": None, "sd": None}
            if pd.isna(means[metric][cell])
            else {"mean": means[metric][cell], "sd": deviations[metric][cell]}
            for metric in SUMMARY
        }
        for cell in means.index
    }


def focus(study: Study) -> dict[str, Any]:
    """Return the means of the cell in focus under keys that do not depend on it, so that two variants line up.

    Two variants may have other seeds, so that the difference of their means tells little. What tells more stands
    beside it: the number of seeds, the baseline's means, and the difference from the baseline seed by seed, with the
    interval from which its verdict follows; nulls where the cell is compared with nothing, or too few seeds are there.

    Args:
        study: Its plan says what the cell in focus is compared with, and the rules of intervals.
    """
    metrics, cell = summary(study.runs), study.plan.focus
    baseline = study.plan.baselines.get(cell)
    return {
        **{metric: metrics[cell][metric]["mean"] for metric in SUMMARY},
        "seeds": int(finished(study.cell_runs(cell)).sum()),
        "baseline": {metric: metrics[baseline][metric]["mean"] if baseline else None for metric in METRICS},
        "difference": differences(study, cell, baseline),
    }


def differences(study: Study, cell: str, baseline: str | None) -> dict[str, dict[str, float | None]]:
    """Return each metric's mean paired difference and the interval of its verdict; null is what is not known."""
    if baseline is None:
        return {metric: dict.fromkeys(ENDS) for metric in METRICS}
    return {
        row["metric"]: {
            end: round(float(row[column]), PLACES) if isfinite(row[column]) else None for end, column in ENDS.items()
        }
        for _, row in judge(study, cell, baseline).iterrows()
    }
