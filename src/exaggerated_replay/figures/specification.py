"""Every variant of a method, sorted by its effect: which reading of the paper, or which control, changes what."""

import numpy as np
from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.comparison import compared, draw_rows

METRIC = "first20"
WIDTH = 40
"""Letters that a line of a name has room for."""


def draw(study: Study, grid: str) -> Figure:
    """Draw the paired differences of every cell of a grid, the largest on the first 20 % of classes first.

    Args:
        study: Plan and records.
        grid: A grid whose cells differ in their settings.

    Returns:
        As `comparison.draw`; cells that are the same at every seed share a row.

    Raises:
        UserError: If the grid cannot be compared.
    """
    table, names = compared(study, grid)
    same: dict[tuple[object, ...], list[int]] = {}
    for number, row in table.iterrows():
        treated, _ = study.pair(row["cell"], row["baseline"])
        # Where every pair diverged there is nothing to be like another in.
        scores = treated[[*METRICS]].to_numpy().ravel() if len(treated) else [row["cell"]]
        same.setdefault((row["baseline"], *treated.index, *scores), []).append(int(str(number)))
    effects = table[f"{METRIC}_difference"].fillna(-np.inf).to_numpy(float)
    rows = sorted(same.values(), key=lambda numbers: -effects[numbers[0]])
    return draw_rows(
        study,
        table.loc[[numbers[0] for numbers in rows]].reset_index(drop=True),
        [_together([names[number] for number in numbers]) for numbers in rows],
    )


def _together(names: list[str]) -> str:
    """Return one name of several cells that are the same: the first, and what is of the others' own."""
    first, *others = names
    if not others:
        return first
    own = [", ".join(part for part in name.split(", ") if part not in first.split(", ")) for name in others]
    return f"{first}\n= {' = '.join(own)}" if len(" = ".join(own)) < WIDTH else f"{first}\n= {len(own)} others"
