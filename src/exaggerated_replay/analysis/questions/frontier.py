"""Does an arm reach what the baseline does not, at whatever strength c of synaptic intelligence?

The strength trades the first classes against all of them: what an arm gains at one c, the baseline may have at
another. Who draws c by lot from two strengths has, on average, what lies on the straight line between them; so the
baseline's reach is all that lies below such lines. A cell lies *beyond* it if it exceeds each strength of the baseline,
and each mixture of two, on the first 20 % of classes or on all of them. Against one of these, p is the smaller one of
both axes, times two; against all it is the largest (an intersection-union test, which needs no further correction;
Berger, 1982). A cell lies *within* the reach if it exceeds one of the strengths on neither axis by as much as the
margin. Against one strength, p is the larger one of both axes; that a strength may be chosen costs a factor of their
number. Both p are anytime-valid, and both are held against alpha over the number of cells.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.paired import PLACES, differences
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.planning.questions import STRENGTH

AXES = ("first20", "overall")
"""What the strength trades against each other."""
SHARES = np.arange(1, 100) / 100
"""Of the first of two strengths in a mixture."""


def answer(study: Study, grid: str) -> pd.DataFrame:
    """Say of every cell of a grid whether it lies beyond the baseline's reach.

    Args:
        study: Plan and records.
        grid: A grid that varies the strength for the baseline, too.

    Returns:
        One row per cell of another arm: cell, arm, c; what of the baseline is hardest to exceed, a cell (rival,
        rival_c; share 1) or a mixture of two (with other, other_c; share of the first); seeds that it shares
        with the cell, first20 and overall (mean differences from that, points), p (of beyond), p_within, and the
        verdict: beyond, within or undecided, and that below as many seeds as both words take. A strength at which no
        run of the baseline reached its end is out of its reach.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    cells, rules = [study.cell(row.cell) for row in study.plan.grid(grid)], study.plan.rules
    strengths, arms = {cell.name: cell.setting(STRENGTH) for cell in cells}, {cell.name: cell.arm for cell in cells}
    rivals = [cell for cell in strengths if arms[cell] == study.plan.study.baseline]
    treated = [cell for cell in strengths if cell not in rivals] if rivals else []
    rows = []
    for cell in treated:
        every = {rival: _differences(study, cell, rival) for rival in rivals}
        apart = {rival: found for rival, found in every.items() if len(found)} or {rivals[0]: every[rivals[0]]}
        within = min(1.0, len(rivals) * min(_not_exceeding(found, study) for found in apart.values()))
        hardest = _hardest(apart, study)
        rows.append({"cell": cell, "arm": arms[cell], "c": strengths[cell], **hardest, "p_within": within})
    table = pd.DataFrame(rows, columns=["cell", "arm", "c", "rival", "other", "share", "seeds", *AXES, "p", "p_within"])
    table.insert(4, "rival_c", table["rival"].map(strengths))
    table.insert(6, "other_c", table["other"].map(strengths))
    strengths_in = ["c", "rival_c", "other_c"]
    table[strengths_in] = table[strengths_in].astype(object)  # settings, which no file rounds
    alpha = rules.alpha / max(1, len(table))
    fewest = anytime.fewest_seeds(rules.g, alpha / max(2, len(rivals)))
    words = [table["seeds"] < fewest, table["p"] <= alpha, table["p_within"] <= alpha]
    return table.assign(verdict=np.select(words, ["undecided", "beyond", "within"], "undecided"))


def _hardest(apart: Mapping[str, pd.DataFrame], study: Study) -> dict[str, Any]:
    """Return what of the baseline a cell exceeds with the largest p: a strength, or a mixture of two.

    Args:
        apart: The baseline's cell of each strength -> the cell's differences from it.
        study: Its g, and what an image is worth in it.

    Returns:
        rival, other, share, seeds, the mean difference on both axes, p.
    """
    against = [{"rival": rival, "share": 1.0} | _exceeding(found, study) for rival, found in apart.items()]
    for one, other in combinations(apart, 2):
        common = apart[one].index.intersection(apart[other].index)
        first, second = apart[one].loc[common], apart[other].loc[common]
        share = hardest_share(first.to_numpy(), second.to_numpy())
        mixed = (share * first + (1 - share) * second).round(PLACES)
        against.append({"rival": one, "other": other, "share": share} | _exceeding(mixed, study))
    found = pd.DataFrame(against, columns=["rival", "other", "share", "seeds", *AXES, "p"])
    found["mixed"] = found["other"].notna()  # of the same p, one strength is simpler than two
    ordered = found.sort_values(["p", "mixed", *AXES], ascending=[False, True, True, True], kind="stable")
    return dict(ordered.iloc[0])


def hardest_share(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of the first of two strengths at which their mixture is hardest to exceed.

    That is where the larger of the two axes' t is the smallest, and p the largest.

    Args:
        first: Differences from one strength, shape [seeds, axes].
        second: From the other, at the same seeds.
    """
    if len(first) < 2:
        return float(SHARES[0])
    mixed = SHARES[:, None, None] * first + (1 - SHARES[:, None, None]) * second
    error = mixed.std(axis=1, ddof=1) / np.sqrt(len(first)) + 10.0**-PLACES  # some may be the same at all seeds
    return float(SHARES[(mixed.mean(axis=1) / error).max(axis=1).argmin()])


def _differences(study: Study, cell: str, rival: str) -> pd.DataFrame:
    """Return by how much a cell exceeds one of the baseline's: a row per seed that both have, a column per axis."""
    own, other = study.pair(cell, rival)
    return differences(own[[*AXES]], other[[*AXES]])


def _exceeding(apart: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return seeds, mean differences, and the p of a cell's exceeding its rival on either axis."""
    means, g, unit = apart.mean(), study.plan.rules.g, study.one_image
    above = [anytime.p_value(apart[axis], 0, g, unit[axis]) for axis in AXES if means[axis] > 0]
    return {"seeds": len(apart), **means, "p": min([1.0, *(len(AXES) * p for p in above)])}


def _not_exceeding(apart: pd.DataFrame, study: Study) -> float:
    """Return the p of a cell's exceeding its rival on neither axis by as much as the margin."""
    rules, unit = study.plan.rules, study.one_image
    margins = {axis: rules.margins.of(axis) for axis in AXES}
    below = (apart.mean() < pd.Series(margins)).all()
    return max(anytime.p_value(apart[axis], margins[axis], rules.g, unit[axis]) for axis in AXES) if below else 1.0
