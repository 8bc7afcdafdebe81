"""Figures per cell for DVC: metrics.json of a study with all cells, results/focus.json with one."""

import pandas as pd

from exaggerated_replay.analysis.study.scores import PLACES
from exaggerated_replay.errors import UserError

SUMMED_UP = ["first20", "first50", "overall", "macro_precision", "forgetting"]


def summary(runs: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return mean and standard deviation over seeds of every metric of every cell, percent, two decimals.

    Runs that diverged have no part in it (`pairs.MEANS`). The standard deviation of a single run is 0; without any
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


def focus(runs: pd.DataFrame, cell: str) -> dict[str, float | None]:
    """Return one cell's means under keys that do not depend on the cell, so that two variants line up.

    Raises:
        UserError: There is no such cell.
    """
    metrics = summary(runs)
    if cell not in metrics:
        raise UserError(f"params.yaml: focus is {cell!r}: choose one of {', '.join(metrics)}")
    return {metric: metrics[cell][metric]["mean"] for metric in SUMMED_UP}
