"""Figures per cell for DVC: metrics.json of a study with all cells, results/focus.json with one."""

from math import isfinite
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.study.scores import METRICS, PLACES, SUMMARY, finished
from exaggerated_replay.analysis.study.study import Study

ENDS = ("mean", "low", "high")


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
    beside it: the number of seeds, the baseline's means, and the difference from the baseline seed by seed, with an
    interval that stays valid however often one looks; nulls where the cell is compared with nothing.

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
    """Return the mean of each metric's paired differences and its anytime-valid interval; null is what is not known."""
    if baseline is None:
        return {metric: dict.fromkeys(ENDS) for metric in METRICS}
    (treated, base), rules = study.pair(cell, baseline), study.plan.rules
    found = {}
    for metric in METRICS:
        values = treated[metric] - base[metric]
        numbers = (values.mean(), *anytime.interval(values, rules.g, rules.alpha, study.one_image[metric]))
        known = [round(float(number), PLACES) if isfinite(number) else None for number in numbers]
        found[metric] = dict(zip(ENDS, known, strict=True))
    return found
