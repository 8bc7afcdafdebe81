"""What the paper claims: its Table 1, and the settings that it speaks of."""

from collections.abc import Mapping
from importlib.resources import files
from math import nan
from typing import Any

import pandas as pd

DATASET = "cifar100"
WEIGHT = 1e-6  # of both losses
SIZE = {"units": 2000, "iterations": 5000, "batch": 512, "replay_batch": 512}


def published() -> pd.DataFrame:
    """Load Table 1 as published: gains of RR+RA over the baseline on CIFAR-100, mean of 5 runs, no spread.

    Source: J. Millichamp and X. Chen, "Brain-inspired feature exaggeration in generative replay for continual
    learning", Table 1 (5,000 iterations per task).

    Returns:
        Columns `absolute` (percentage points) and `relative` (percent of the baseline), indexed by `f` and
        `metric` (first20, first50, overall).
    """
    with files("exaggerated_replay.analysis").joinpath("published/table1.csv").open() as source:
        return pd.read_csv(source, index_col=["f", "metric"])


def size(config: Mapping[str, Any]) -> dict[str, int]:
    """Return what a cell's settings say of its size: units, iterations per task, samples per step."""
    training = config["training"]
    return {"units": config["model"]["units"], **{name: training[name] for name in SIZE if name != "units"}}


def claimed_gain(dataset: str, method: Mapping[str, Any], baseline: Mapping[str, Any], metric: str) -> float:
    """Return the gain that Table 1 has for a comparison, in percentage points; nan where it has none.

    The table is about RR+RA at the paper's weights on CIFAR-100, against a baseline that exaggerates nothing, at
    five values of f. How the paper is read (its switches) and the size of the experiment are what a replication
    may vary: the claim is the same.
    """
    table = published()["absolute"]
    exaggerates = method.get("lambda_rr") == method.get("lambda_ra") == WEIGHT
    if dataset != DATASET or not exaggerates or "lambda_rr" in baseline or (method["f"], metric) not in table.index:
        return nan
    return float(table[method["f"], metric])
