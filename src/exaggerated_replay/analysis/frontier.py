"""Does an arm reach what the baseline does not, at whatever strength c of synaptic intelligence?

The strength trades the first classes against all of them: what an arm gains at one c, the baseline may have at
another. A cell lies *beyond* the baseline's reach if it exceeds each of the baseline's cells on the first 20 % of
classes or on all of them. Against one cell of the baseline, p is the smaller of two one-sided sign-flip tests, times
two; against all of them it is the largest of these (an intersection-union test, which needs no further correction;
Berger, 1982); over the cells of a table it is adjusted by Holm. It lies *within* that reach if some cell of the
baseline is at least as good on both, in the mean.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.runs import setting
from exaggerated_replay.analysis.selection import grid_cells, paired_runs
from exaggerated_replay.analysis.statistics import differences, holm, sign_flip
from exaggerated_replay.planning.drawing import STRENGTH
from exaggerated_replay.settings.rules import RulesSettings

AXES = ("first20", "overall")
"""What the strength trades against each other."""


def reach(plan: Mapping[str, Any], runs: pd.DataFrame, grid: str, rules: RulesSettings) -> pd.DataFrame:
    """Say of every cell of a grid whether it lies beyond the baseline's reach.

    Args:
        plan: The plan of the study.
        runs: One row per run; accuracies in percent, nan where a run diverged.
        grid: A grid that varies the strength for the baseline, too.
        rules: alpha, and the fewest seeds that decide anything.

    Returns:
        One row per cell of another arm: cell, arm, c, the baseline's cell that is hardest to exceed (rival, rival_c),
        seeds that both have, first20 and overall (mean differences from the rival, points), p, p_holm, and the
        verdict: beyond, within or undecided.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    cells = list(dict.fromkeys(row["cell"] for row in grid_cells(plan, grid)))
    arms = {cell: plan["cells"][cell]["arm"] for cell in cells}
    rivals = [cell for cell in cells if arms[cell] == plan["study"]["baseline"]]
    treated = [cell for cell in cells if cell not in rivals] if rivals else []
    rows = []
    for cell in treated:
        against = pd.DataFrame([_against(plan, runs, cell, rival) for rival in rivals])
        hardest = against.sort_values(["p", *AXES], ascending=[False, True, True], kind="stable").iloc[0]
        as_good = (against[[*AXES]] <= 0).all(axis="columns").any()
        c = setting(plan["cells"][cell]["config"], STRENGTH)
        rows.append({"cell": cell, "arm": arms[cell], "c": c, **hardest, "as_good": as_good})
    names = ["cell", "arm", "c", "rival", "rival_c", "seeds", *AXES, "p", "as_good"]
    table = pd.DataFrame(rows, columns=names)
    table["p_holm"] = holm(table["p"])
    words = [(table["seeds"] < rules.min_seeds), table["p_holm"] <= rules.alpha, table["as_good"].astype(bool)]
    return table.drop(columns="as_good").assign(
        verdict=np.select(words, ["undecided", "beyond", "within"], "undecided")
    )


def _against(plan: Mapping[str, Any], runs: pd.DataFrame, cell: str, rival: str) -> dict[str, Any]:
    """Compare a cell with one of the baseline's: p is that of its exceeding the rival on either axis."""
    own, other = paired_runs(plan, runs, cell, rival)
    found: dict[str, Any] = {"rival": rival, "rival_c": setting(plan["cells"][rival]["config"], STRENGTH)}
    found |= {"seeds": len(own), "p": 1.0}
    for axis in AXES:
        values = differences(own[axis], other[axis]) if len(own) else pd.Series(dtype=float)
        found[axis] = values.mean()
        if found[axis] > 0:  # the two-sided p is twice the one-sided one: as much as two tests ask for
            found["p"] = min(found["p"], sign_flip(values))
    return found
