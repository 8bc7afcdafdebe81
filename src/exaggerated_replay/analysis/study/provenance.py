"""Which runs are behind every number of a table, and what decided them."""

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS, PLACES
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.places import DIGITS

KEPT = ["status", *METRICS, "device", "torch"]


def provenance(study: Study, grid: str) -> pd.DataFrame:
    """List the runs behind every row of a grid's table.

    Args:
        study: Plan and records.
        grid: A grid of the plan.

    Returns:
        One row per cell and seed: cell, settings (what the grid set), seed, status, first20, first50, overall
        (percent), device and torch of the run, the run's name, that of the baseline's run it is compared with, and
        the first digits of the digest of its data and the versions of its code. `exaggerated-replay explain` takes
        the names.

    Raises:
        UserError: If the grid is unknown, or a cell has no run.
    """
    rows = []
    for entry in study.plan.grid(grid):
        scored = study.cell_runs(entry.cell)
        baseline = {run.seed: run.name for run in study.cell(entry.baseline).runs} if entry.baseline else {}
        for run in study.cell(entry.cell).runs:
            rows.append(
                {
                    "cell": entry.cell,
                    "settings": ", ".join(f"{key}={value}" for key, value in entry.settings.items()),
                    "seed": run.seed,
                    **scored.loc[run.seed, KEPT].to_dict(),
                    "run": run.name,
                    "baseline_run": baseline.get(run.seed),
                    "data": run.settings.data[:DIGITS],
                    "code": run.settings.code,
                }
            )
    return pd.DataFrame(rows).round(PLACES)
