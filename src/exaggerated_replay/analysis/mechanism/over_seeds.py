"""Rows of single runs, summed up over seeds."""

from typing import Any

import pandas as pd

from exaggerated_replay.analysis.statistics.paired import estimate


def summed_up(rows: list[dict[str, Any]], by: list[str], interval_of: str = "difference") -> pd.DataFrame:
    """Return means over seeds, with the 95 % confidence interval (Student's t) of one of them.

    Args:
        rows: One per cell, seed and place.
        by: The columns that say the place.
        interval_of: The column whose interval is taken, if it is there.

    Returns:
        cell, the columns of `by`, seeds, the mean of every other column, low, high; empty without rows.
    """
    if not rows:
        return pd.DataFrame()
    keys = ["cell", *by]
    summed: list[dict[str, Any]] = []
    for _, values in pd.DataFrame(rows).groupby(keys, sort=False):
        means = values.drop(columns=[*keys, "seed"]).mean()
        row: dict[str, Any] = {**values[keys].iloc[0], "seeds": len(values), **means}
        if interval_of in values:
            interval = estimate(values[interval_of].tolist())
            row |= {"low": interval.low, "high": interval.high}
        summed.append(row)
    return pd.DataFrame(summed)
