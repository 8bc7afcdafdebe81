"""Figures per cell for DVC: results/metrics.json with all cells, results/focus.json with one."""

from pathlib import Path
from typing import Any

import pandas as pd

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json

METRICS = ["first20", "first50", "overall", "macro_precision", "forgetting"]


def summary(runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over seeds of every metric of every cell, percent, two decimals.

    The standard deviation of a single run is 0.
    """
    groups = runs.groupby("cell")[METRICS]
    means, deviations = groups.mean().round(2), groups.std().fillna(0).round(2)
    return {
        cell: {metric: {"mean": means[metric][cell], "sd": deviations[metric][cell]} for metric in METRICS}
        for cell in means.index
    }


def focus(runs: pd.DataFrame, cell: str) -> dict[str, float]:
    """Return one cell's means under keys that do not depend on the cell, so that two variants line up.

    Raises:
        UserError: There is no such cell.
    """
    metrics = summary(runs)
    if cell not in metrics:
        raise UserError(f"params.yaml: focus is {cell!r}: choose one of {', '.join(metrics)}")
    return {metric: metrics[cell][metric]["mean"] for metric in METRICS}


def read_timings(plan: dict[str, Any], folder: Path) -> pd.DataFrame:
    """Return run, seconds and hardware of every run that was timed; runs from elsewhere may not be."""
    timed = {run: folder / f"{run}.json" for run in plan["runs"]}
    rows = [{"run": run, **read_json(path)} for run, path in timed.items() if path.is_file()]
    return pd.DataFrame(rows, columns=["run", "seconds", "hardware"])
