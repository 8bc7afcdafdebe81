"""What a grid's cells change, seed by seed: the table behind the figures of a dose, a trade-off or a size."""

from collections.abc import Mapping, Sequence

import pandas as pd

from exaggerated_replay.analysis.study.pairs import METRICS, cell_runs, finished, grid_cells, paired_runs
from exaggerated_replay.analysis.study.runs import setting, varied_settings


def effects(plan: Mapping, runs: pd.DataFrame, grid: str) -> pd.DataFrame:
    """Return every paired difference of a grid, one row per cell and seed.

    Args:
        plan: The plan of the study.
        runs: One row per run; accuracies in percent.
        grid: A grid of the plan.

    Returns:
        cell, arm, baseline, seed, every setting that the grid varies (by dotted key), and first20, first50, overall:
        the cell's run minus the baseline's of the same seed, in percentage points. Cells without a baseline, and
        pairs of which one run diverged, have no rows.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    keys = _varied(plan, grid)
    parts = [pd.DataFrame(columns=["cell", "arm", "baseline", "seed", *keys, *METRICS])]
    for entry in grid_cells(plan, grid):
        if entry["baseline"]:
            treated, base = paired_runs(plan, runs, entry["cell"], entry["baseline"])
            differences = (treated[[*METRICS]] - base[[*METRICS]]).reset_index()
            parts.append(_described(plan, keys, entry["cell"], differences).assign(baseline=entry["baseline"]))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def levels(plan: Mapping, runs: pd.DataFrame, grid: str) -> pd.DataFrame:
    """Return every accuracy of a grid, one row per cell and seed, in the columns of `effects` but for the baseline."""
    keys, parts = _varied(plan, grid), []
    for entry in grid_cells(plan, grid):
        own = cell_runs(plan, runs, entry["cell"])
        parts.append(_described(plan, keys, entry["cell"], own.loc[finished(own), [*METRICS]].reset_index()))
    return pd.concat(parts, ignore_index=True)


def _varied(plan: Mapping, grid: str) -> list[str]:
    return varied_settings({"grids": {grid: plan["grids"][grid]}})


def _described(plan: Mapping, keys: Sequence[str], cell: str, numbers: pd.DataFrame) -> pd.DataFrame:
    """Add to a cell's numbers what it is: its arm, and its values of some settings."""
    described = plan["cells"][cell]
    values = {key: pd.Series([setting(described["config"], key)] * len(numbers), dtype=object) for key in keys}
    return numbers.assign(cell=cell, arm=described["arm"], **values)
