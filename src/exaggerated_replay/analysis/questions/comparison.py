"""Comparison tables: every cell of a grid against its baseline, seed by seed."""

from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.statistics.paired import paired
from exaggerated_replay.analysis.study.paper import published_gain, speaks_of
from exaggerated_replay.analysis.study.scores import METRICS, finished
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import written
from exaggerated_replay.planning.study_plan import varied


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


def varied_settings(table: pd.DataFrame) -> list[str]:
    """Return the columns of a comparison that are settings which its grid varies."""
    return [column for column in table.columns if "." in column]


def row_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Label a comparison's rows by what tells them apart: values of f alone as in Table 1, or arm and settings.

    Returns:
        Strings, one row per row; the only column is "f" where one arm is compared over f, and the baseline is then
        called "baseline". Else the columns are "arm" (where there are several) and the settings that the grid varies,
        by the last part of their key where that is enough.
    """
    keys = varied_settings(table)
    compared = table[table["baseline"].notna()]
    one_arm = compared["arm"].nunique() == 1 and table["baseline"].isna().sum() <= 1
    if keys == ["method.f"] and one_arm and compared["f"].notna().all() and compared["f"].is_unique:
        return compared["f"].map(written).reindex(table.index, fill_value="baseline").to_frame("f")
    short = [key.rpartition(".")[2] for key in keys]
    names = {key: last if short.count(last) == 1 else key for key, last in zip(keys, short, strict=True)}
    labels = table[["arm", *keys]].map(written).rename(columns=names)
    if keys and table["arm"].nunique() == 1:
        labels = labels.drop(columns="arm")
    return labels.assign(cell=table["cell"]) if labels.duplicated().any() else labels


def over_f(table: pd.DataFrame) -> bool:
    """Tell whether the rows of a comparison are values of f, like those of the paper's Table 1."""
    return list(row_labels(table)) == ["f"]
