"""How likely is the paper's Table 1 if exaggeration does nothing?

The table has one baseline and five values of f, each the mean of five runs. It does not say which runs share their
seeds. An accuracy is taken as seed + run: what all arms of a seed share (class order, weights, batches: sd
`between`), and what a run has to itself (sd `within`). Without any effect, three designs then give different chances
of five gains as large, and as much alike, as the published ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from exaggerated_replay.analysis.study.pairs import METRICS, finished
from exaggerated_replay.analysis.study.paper import published, rows_of_table1
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.errors import UserError

RUNS = 5  # behind every number of the table
DRAWS = 100_000

# Which set of seeds each row has; the last entry is the baseline's.
DESIGNS: dict[str, Callable[[int], list[int]]] = {
    "paired": lambda rows: [0] * (rows + 1),
    "baseline apart": lambda rows: [*[0] * rows, 1],
    "independent": lambda rows: list(range(rows + 1)),
}
MEANING = {
    "paired": "all rows and the baseline share their seeds",
    "baseline apart": "the rows share their seeds and the baseline has others",
    "independent": "every row has seeds of its own",
}


@dataclass(frozen=True)
class Spreads:
    """Standard deviations of an accuracy in percentage points: over seeds, and between arms of one seed."""

    between: float
    within: float


def measure(accuracy: pd.DataFrame) -> Spreads:
    """Estimate both spreads by a two-way analysis of variance.

    Args:
        accuracy: In percent, one row per seed, one column per arm; at least two of each, none missing.
    """
    values = accuracy.to_numpy(dtype=float)
    seeds, arms = values.shape
    by_seed = values.mean(1, keepdims=True)
    own = values - by_seed - values.mean(0) + values.mean()
    within = (own**2).sum() / ((seeds - 1) * (arms - 1))
    between = by_seed.var(ddof=1) - within / arms  # the mean of a seed's arms varies by both
    return Spreads(float(max(between, 0) ** 0.5), float(within**0.5))


def odds(gains: ArrayLike, spreads: Spreads, runs: int = RUNS, draws: int = DRAWS) -> pd.DataFrame:
    """Simulate the table without any effect, under each design; seeded.

    Args:
        gains: Published gains over the baseline, percentage points, one per row.
        spreads: Of a single run.
        runs: Behind each row's mean.
        draws: Simulated tables.

    Returns:
        Indexed by design: `as_large`, the chance that every row gains at least as much as the least published one;
        `as_alike`, the chance that the rows' standard deviation is at most the published one; `both`; and `fit`, the
        likelihood of the published rows' mean and spread, relative to the design that they fit best.
    """
    if np.isnan(spreads.between):
        return pd.DataFrame(np.nan, pd.Index(DESIGNS, name="design"), ["as_large", "as_alike", "both", "fit"])
    gains = np.asarray(gains, dtype=float)
    rng = np.random.default_rng(0)
    found = {}
    for design, seeds_of in DESIGNS.items():
        simulated = simulate(seeds_of(len(gains)), spreads, runs, draws, rng)
        as_large = simulated.min(1) >= gains.min()
        as_alike = simulated.std(1, ddof=1) <= gains.std(ddof=1)
        chances = {"as_large": as_large, "as_alike": as_alike, "both": as_large & as_alike}
        found[design] = {name: held.mean() for name, held in chances.items()}
        found[design]["fit"] = log_likelihood(gains, *shared_and_own(design, spreads, runs))
    table = pd.DataFrame(found).T.rename_axis("design")
    best = table["fit"].max()
    return table.assign(fit=np.exp(table["fit"] - best) if np.isfinite(best) else np.nan)


def simulate(seeds: Sequence[int], spreads: Spreads, runs: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return the gains of tables in which nothing has an effect, (draws, rows).

    Args:
        seeds: Which set of seeds each row has, and last the baseline.
        spreads: Of a single run.
        runs: Behind each row's mean.
        draws: Tables.
        rng: Where they are drawn from.
    """
    shared = rng.normal(0, spreads.between, (draws, runs, max(seeds) + 1))[:, :, list(seeds)]
    own = rng.normal(0, spreads.within, shared.shape)
    means = (shared + own).mean(1)
    return means[:, :-1] - means[:, -1:]


def shared_and_own(design: str, spreads: Spreads, runs: int) -> tuple[float, float]:
    """Return the standard deviations of what all gains of a table share and of what each has to itself."""
    seed, run = spreads.between**2 / runs, spreads.within**2 / runs
    shared, own = {
        "paired": (run, run),
        "baseline apart": (2 * seed + run, run),
        "independent": (seed + run, seed + run),
    }[design]
    return shared**0.5, own**0.5


def log_likelihood(gains: np.ndarray, shared: float, own: float) -> float:
    """Return the log density of the rows' mean and standard deviation, which are independent of one another."""
    rows, spread = len(gains), gains.std(ddof=1)
    if own == 0 or spread == 0:
        return -np.inf
    mean = stats.norm.logpdf(gains.mean(), 0, (shared**2 + own**2 / rows) ** 0.5)
    scale = own / (rows - 1) ** 0.5
    return float(mean + stats.chi.logpdf(spread, rows - 1, scale=scale))


def table1_odds(study: Study, grid: str) -> pd.DataFrame:
    """Answer the question for each column of Table 1, with the spreads of this study.

    Args:
        study: Plan and records.
        grid: A grid with the baseline and two or more of the table's rows: RR+RA at the paper's weights.

    Returns:
        One row per metric and design: metric, design, seeds (at which all arms finished), between, within, and as
        `odds`; nan where there are fewer than two such seeds.

    Raises:
        UserError: If the grid is unknown or has fewer than two rows of the table, or a cell has no run.
    """
    names = rows_of_table1(study.plan, grid)
    if len(names) < 3:
        raise UserError(f"grid '{grid}' has fewer than two rows of Table 1: its spreads cannot be measured there")
    scored = {name: study.cell_runs(name) for name in names}
    parts = []
    for metric in METRICS:
        accuracy = pd.DataFrame({name: found.loc[finished(found), metric] for name, found in scored.items()}).dropna()
        gains = published()["absolute"].xs(metric, level="metric")
        spreads = measure(accuracy) if len(accuracy) > 1 else Spreads(np.nan, np.nan)
        chances = odds(gains, spreads).reset_index()
        parts.append(chances.assign(metric=metric, seeds=len(accuracy), **vars(spreads)))
    columns = ["metric", "design", "seeds", "between", "within", "as_large", "as_alike", "both", "fit"]
    return pd.concat(parts, ignore_index=True)[columns]


def chance(share: float) -> str:
    """Return the share of simulated tables in words."""
    if share == 0:
        return f"less than 1 in {DRAWS:,}"
    return f"1 in {1 / share:,.0f}" if share < 0.1 else f"{100 * share:.0f} %"
