"""The verdicts of a study: one row per grid, cell and metric (verdicts.csv)."""

from math import inf
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.paired import differences, estimate
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.families import Family, families, family_of
from exaggerated_replay.analysis.verdicts.rules import more_seeds, verdict

COLUMNS = (
    *("cell", "baseline", "metric", "seeds", "left_out", "difference", "low", "high"),
    *("family", "comparisons", "valid_low", "valid_high", "claim", "verdict", "more_seeds"),
)


def verdicts(study: Study) -> pd.DataFrame:
    """Judge every cell of a study that has a baseline, by each metric.

    Args:
        study: Plan and records.

    Returns:
        One row per grid, cell and metric, grid below grid; columns as docs/reference/files.md lists them. A comparison
        that several grids hold has the same numbers and the same verdict in each.

    Raises:
        UserError: If a cell has no run, or a pair shares no seed or mixes devices.
    """
    judged = {pair: _judged(study, *pair, family) for pair, family in families(study.plan).items()}
    rows = [
        {"grid": grid, **judged_row}
        for grid, rows in study.plan.grids.items()
        for row in rows
        if row.baseline
        for judged_row in judged[row.cell, row.baseline]
    ]
    return pd.DataFrame(rows, columns=["grid", *COLUMNS])


def judge(study: Study, cell: str, baseline: str) -> pd.DataFrame:
    """Judge any two cells, a row per metric; what a grid of the plan compares has the verdict that it has there.

    Returns:
        As `verdicts`, without the column `grid`.

    Raises:
        UserError: If a cell has no run, or the pair shares no seed or mixes devices.
    """
    return pd.DataFrame(_judged(study, cell, baseline, family_of(study.plan, cell, baseline)), columns=COLUMNS)


def each_once(table: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts with each comparison once: in the grid whose family it belongs to."""
    return table[table["grid"] == table["family"]]


def _judged(study: Study, cell: str, baseline: str, family: Family) -> list[dict[str, Any]]:
    """Return the rows of a comparison, one per metric."""
    rules = study.plan.rules
    treated, base = study.pair(cell, baseline)
    alpha, diverged = family.alpha(rules), study.left_out(cell, baseline)
    rows = []
    for metric in METRICS:
        values = differences(treated[metric], base[metric])
        resolution = study.one_image[metric]
        found, (low, high) = estimate(values), anytime.interval(values, rules.g, alpha, resolution)
        claim, _ = paper.published_gain(study.plan, cell, baseline, metric)
        margin = rules.margins.of(metric)
        word = verdict(low, high, claim, margin)
        sd = max(found.sd, resolution)  # nan stays nan
        more = more_seeds(found.n, found.mean, sd, claim, margin, alpha, rules) if word == "undecided" else 0
        if diverged and not found.n:  # nothing says that another seed would reach its end
            more = inf
        described = (cell, baseline, metric, found.n, diverged, found.mean, found.low, found.high)
        judged = (family.grid, family.comparisons, low, high, claim, word, more)
        rows.append(dict(zip(COLUMNS, described + judged, strict=True)))
    return rows
