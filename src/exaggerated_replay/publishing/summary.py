"""Figures per cell for DVC: metrics.json of a study with all cells, results/focus.json with one."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.study.pairs import METRICS, cell_runs, finished, paired_runs
from exaggerated_replay.analysis.study.scores import PLACES, SUMMARY
from exaggerated_replay.analysis.verdicts.table import rules_of
from exaggerated_replay.errors import UserError

SUMMED_UP = [*SUMMARY]
ENDS = ("mean", "low", "high")


def summary(runs: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return mean and standard deviation over seeds of every metric of every cell, percent, two decimals.

    Runs that diverged have no part in it (`selection.MEANS`). The standard deviation of a single run is 0; without any
    run, both are null.
    """
    groups = runs.groupby("cell")[SUMMED_UP]
    means, deviations = groups.mean().round(PLACES), groups.std().fillna(0).round(PLACES)
    return {
        cell: {
            metric: {"mean": None, "sd": None}
            if pd.isna(means[metric][cell])
            else {"mean": means[metric][cell], "sd": deviations[metric][cell]}
            for metric in SUMMED_UP
        }
        for cell in means.index
    }


def focus(plan: Mapping[str, Any], runs: pd.DataFrame) -> dict[str, Any]:
    """Return the means of the cell in focus under keys that do not depend on it, so that two variants line up.

    Two variants may have other seeds, so that the difference of their means tells little. What tells more stands
    beside it: the number of seeds, the baseline's means, and the difference from the baseline seed by seed, with an
    interval that stays valid however often one looks; nulls where the cell is compared with nothing.

    Args:
        plan: Its focus, what that is compared with, and the rules of intervals.
        runs: One row per cell and seed.

    Raises:
        UserError: There is no such cell.
    """
    metrics, cell = summary(runs), plan["focus"]
    if cell not in metrics:
        raise UserError(f"params.yaml: focus is {cell!r}: choose one of {', '.join(metrics)}")
    rows = [row for rows in plan["grids"].values() for row in rows]
    baseline = next((row["baseline"] for row in rows if row["cell"] == cell and row["baseline"]), None)
    return {
        **{metric: metrics[cell][metric]["mean"] for metric in SUMMED_UP},
        "seeds": int(finished(cell_runs(plan, runs, cell)).sum()),
        "baseline": {metric: metrics[baseline][metric]["mean"] if baseline else None for metric in METRICS},
        "difference": differences(plan, runs, cell, baseline),
    }


def differences(
    plan: Mapping[str, Any], runs: pd.DataFrame, cell: str, baseline: str | None
) -> dict[str, dict[str, float | None]]:
    """Return the mean of each metric's paired differences and its anytime-valid interval; null is what is not known."""
    if baseline is None:
        return {metric: dict.fromkeys(ENDS) for metric in METRICS}
    treated, base = paired_runs(plan, runs, cell, baseline)
    rules, found = rules_of(plan), {}
    for metric in METRICS:
        values = treated[metric] - base[metric]
        numbers = (values.mean(), *anytime.interval(values, rules.g, rules.alpha))
        known = [round(float(number), PLACES) if isfinite(number) else None for number in numbers]
        found[metric] = dict(zip(ENDS, known, strict=True))
    return found
