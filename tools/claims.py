"""docs/claims.md: what the paper claims, at which size each claim was tested, on how many seeds, and the verdict.

`python -m tools.claims` makes the page of the committed studies.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.analysis.verdicts.sentences import beside
from exaggerated_replay.analysis.words import PARTS, counted
from exaggerated_replay.commands.compare import TOO_FEW
from exaggerated_replay.files import write_text
from exaggerated_replay.planning.study_plan import StudyPlan

PAGE, RESULTS = Path("docs/claims.md"), Path("results")
FOR = ("reproduced", "smaller", "larger", "helps")
SCALES = (paper.FULL, paper.OTHER_LENGTH, paper.MINIATURE)
F = 20.0  # of every figure and arm that names none
NOT_RUN = "not run"
SUMS = {"class_means": "stored", "reduction": "total"}  # the reading under which the paper's weights act
INTRODUCTION = """\
# The paper's claims, one by one

Made by `make claims` from `results/`; a test fails where it is out of date. Of several studies of one size, the one
with the most seeds is used. Differences are points of accuracy, with 95 % intervals by Student's *t*; a verdict follows
from a wider interval, which stays valid however often one looks ([statistics](explanation/statistics.md)). A miniature
is no replication: it says what happens at its size. *Negligible* is a stronger word than *contradicted*: the whole
interval lies within a quarter of the paper's mean gain, which excludes every gain in Table 1. The paper's values are
means of five runs, printed without their spread, and are compared as they stand. Runs of the paper's size follow the
[protocol](explanation/protocol.md)."""
READINGS = (
    (
        'the mean "of all original samples in that class" (section 3.3)',
        "of its samples in the replay batch, as the authors' code has it; `class_means=stored`: of all real samples, "
        "which must then be kept",
    ),
    (
        "the current model's classifier decides who competes, among all classes seen (section 3.2)",
        "the frozen copy, which makes the samples and their targets, decides among the classes that it knew",
    ),
    (
        "every class above the threshold competes",
        "the runner-up competes, as the authors' code has it; `competitors=all`",
    ),
    (
        "sums over features (Eq. 2, 4 and 5) and over samples (Eq. 1), the reconstruction included",
        "means throughout, as the authors' code has it; `reduction=total`: RR and RA alone are summed over both, so "
        "that attraction weighs 0.52 of the reconstruction at the paper's batch",
    ),
    (
        "binary cross-entropy between features (Eq. 4 and 5)",
        "the model's own reconstruction loss, a squared error where features are not in [0, 1]; `distance=bce`",
    ),
    (
        "the encoder of the baseline's publication",
        "one of the same architecture, pre-trained for this project on CIFAR-10, its features brought to the same "
        "standard deviation; `encoder=publication`",
    ),
    (
        "+4.86 and +4.80 in Table 1 and section 5, but +3.20 and +4.30 in section 4, for the same relative gains",
        "Table 1",
    ),
    (
        '"significant" for all averages (section 5), but "not significant" over all classes (section 4, Fig. 3)',
        "as section 4 and Fig. 3 have it",
    ),
)
"""What the paper says, where it leaves a choice or says two things, and how it is read here by default."""


def page(results: Path = RESULTS) -> str:
    """Return the page as Markdown."""
    found = comparisons(results)
    table1 = found[found["claim"].notna() & found["default"]]
    lengths = found[found["default"] & found["f"].eq(F) & found["papers"]]
    alone = found[found["default"] & found["against_none"]]
    parts = [
        INTRODUCTION,
        "## In short",
        _table(("claim", *SCALES), _short(table1, lengths, alone)),
        "## Table 1, cell by cell",
        _table(("f", "classes", "the paper", *SCALES), _cells(table1)),
        "Under another reading (the means of all real samples; RR and RA summed, the reconstruction not), at f = 20:",
        _table(("f", "classes", "the paper", *SCALES), _cells(found[found["claim"].notna() & found["sums"]], (F,))),
        "## Fig. 3: every length, f = 20",
        _table(("size", "iterations per task", *PARTS.values()), _lengths(lengths)),
        "## f against none",
        "The paper: +3.45 % relative on the first 50 % of classes, on average.",
        _table(("f", "size", *PARTS.values(), "first 50 %, relative"), _against_none(results, alone)),
        "## Deviations from the paper",
        _table(("setting", "the paper", *_named(table1).values()), _deviations(results, table1)),
        _table(("the paper says", "read here, by default"), READINGS),
    ]
    return "\n\n".join(parts) + "\n"


def comparisons(results: Path) -> pd.DataFrame:
    """Return the verdicts of all studies on the paper's test data, each comparison of a study once, with what it is."""
    tables = []
    for folder in sorted(path.parent for path in results.glob("*/plan.json")):
        plan = open_study(folder).plan
        if paper.papers_data(plan) and not plan.dataset.validation:
            verdicts = read_table(folder / "verdicts.csv")
            own = verdicts[verdicts["grid"] == verdicts["family"]]
            described = [_described(plan, *pair) for pair in zip(own["cell"], own["baseline"], strict=True)]
            tables.append(own.assign(study=folder.name, **pd.DataFrame(described, index=own.index)))
    found = pd.concat(tables, ignore_index=True)
    return found.assign(verdict=found["verdict"].where(np.isfinite(found["valid_low"]), TOO_FEW))


def _described(plan: StudyPlan, cell: str, baseline: str) -> dict[str, Any]:
    method, other = plan.cells[cell].method, plan.cells[baseline].method
    described, reading = plan.cells[cell], method.get("reading")
    weights = method.get("lambda_rr") == method.get("lambda_ra") == paper.WEIGHT
    return {
        "f": method.get("f"),
        "units": described.setting("model.units"),
        "iterations": described.setting("training.iterations"),
        "scale": paper.scale(described),
        "default": reading == paper.READING,
        "sums": reading == {**paper.READING, **SUMS},
        "papers": paper.stands_in_table1(method, other),
        "against_none": weights and other == {**method, "f": "none"},
    }


def _most_seeds(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Return, of the rows that agree in keys, scale and metric, the one with the most seeds."""
    ordered = table.sort_values("seeds", ascending=False, kind="stable")
    return ordered.drop_duplicates([*keys, "scale", "metric"])


def _short(table1: pd.DataFrame, lengths: pd.DataFrame, alone: pd.DataFrame) -> Iterable[Sequence[str]]:
    """Return a row for every claim: what it is, and what is known of it at each size."""
    cells, at_lengths, against = (
        _most_seeds(table1, "f"),
        _most_seeds(lengths, "iterations"),
        _most_seeds(alone, "f"),
    )

    def at(table: pd.DataFrame, metric: str) -> list[pd.DataFrame]:
        return [table[table["metric"].eq(metric) & table["scale"].eq(scale)] for scale in SCALES]

    for metric, part in PARTS.items():
        claimed = paper.published()["absolute"].xs(metric, level="metric")
        claim = f"Table 1: {claimed.min():+.2f} to {claimed.max():+.2f} on {part}, at f = 5 to 100"
        yield claim, *map(_counts, at(cells, metric))
    for metric, part in PARTS.items():
        nowhere = metric == "overall"
        said = "nowhere significant" if nowhere else "significant at every length"
        rows = at(at_lengths, metric)
        words = (_differs(of_size) if nowhere else of_size["verdict"] for of_size in rows)
        yield f"Fig. 3: {said} on {part}", *map(_by_length, rows, words)
    yield "the best f are 10 and 20", *(_best(cells[cells["scale"].eq(scale)]) for scale in SCALES)
    yield f"+3.45 % relative on {PARTS['first50']} by f, against none", *map(_counts, at(against, "first50"))


def _counts(rows: pd.DataFrame) -> str:
    """Say how many comparisons have which verdict, on how many seeds."""
    said = ", ".join(f"{count} {word}" for word, count in Counter(rows["verdict"]).items())
    return f"{said} ({_span(rows['seeds'])})" if said else NOT_RUN


def _by_length(rows: pd.DataFrame, words: pd.Series) -> str:
    """Say which word there is at which length, on how many seeds."""
    ordered = rows.assign(word=words).sort_values("iterations")
    found = zip(ordered["iterations"], ordered["word"], ordered["seeds"], strict=True)
    return ", ".join(f"{length:,}: {word} ({counted(seeds, 'seed')})" for length, word, seeds in found) or NOT_RUN


def _differs(rows: pd.DataFrame) -> pd.Series:
    """Say of each comparison whether it is known not to be zero, whatever the paper says of its size."""
    apart = (rows["valid_low"] > 0) | (rows["valid_high"] < 0)
    words = apart.map({True: "a difference", False: "none found"})
    return words.where(np.isfinite(rows["valid_low"]), TOO_FEW)


def _best(rows: pd.DataFrame) -> str:
    """Say which f gains most where any gains, and else that there is nothing to be best of."""
    if rows["f"].nunique() < len(paper.FACTORS):
        return NOT_RUN
    if not rows["verdict"].isin(FOR).any():
        return f"no f gains: nothing to be the best of ({_span(rows['seeds'])})"
    best = rows.loc[rows.groupby("metric")["difference"].idxmax()]
    return ", ".join(f"f = {f:g} on {PARTS[metric]}" for f, metric in zip(best["f"], best["metric"], strict=True))


def _cells(table: pd.DataFrame, factors: Sequence[float] = paper.FACTORS) -> Iterable[Sequence[str]]:
    chosen = _rows(_most_seeds(table, "f"), "f", "metric", "scale")
    gains = paper.published()["absolute"].to_dict()
    for f in factors:
        for metric, part in PARTS.items():
            said = [_said(chosen.get((f, metric, scale))) for scale in SCALES]
            yield f"{f:g}", part, f"{gains[f, metric]:+.2f}", *said


def _lengths(table: pd.DataFrame) -> Iterable[Sequence[str]]:
    chosen = _rows(_most_seeds(table, "iterations"), "scale", "iterations", "metric")
    for scale in SCALES:
        for length in sorted({at for size, at, _ in chosen if size == scale}):
            yield scale, f"{length:,}", *(_said(chosen[scale, length, metric]) for metric in METRICS)


def _against_none(results: Path, table: pd.DataFrame) -> Iterable[Sequence[str]]:
    chosen = _rows(_most_seeds(table, "f"), "f", "scale", "metric")
    for f, scale in sorted({(f, scale) for f, scale, _ in chosen}):
        row = chosen[f, scale, "first50"]
        relative = read_table(results / row["study"] / "tables" / f"{row['grid']}.csv").set_index("cell")
        said = f"{relative['first50_relative'][row['cell']]:+.2f} %"
        yield f"{f:g}", scale, *(_said(chosen[f, scale, metric]) for metric in METRICS), said


def _rows(table: pd.DataFrame, *keys: str) -> dict[tuple[Any, ...], pd.Series]:
    return {tuple(row[key] for key in keys): row for _, row in table.iterrows()}


def _said(row: pd.Series | None) -> str:
    """Say a comparison with its interval by Student's t, its seeds, its verdict and its study."""
    if row is None:
        return NOT_RUN
    around = f" ({row['low']:z.2f} to {row['high']:z.2f})" if row["seeds"] > 1 else ""
    word = ", ".join(filter(None, [row["verdict"], beside(row)]))
    study = f"[{row['study']}](../results/{row['study']}/README.md)"
    return f"{row['difference']:+z.2f}{around}, {counted(row['seeds'], 'seed')}: **{word}** ({study})"


def _named(table1: pd.DataFrame) -> dict[str, str]:
    """Return the study that speaks of Table 1 at each size: scale -> its name."""
    chosen = _most_seeds(table1, "f").drop_duplicates("scale").set_index("scale")["study"]
    return {scale: str(chosen[scale]) for scale in SCALES if scale in chosen.index}


def _deviations(results: Path, table1: pd.DataFrame) -> Iterable[Sequence[str]]:
    columns = [_settings(results / study, table1[table1["study"].eq(study)]) for study in _named(table1).values()]
    units, iterations, batch, replayed = paper.SIZE.values()
    papers = {
        "units of a hidden layer": f"{units:,}",
        "iterations per task": f"{iterations:,}",
        "samples a step": f"{batch} + {replayed}",
        "strength c of synaptic intelligence": f"{paper.STRENGTH:g}",
        "f": ", ".join(map(str, paper.FACTORS)),
        "runs of an arm": counted(paper.RUNS, "seed"),
        "encoder": "the baseline's publication's",
        "features": "1,024",
    }
    for name, value in papers.items():
        yield name, value, *(column[name] for column in columns)


def _settings(folder: Path, rows: pd.DataFrame) -> dict[str, str]:
    study = open_study(folder)
    plan, record = study.plan, next(iter(study.records.values()))
    training, strengths = plan.training, {plan.cells[cell].method["si"]["strength"] for cell in rows["cell"]}
    return {
        "units of a hidden layer": f"{plan.model.units:,}",
        "iterations per task": f"{training.iterations:,}",
        "samples a step": f"{training.batch} + {training.replay_batch}",
        "strength c of synaptic intelligence": ", ".join(f"{strength:g}" for strength in sorted(strengths)),
        "f": ", ".join(f"{f:g}" for f in sorted(set(rows["f"]))),
        "runs of an arm": _span(rows["seeds"]),
        "encoder": plan.encoded_by.name if plan.encoded_by else "none",
        "features": f"{record.problem['inputs']:,}",
    }


def _span(seeds: pd.Series) -> str:
    least, most = seeds.min(), seeds.max()
    return counted(most, "seed") if least == most else f"{least} to {counted(most, 'seed')}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write_text(PAGE, page())
