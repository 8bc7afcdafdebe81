"""Does a difference from the baseline grow or shrink with the size, as far as sizes were run?

Runs of one seed share their class order, so the seed is the unit here, too: in every seed a straight line is laid
through the differences over the logarithm of the size, and its slope is one value. Where the differences bend, it says
how they changed on average over the sizes that were run. Of sizes that were not run it says nothing.
"""

from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.planning.questions import sizes

COLUMNS = (
    *("arm", "metric", "size", "least", "most", "papers", "seeds"),
    *("slope", "low", "high", "valid_low", "valid_high", "verdict"),
)


def answer(study: Study, grid: str) -> pd.DataFrame:
    """Say of every arm of a grid whether its difference from the baseline rises or falls with the size.

    Args:
        study: Plan and records.
        grid: A grid that varies one of `SIZES`.

    Returns:
        One row per arm and metric: arm, metric, size (dotted key), least and most (sizes that were run), papers (its
        size, where the paper speaks of the study), seeds; slope (points per tenfold size) with low and high (Student's
        t), valid_low and valid_high (anytime-valid, for all rows together), and the verdict that follows from these:
        level (within the margin per tenfold), rises, falls or undecided.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    found, rules = effects(study, grid), study.plan.rules
    (size,) = sizes(study.plan.grids[grid], study.plan.cells)
    arms = dict.fromkeys(study.cell(row.cell).arm for row in study.plan.grid(grid) if row.baseline)
    alpha = rules.alpha / (len(arms) * len(METRICS))  # as planned, whatever diverges
    rows: list[dict[str, Any]] = []
    for arm in (arm for arm in arms if arm in set(found["arm"])):
        own = found[found["arm"] == arm]
        x = own[size].astype(float)
        lever = (
            np.log10(np.sort(x.unique())).std() * x.nunique() ** 0.5
        )  # a point at one size moves a slope by 1 / this
        for metric in METRICS:
            slopes = lines_by_seed(x, own[metric], own["seed"])["slope"]
            resolution = study.one_image[metric] / lever if lever else 0.0
            slope, (low, high) = estimate(slopes), anytime.interval(slopes, rules.g, alpha, resolution)
            row = {"arm": arm, "metric": metric, "size": size, "least": x.min(), "most": x.max()}
            row |= {"papers": paper.VALUES[size], "seeds": slope.n, "slope": slope.mean}
            row |= {"low": slope.low, "high": slope.high}
            row |= {"valid_low": low, "valid_high": high, "verdict": trend(low, high, rules.margins.of(metric))}
            rows.append(row)
    columns = [name for name in COLUMNS if name != "papers" or paper.speaks_of(study.plan)]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("least", "most"), object))  # no file rounds sizes


def trend(low: float, high: float, margin: float) -> str:
    """Return the word for the interval of a slope: level, rises, falls or undecided, the first that holds."""
    if -margin < low and high < margin:
        return "level"
    return "rises" if low > 0 else "falls" if high < 0 else "undecided"


def lines_by_seed(size: pd.Series, difference: pd.Series, seed: pd.Series) -> pd.DataFrame:
    """Lay a straight line through the differences of each seed, over log10 of the size.

    Returns:
        slope (per tenfold size) and intercept (at a size of 1), indexed by seed; seeds with less than two sizes have
        no line.
    """
    points = pd.DataFrame({"x": np.log10(size), "y": difference, "seed": seed}).astype(float)
    found = {one: np.polyfit(own["x"], own["y"], 1) for one, own in points.groupby("seed") if own["x"].nunique() > 1}
    return pd.DataFrame.from_dict(found, orient="index", columns=["slope", "intercept"], dtype=float)


def height(lines: pd.DataFrame, size: float) -> pd.Series:
    """Return how high each line is at a size."""
    return lines["intercept"] + lines["slope"] * np.log10(size)
