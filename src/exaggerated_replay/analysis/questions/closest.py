"""Which reading of the paper comes closest to its Table 1?

A reading's distance is the root mean square, over the three columns of the table, of its mean difference from the
baseline minus the published gain. That gain is the mean over the table's rows (five values of f, which differ by less
than a point), so that all readings are held against the same. How sure the order is, a bootstrap over seeds tells: all
readings share their seeds, so a resample takes the same seeds for all of them: of those at which none of them diverged.
"""

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.statistics.paired import PLACES
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.roles import EXAGGERATION, role
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study

RESAMPLES = 9999
COLUMNS = ("cell", "baseline", "seeds", *METRICS, "distance", "without_effect", "closest")


def answer(study: Study, grid: str) -> pd.DataFrame:
    """Sort the cells of a grid that exaggerate by their distance from the paper's Table 1.

    Args:
        study: Plan and records.
        grid: A grid of the plan.

    Returns:
        One row per cell, if there are several, the closest first: cell, baseline, seeds; first20, first50 and overall
        (mean differences); distance, and that of no effect at all (without_effect), in points; and in which share of
        the resamples the cell is the closest of them all (closest).

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    found = effects(study, grid)
    cells = [cell for cell in found["cell"].unique() if role(study.cell(cell).method) == EXAGGERATION]
    if len(cells) < 2:  # the closest of one says nothing
        return pd.DataFrame(columns=COLUMNS)
    gain = paper.published()["absolute"].groupby("metric").mean()[[*METRICS]].to_numpy()
    seeds = np.sort(found["seed"].unique())
    differences = np.full((len(cells), len(seeds), len(METRICS)), np.nan)
    for number, cell in enumerate(cells):
        own = found[found["cell"] == cell]
        differences[number, np.searchsorted(seeds, own["seed"])] = own[[*METRICS]]
    means = np.nanmean(differences, axis=1)
    baselines = found.drop_duplicates("cell").set_index("cell")["baseline"]
    table = pd.DataFrame(
        {
            "cell": cells,
            "baseline": baselines[cells].to_numpy(),
            "seeds": found.groupby("cell").size()[cells].to_numpy(),
            **dict(zip(METRICS, means.T, strict=True)),
            "distance": distance(means, gain),
            "without_effect": distance(np.zeros_like(means), gain),
            "closest": shares(differences, gain),
        }
    )
    return table.sort_values("distance", kind="stable", ignore_index=True)


def shares(differences: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return in which share of the resampled sets of seeds each cell is the closest; ties count in part.

    Args:
        differences: Shape [cells, seeds, metrics]; nan where a cell lacks a seed. Seeds that one lacks do not count.
        gain: Shape [metrics], what the table has.

    Returns:
        Shape [cells]; nan where less than two seeds count.
    """
    common = differences[:, np.isfinite(differences).all(axis=(0, 2))]
    cells, seeds, _ = common.shape
    if seeds < 2:
        return np.full(cells, np.nan)
    weights = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    distances = distance(np.einsum("rs,csm->rcm", weights, common), gain).round(PLACES)
    nearest = distances == distances.min(axis=1, keepdims=True)
    return (nearest / nearest.sum(axis=1, keepdims=True)).mean(axis=0)


def distance(found: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return the root mean square difference over the last axis, the metrics."""
    return np.sqrt(np.mean((found - gain) ** 2, axis=-1))
