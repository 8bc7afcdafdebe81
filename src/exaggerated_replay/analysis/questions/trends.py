"""Does a difference from the baseline grow or shrink towards the paper's size?

Runs of one seed share their class order, so the seed is the unit here, too: in every seed a straight line is laid
through the differences over the logarithm of the size, and its slope is one value. Five seeds are enough for Student's
t, not for the exact test of signs, so the slopes are taken for normal. Where the differences bend, their mean slope
says how they changed over the sizes that were run, and nothing of the paper's.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.statistics.paired import PLACES, equivalence, estimate, holm
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.pairs import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.planning.questions import STRENGTH, sizes
from exaggerated_replay.settings.rules import RulesSettings

PAPERS = {
    "model.units": paper.SIZE["units"],
    "training.iterations": paper.SIZE["iterations"],
    "training.batch": paper.SIZE["batch"],
    "training.replay_batch": paper.SIZE["replay_batch"],
    STRENGTH: paper.STRENGTH,
}
"""What may grow, by dotted key, and the paper's value."""
COLUMNS = (
    *("arm", "metric", "size", "least", "most", "seeds", "slope", "low", "high", "p", "p_level", "p_straight"),
    *("papers", "at_papers", "at_papers_low", "at_papers_high"),
)


def answer(study: Study, grid: str) -> pd.DataFrame:
    """Say of every arm of a grid whether its difference from the baseline rises or falls with the size.

    Args:
        study: Plan and records.
        grid: A grid that varies one of `PAPERS`.

    Returns:
        One row per arm and metric: arm, metric, size (dotted key), least and most (sizes that were run), seeds; slope
        (points per tenfold size) with low, high, p of no slope, and p_level (TOST: within the smallest effect per
        tenfold); p_straight (of no bend); papers (its size), and the line drawn on to there, nan where it bends at
        alpha: at_papers, at_papers_low, at_papers_high; p_holm over the rows; verdict: level, rises, falls or
        undecided, the first that holds.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    found, rules = effects(study, grid), study.plan.rules
    (size,) = sizes(study.plan.grids[grid], study.plan.cells)
    rows: list[dict[str, Any]] = []
    for arm in found["arm"].unique():  # none where no pair of runs reached its end
        own = found[found["arm"] == arm]
        x = own[size].astype(float)
        for metric in METRICS:
            lines = lines_by_seed(x, own[metric], own["seed"])
            slope = estimate(lines["slope"], rules.alpha)
            p_straight = straight(x, own[metric], own["seed"])
            there = estimate([] if bends(p_straight, rules) else height(lines, PAPERS[size]), rules.alpha)
            row = {"arm": arm, "metric": metric, "size": size, "least": x.min(), "most": x.max(), "seeds": slope.n}
            row |= {"slope": slope.mean, "low": slope.low, "high": slope.high}
            row["p"] = no_slope(lines["slope"])
            row["p_level"] = equivalence(lines["slope"], -rules.smallest_effect, rules.smallest_effect)
            row |= {"p_straight": p_straight, "papers": PAPERS[size]}
            row |= {"at_papers": there.mean, "at_papers_low": there.low, "at_papers_high": there.high}
            rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(("least", "most"), object))  # no file rounds sizes
    table["p_holm"] = holm(table["p"])
    sloped = table["p_holm"] <= rules.alpha
    words = {
        "undecided": table["seeds"] < rules.min_seeds,
        "level": table["p_level"] <= rules.alpha,
        "rises": sloped & (table["slope"] > 0),
        "falls": sloped & (table["slope"] < 0),
    }
    return table.assign(verdict=np.select([*words.values()], [*words], "undecided"))


def lines_by_seed(size: pd.Series, difference: pd.Series, seed: pd.Series) -> pd.DataFrame:
    """Lay a straight line through the differences of each seed, over log10 of the size.

    Returns:
        slope (per tenfold size) and intercept (at a size of 1), indexed by seed; seeds with less than two sizes have
        no line.
    """
    return _curves(size, difference, seed, ["slope", "intercept"])


def straight(size: pd.Series, difference: pd.Series, seed: pd.Series) -> float:
    """Return the p of differences that follow straight lines, on the mean over seeds: that parabolas do not bend.

    Seeds with less than three sizes have no parabola; nan below two parabolas.
    """
    return no_slope(_curves(size, difference, seed, ["bend", "slope", "intercept"])["bend"])


def bends(p_straight: float, rules: RulesSettings) -> bool:
    """Tell whether differences bend too clearly for a straight line to say anything beyond their sizes."""
    return p_straight <= rules.alpha


def _curves(size: pd.Series, difference: pd.Series, seed: pd.Series, powers: list[str]) -> pd.DataFrame:
    """Fit a polynomial of log10 of the size to each seed that has as many sizes as coefficients."""
    points = pd.DataFrame({"x": np.log10(size), "y": difference, "seed": seed}).astype(float)
    found = {
        one: np.polyfit(own["x"], own["y"], len(powers) - 1)
        for one, own in points.groupby("seed")
        if own["x"].nunique() >= len(powers)
    }
    return pd.DataFrame.from_dict(found, orient="index", columns=powers, dtype=float)


def no_slope(slopes: pd.Series) -> float:
    """Return the p of the t test of a mean slope (or bend) of zero; nan below two values.

    Values that are all the same leave no spread to test with: p is 1 where they are zero, else 0.
    """
    slopes = slopes.round(PLACES)
    if len(slopes) < 2:
        return np.nan
    if slopes.nunique() == 1:
        return float(slopes.iloc[0] == 0)
    return float(stats.ttest_1samp(slopes, 0).pvalue)


def height(lines: pd.DataFrame, size: float) -> pd.Series:
    """Return how high each line is at a size."""
    return lines["intercept"] + lines["slope"] * np.log10(size)
