"""Which reading of the paper comes closest to its Table 1?

A reading's distance is the root mean square, over the three columns of the table, of its mean difference from the
baseline minus the published gain. That gain is the mean over the table's rows (five values of f, which differ by less
than a point), so that all readings are held against the same. How sure the order is, a bootstrap over seeds tells: all
readings share their seeds, so a resample takes the same seeds for all of them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from exaggerated_replay.analysis import paper
from exaggerated_replay.analysis.effects import effects
from exaggerated_replay.analysis.roles import EXAGGERATION, role
from exaggerated_replay.analysis.selection import METRICS
from exaggerated_replay.analysis.statistics import PLACES, RESAMPLES

COLUMNS = ("cell", "baseline", "seeds", *METRICS, "distance", "without_effect", "closest")


def closest(plan: Mapping, runs: pd.DataFrame, grid: str) -> pd.DataFrame:
    """Sort the cells of a grid that exaggerate by their distance from the paper's Table 1.

    Args:
        plan: The plan of the study.
        runs: One row per run; accuracies in percent, nan where a run diverged.
        grid: A grid of the plan.

    Returns:
        One row per cell, if there are several, the closest first: cell, baseline, seeds; first20, first50 and overall
        (mean differences); distance, and that of no effect at all (without_effect), in points; and in which share of
        the resamples the cell is the closest of them all.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    found = effects(plan, runs, grid)
    methods = {cell: plan["cells"][cell]["config"]["method"] for cell in found["cell"].unique()}
    cells = [cell for cell, method in methods.items() if role(method) == EXAGGERATION]
    if len(cells) < 2:  # the closest of one says nothing
        return pd.DataFrame(columns=COLUMNS)
    gain = paper.published()["absolute"].groupby("metric").mean()[[*METRICS]].to_numpy()
    seeds = np.sort(found["seed"].unique())
    differences = np.full((len(cells), len(seeds), len(METRICS)), np.nan)
    for number, cell in enumerate(cells):
        own = found[found["cell"] == cell]
        differences[number, np.searchsorted(seeds, own["seed"])] = own[[*METRICS]]
    weights = np.random.default_rng(0).multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), RESAMPLES)
    means = weighted_means(differences, np.ones((1, len(seeds))))[0]
    distances = distance(weighted_means(differences, weights), gain).round(PLACES)
    nearest = distances == np.nanmin(distances, axis=1, keepdims=True)
    baselines = found.drop_duplicates("cell").set_index("cell")["baseline"]
    table = pd.DataFrame(
        {
            "cell": cells,
            "baseline": baselines[cells].to_numpy(),
            "seeds": found.groupby("cell").size()[cells].to_numpy(),
            **dict(zip(METRICS, means.T, strict=True)),
            "distance": distance(means, gain),
            "without_effect": distance(np.zeros_like(means), gain),
            "closest": (nearest / nearest.sum(axis=1, keepdims=True)).mean(axis=0),  # ties count in part
        }
    )
    return table.sort_values("distance", kind="stable", ignore_index=True)


def weighted_means(differences: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return means over seeds, each counted as often as a resample has it.

    Args:
        differences: Shape [cells, seeds, metrics]; nan where a cell lacks a seed.
        weights: Shape [resamples, seeds].

    Returns:
        Shape [resamples, cells, metrics]; nan where a resample has none of a cell's seeds.
    """
    there = np.isfinite(differences)
    sums = np.einsum("rs,csm->rcm", weights, np.where(there, differences, 0))
    counts = np.einsum("rs,csm->rcm", weights, there)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan, dtype=float), where=counts > 0)


def distance(found: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return the root mean square difference over the last axis, the metrics."""
    return np.sqrt(np.mean((found - gain) ** 2, axis=-1))
