"""Which runs are behind every number of a table, and what decided them."""

from collections.abc import Mapping

import pandas as pd

from exaggerated_replay.analysis.study.pairs import METRICS, cell_runs, grid_cells
from exaggerated_replay.analysis.study.scores import PLACES
from exaggerated_replay.places import DIGITS

KEPT = ["status", *METRICS, "device", "torch"]


def provenance(plan: Mapping, runs: pd.DataFrame, grid: str) -> pd.DataFrame:
    """List the runs behind every row of a grid's table.

    Args:
        plan: The plan of the study.
        runs: The runs table; accuracies in percent.
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
    for entry in grid_cells(plan, grid):
        scored = cell_runs(plan, runs, entry["cell"])
        baseline = _names(plan, entry["baseline"]) if entry["baseline"] else {}
        for seed, name in _names(plan, entry["cell"]).items():
            settings = plan["runs"][name]
            rows.append(
                {
                    "cell": entry["cell"],
                    "settings": ", ".join(f"{key}={value}" for key, value in entry["settings"].items()),
                    "seed": seed,
                    **scored.loc[seed, KEPT].to_dict(),
                    "run": name,
                    "baseline_run": baseline.get(seed),
                    "data": settings["data"][:DIGITS],
                    "code": settings["code"],
                }
            )
    return pd.DataFrame(rows).round(PLACES)


def _names(plan: Mapping, cell: str) -> dict[int, str]:
    return {run["seed"]: run["directory"].rpartition("/")[2] for run in plan["cells"][cell]["runs"]}
