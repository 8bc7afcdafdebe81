"""The verdicts of a study: one row per cell and metric, with all the evidence behind the word (verdicts.csv)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.paired import (
    bootstrap_interval,
    differences,
    equivalence,
    holm,
    improvement,
    paired,
    sign_flip,
)
from exaggerated_replay.analysis.statistics.power import detectable
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.pairs import METRICS
from exaggerated_replay.analysis.study.scores import significant
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.rules import Evidence, more_seeds, more_seeds_anytime, verdict
from exaggerated_replay.analysis.words import PARTS, counted, points
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.rules import RulesSettings


def all_verdicts(study: Study) -> pd.DataFrame:
    """Return the verdicts of every grid of a study, one below the other; see `verdicts`."""
    tables = [verdicts(study, grid) for grid in study.plan.grids]
    # A grid that compares nothing has no rows, and its columns no types: they would spoil those of the others.
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def verdicts(study: Study, grid: str) -> pd.DataFrame:
    """Judge every cell of a grid that has a baseline, by each metric.

    Args:
        study: Plan and records.
        grid: A grid of the plan.

    Returns:
        One row per cell and metric; columns as docs/statistics.md lists them.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    table = judge(study, [(row.cell, row.baseline) for row in study.plan.grid(grid) if row.baseline])
    table.insert(0, "grid", grid)
    return table


def judge(study: Study, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Judge pairs of cells (treatment, baseline) as one table: Holm's adjustment is for all of them together.

    Returns:
        As `verdicts`, without the column `grid`.

    Raises:
        UserError: If a cell has no run, or a pair shares no seed or mixes devices.
    """
    rules = study.plan.rules
    rows = [_evidence(study, cell, baseline, metric) for cell, baseline in pairs for metric in METRICS]
    table = pd.DataFrame(rows, columns=COLUMNS)
    for p in ("p", "anytime_p"):
        table[f"{p}_holm"] = holm(table[p])
    words = [_judged(row, len(table), rules) for _, row in table.iterrows()]
    return table.assign(**pd.DataFrame(words, index=table.index, columns=WORDS))


def verdicts_csv(table: pd.DataFrame) -> str:
    """Return verdicts as text, numbers with the digits that every processor agrees on."""
    numbers = table.select_dtypes("float").columns
    rounded = {column: table[column].map(significant) for column in numbers}
    return table.assign(**rounded).to_csv(index=False, lineterminator="\n")


def each_once(plan: StudyPlan, table: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts with each comparison once: where several grids have it, that of Table 1 or else of the first.

    Holm's adjustment is for a grid, so that the same comparison may have another verdict elsewhere.
    """
    table1 = paper.table1_grid(plan) or ""
    first = table.sort_values("grid", key=lambda grid: grid.ne(table1), kind="stable")
    return first.drop_duplicates(["cell", "baseline", "metric"])


COLUMNS = (
    *("cell", "arm", "baseline", "metric", "dataset", "validation", *paper.SIZE, "paper_size"),
    *("seeds", "left_out", "identical", "difference", "sd", "relative", "low", "high", "boot_low", "boot_high"),
    *("p", "p_holm", "p_equivalent", "claim", "p_claim", "improvement", "improvement_low", "improvement_high"),
    *("detectable", "anytime_low", "anytime_high", "anytime_p", "anytime_p_holm", "anytime_p_equivalent"),
)
WORDS = ("verdict", "more_seeds", "anytime_verdict", "anytime_more_seeds")


def _evidence(study: Study, cell: str, baseline: str, metric: str) -> dict[str, Any]:
    """Return all of a row that can be said before the other rows are known."""
    plan, rules = study.plan, study.plan.rules
    size = paper.size(plan.cells[cell].config)
    claim = paper.claimed_gain(plan, cell, baseline, metric)
    treated, base = study.pair(cell, baseline)
    values = differences(treated[metric], base[metric]).to_numpy() if len(treated) else np.empty(0)
    change = paired(treated[metric], base[metric], rules.alpha) if len(values) else None
    wins = improvement(values, rules.alpha)
    effect = rules.smallest_effect
    row = dict(zip(("boot_low", "boot_high"), bootstrap_interval(values, rules.alpha), strict=True))
    row |= dict(zip(("anytime_low", "anytime_high"), anytime.interval(values, rules.g, rules.alpha), strict=True))
    row |= {name: getattr(change, name, np.nan) for name in ("sd", "relative", "low", "high")}
    return {
        "cell": cell,
        "arm": plan.cells[cell].arm,
        "baseline": baseline,
        "metric": metric,
        "dataset": plan.dataset.name,
        "validation": bool(plan.dataset.validation),
        **size,
        "paper_size": paper.scale(size) == paper.FULL,
        "seeds": len(values),
        "left_out": study.left_out(cell, baseline),
        "identical": int((values == 0).sum()),
        "difference": getattr(change, "mean", np.nan),
        **row,
        "p": sign_flip(values) if len(values) else np.nan,
        "p_equivalent": equivalence(values, -effect, effect),
        "claim": claim,
        "p_claim": equivalence(values, claim - effect, claim + effect) if np.isfinite(claim) else np.nan,
        "improvement": wins.share,
        "improvement_low": wins.low,
        "improvement_high": wins.high,
        "detectable": detectable(len(values), row["sd"], rules.alpha, rules.power),
        "anytime_p": anytime.p_value(values, 0, rules.g),
        "anytime_p_equivalent": anytime.equivalence(values, -effect, effect, rules.g),
    }


def _judged(row: pd.Series, tests: int, rules: RulesSettings) -> dict[str, Any]:
    """Return both verdicts on a row, and how many more seeds each needs where it is undecided."""
    words: dict[str, Any] = {}
    for kind, needed in (("", more_seeds), ("anytime_", more_seeds_anytime)):
        found = Evidence(
            n=row["seeds"],
            mean=row["difference"],
            low=row[f"{kind}low"],
            high=row[f"{kind}high"],
            p_effect=row[f"{kind}p_holm"],
            p_equivalent=row[f"{kind}p_equivalent"],
        )
        word = verdict(found, row["claim"], rules)
        more = needed(found.n, found.mean, row["sd"], row["claim"], tests, rules) if word == "undecided" else 0
        words |= {f"{kind}verdict": word, f"{kind}more_seeds": more}
    return words


MEANING = {
    "reproduced": "above zero, and the paper's {claim} lies within the interval",
    "smaller": "above zero, but the paper's {claim} is excluded",
    "larger": "above zero, and above the paper's {claim}",
    "helps": "above zero",
    "no effect": "within {effect} of zero",
    "harmful": "below zero",
    "contradicted": "not above zero, and even half of the paper's {claim} is excluded",
    "undecided": "needing about {more}",
}


def sentence(row: pd.Series, rules: RulesSettings, kind: str = "") -> str:
    """Say a verdict in plain English, with all that must be said beside it, and its size.

    Args:
        row: A row of `verdicts`.
        rules: The rules it was reached by.
        kind: "" for the ordinary verdict, "anytime_" for the one that stays valid however often one looks.
    """
    return " ".join(filter(None, [finding(row, rules, kind), size_note(row)]))


def finding(row: pd.Series, rules: RulesSettings, kind: str = "") -> str:
    """Say a verdict as `sentence` does, but for its size."""
    word = row[f"{kind}verdict"]
    more = row[f"{kind}more_seeds"]
    meaning = MEANING[word].format(
        claim=points(row["claim"]), effect=_points_of(rules.smallest_effect), more=counted(more, "more seed")
    )
    said = f"{row['cell']} against {row['baseline']} on {PARTS[row['metric']]} of {row['dataset']}"
    if row["validation"]:
        said += " (validation data)"
    if row["seeds"]:
        found = interval_of(row, rules, kind)
        said += f": {points(row['difference'])} points ({found}, {counted(row['seeds'], 'seed')})"
    told = [f"{said}: {word}, {meaning}."]
    if row["identical"] == row["seeds"] > 0:
        told.append("At every seed, the two were right on as many test images.")
    if row["left_out"]:
        told.append(f"Left out because a run diverged: {counted(row['left_out'], 'pair')}.")
    return " ".join(told)


def size_note(row: pd.Series) -> str:
    """Say of which size a verdict speaks; nothing at the paper's."""
    scale = paper.scale(dict(row[[*paper.SIZE]]))
    if scale == paper.FULL:
        return ""
    if scale == paper.OTHER_LENGTH:
        lengths = f"{row['iterations']:,} iterations per task in place of {paper.SIZE['iterations']:,}"
        return f"This speaks of {scale}: {lengths}."
    return (
        f"This speaks of {scale} ({row['units']:,} units, {row['iterations']:,} iterations per task, "
        f"{row['batch']} + {row['replay_batch']} samples a step), not of the paper's size."
    )


def _points_of(size: float) -> str:
    return f"{size:g} point{'' if size == 1 else 's'}"


def interval_of(row: pd.Series, rules: RulesSettings, kind: str = "") -> str:
    """Return the interval of a row in words, by `kind` as in `sentence`."""
    low, high = row[f"{kind}low"], row[f"{kind}high"]
    if not (np.isfinite(low) and np.isfinite(high)):
        return "too few for an interval"
    always = "anytime-valid " if kind else ""
    return f"{always}{100 * (1 - rules.alpha):g} % interval {points(low)} to {points(high)}"
