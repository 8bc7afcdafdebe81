"""Comparison tables: every cell of a grid against its baseline, seed by seed."""

from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.names import row_names
from exaggerated_replay.analysis.statistics.paired import paired
from exaggerated_replay.analysis.study.paper import published_gain, speaks_of
from exaggerated_replay.analysis.study.scores import METRICS, finished
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import written
from exaggerated_replay.planning.study_plan import varied

OVER_F, NAMED = "repulsion factor f", "what was trained"
"""What the rows of a comparison are."""


def comparison(study: Study, grid: str) -> pd.DataFrame:
    """Compare every cell of a grid with its baseline (Table 1, and its like for any other grid).

    Args:
        study: Plan and records. Runs that diverged are gaps: they have no part in a mean. A mean is that of all of a
            cell's runs that reached their end, here and everywhere; a difference that of the pairs of which both did.
        grid: A grid of the plan.

    Returns:
        One row per cell: cell, arm, baseline, every setting that the grid varies (under its dotted key), f, iterations,
        seeds (finished, and shared with its baseline), gaps (which of its runs diverged), dropped (percent of the
        competing replayed samples that repulsion left out) and, for each metric, mean (percent), difference with its
        interval low and high (percentage points), relative (percent of the baseline), where the
        paper speaks of the study, published_absolute and published_relative (its own, where its Table 1 has the same
        comparison).

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    entries = study.plan.grid(grid)
    keys = varied(entries)
    rows, claims = [], speaks_of(study.plan)
    for entry in entries:
        cell, baseline = study.cell(entry.cell), entry.baseline
        every = study.cell_runs(cell.name)
        own = every[finished(every)]
        treated, base = (own, None) if baseline is None else study.pair(cell.name, baseline)
        row: dict[str, Any] = {"cell": cell.name, "arm": cell.arm, "baseline": baseline}
        row |= {key: cell.setting(key) for key in keys}
        row |= {"f": cell.method.get("f"), "iterations": cell.setting("training.iterations"), "seeds": len(treated)}
        row |= {"gaps": gaps(every), "dropped": own["dropped"].mean()}
        for metric in METRICS:
            row[f"{metric}_mean"] = own[metric].mean()
            change = None if base is None else paired(treated[metric], base[metric])
            row[f"{metric}_difference"] = np.nan if change is None else change.mean
            for name in ("low", "high", "relative"):
                row[f"{metric}_{name}"] = getattr(change, name, np.nan)
            if claims:
                papers = published_gain(study.plan, cell.name, baseline, metric) if baseline else (np.nan, np.nan)
                row |= dict(zip((f"{metric}_published_absolute", f"{metric}_published_relative"), papers, strict=True))
        rows.append(row)
    # Left to itself, a column of settings would turn whole numbers into fractions wherever a row has none.
    whole = {key: pd.Series([row[key] for row in rows], dtype=object) for key in ("f", *keys)}
    return pd.DataFrame(rows).assign(**whole)


def gaps(runs: pd.DataFrame) -> str:
    """Say which runs of a cell, indexed by seed, have no score: "seed 3 diverged in task 2"."""
    missing = runs[~finished(runs)]
    return ", ".join(f"seed {seed} {status}" for seed, status in missing["status"].items())


def over_f(table: pd.DataFrame) -> bool:
    """Tell whether the rows of a comparison are values of f for one arm, like those of the paper's Table 1."""
    compared = table[table["baseline"].notna()]
    varied_settings = [column for column in table.columns if "." in column]
    one_arm = compared["arm"].nunique() == 1 and table["baseline"].isna().sum() <= 1
    different = compared["f"].is_unique and not compared["f"].hasnans
    return bool(one_arm and different and varied_settings == ["method.f"])


def row_labels(table: pd.DataFrame, study: Study, grid: str) -> pd.Index:
    """Label the rows of a grid's comparison: by f alone, as in Table 1, where that tells them apart; or else in words.

    Returns:
        Strings under the name of what they are; a baseline over f is called "baseline".
    """
    if over_f(table):
        return pd.Index(table["f"].map(written).where(table["baseline"].notna(), "baseline"), name=OVER_F)
    return pd.Index(row_names(study.plan, study.plan.grid(grid)), name=NAMED)
