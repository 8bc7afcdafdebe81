"""What a grid's cells change, seed by seed: the table behind the figures of a dose, a trade-off or a size."""

from collections.abc import Sequence

import pandas as pd

from exaggerated_replay.analysis.statistics.paired import differences
from exaggerated_replay.analysis.study.scores import METRICS, finished
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.planning.study_plan import Cell, varied


def effects(study: Study, grid: str) -> pd.DataFrame:
    """Return every paired difference of a grid, one row per cell and seed.

    Args:
        study: Plan and records.
        grid: A grid of the plan.

    Returns:
        cell, arm, baseline, seed, every setting that the grid varies (by dotted key), and first20, first50, overall:
        the cell's run minus the baseline's of the same seed, in percentage points. Cells without a baseline, and
        pairs of which one run diverged, have no rows.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    rows = study.plan.grid(grid)
    keys = varied(rows)
    parts = [pd.DataFrame(columns=["cell", "arm", "baseline", "seed", *keys, *METRICS])]
    for row in rows:
        if row.baseline:
            treated, base = study.pair(row.cell, row.baseline)
            changed = differences(treated[[*METRICS]], base[[*METRICS]]).reset_index()
            parts.append(_described(study.cell(row.cell), keys, changed).assign(baseline=row.baseline))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def levels(study: Study, grid: str) -> pd.DataFrame:
    """Return every accuracy of a grid, one row per cell and seed, in the columns of `effects` but for the baseline."""
    rows, parts = study.plan.grid(grid), []
    for row in rows:
        own = study.cell_runs(row.cell)
        accuracies = own.loc[finished(own), [*METRICS]].reset_index()
        parts.append(_described(study.cell(row.cell), varied(rows), accuracies))
    return pd.concat(parts, ignore_index=True)


def _described(cell: Cell, keys: Sequence[str], numbers: pd.DataFrame) -> pd.DataFrame:
    """Add to a cell's numbers what it is: its arm, and its values of some settings."""
    values = {key: pd.Series([cell.setting(key)] * len(numbers), dtype=object) for key in keys}
    return numbers.assign(cell=cell.name, arm=cell.arm, **values)
