"""The question of a study and its answer, in two sentences each: written by rule, from its verdicts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from exaggerated_replay.analysis import paper
from exaggerated_replay.analysis.layout import papers_data, short_data_name
from exaggerated_replay.analysis.verdicts import PARTS, counted, interval_of, points, rules_of

FOR = ("reproduced", "smaller", "larger", "helps")
AGAINST = ("no effect", "harmful", "contradicted")
SAID = {
    "reproduced": ("is reproduced", "are reproduced"),
    "smaller": ("is smaller than published", "are smaller than published"),
    "larger": ("is larger than published", "are larger than published"),
    "helps": ("shows a gain", "show a gain"),
    "no effect": ("shows no effect", "show no effect"),
    "harmful": ("shows a loss", "show a loss"),
    "contradicted": ("is contradicted", "are contradicted"),
    "undecided": ("is undecided", "are undecided"),
}
"""Every verdict, said of one comparison and of several; in this order."""
LEADS = {
    (True, False, False): "yes",
    (False, True, False): "no",
    (False, False, True): "not decided yet",
    (True, False, True): "in part",
    (False, True, True): "no, as far as it is decided",
    (True, True, False): "it depends",
    (True, True, True): "it depends",
}
"""Whether some verdicts are for exaggeration, some against, some undecided -> the answer's first words."""
DATA = {"cifar100": "CIFAR-100", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}
SIZES = {"units": "unit", "iterations": "iteration per task", "seeds": "seed"}


def question(plan: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the paper claims, and what the study asks."""
    gains = paper.published()["absolute"].xs("first20", level="metric")
    claim = (
        "Millichamp and Chen report that feature exaggeration, which pushes imagined samples of earlier classes apart "
        f"while a network learns new ones, keeps {gains.min():.1f} to {gains.max():.1f} points more accuracy on the "
        "first 20 % of CIFAR-100's classes than brain-inspired replay alone."
    )
    return claim, f"Does it, on {named(plan)}, when each run is compared with the baseline's run of the same seed?"


def answer(plan: Mapping[str, Any], verdicts: pd.DataFrame) -> tuple[str, str]:
    """Return the answer and what it speaks of.

    Args:
        plan: The plan of the study, which says which cells exaggerate.
        verdicts: As verdicts.csv holds them.
    """
    table = compared(plan, verdicts)
    claimed, others = table[table["claim"].notna()], table[table["claim"].isna()]
    if table.empty:
        return _without_exaggeration(plan, verdicts)
    if claimed.empty:
        found = _of(
            others, "comparison of exaggeration with its baseline", "comparisons of exaggeration with its baseline"
        )
        return f"{_lead(plan, table)}: {found}; {_extreme(plan, others)}.", _scope(plan, table)
    found = _of(claimed, "gain in the paper's Table 1", "gains in the paper's Table 1")
    first = f"{_lead(plan, claimed)}: {found}; {_largest_claim(plan, claimed)}."
    if others.empty:
        return first, _scope(plan, table)
    beyond = _of(others, "comparison beyond that table", "comparisons beyond that table")
    return first, f"{beyond[0].upper()}{beyond[1:]} ({_extreme(plan, others)}); {_uncapped(_scope(plan, table))}"


def compared(plan: Mapping[str, Any], verdicts: pd.DataFrame) -> pd.DataFrame:
    """Select the verdicts on exaggeration against what does not exaggerate, each pair of cells once."""
    exaggerates = {name: "lambda_rr" in cell["config"]["method"] for name, cell in plan["cells"].items()}
    asked = verdicts["cell"].map(exaggerates).eq(True) & verdicts["baseline"].map(exaggerates).eq(False)
    return verdicts[asked].drop_duplicates(["cell", "baseline", "metric"])


def named(plan: Mapping[str, Any]) -> str:
    """Name the data of a study in running text."""
    name = short_data_name(plan)
    said = name if plan["dataset"].get("source_name") else DATA.get(name, name)
    return f"validation data of {said}" if plan["dataset"].get("validation") else said


def tally(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count verdicts by word, in the order of `SAID`; words that do not occur are left out."""
    counts = verdicts["verdict"].value_counts()
    return {word: int(counts[word]) for word in SAID if word in counts}


def _lead(plan: Mapping[str, Any], table: pd.DataFrame) -> str:
    words = set(table["verdict"])
    lead = LEADS[bool(words & {*FOR}), bool(words & {*AGAINST}), "undecided" in words]
    small = papers_data(plan) and not table["paper_size"].all()
    return f"On {named(plan)}{' in miniature' if small else ''}, {lead}"


def _of(table: pd.DataFrame, one: str, several: str) -> str:
    """Say how many comparisons have which verdict."""
    counts = tally(table)
    if len(table) == 1:
        return f"the one {one} that was tested {SAID[next(iter(counts))][0]}"
    if len(counts) == 1:
        return f"all {len(table)} {several} {SAID[next(iter(counts))][1]}"
    *most, last = (f"{count} {SAID[word][count > 1]}" for word, count in counts.items())
    return f"of {len(table)} {several}, {', '.join(most)} and {last}"


def _largest_claim(plan: Mapping[str, Any], table: pd.DataFrame) -> str:
    row = table.iloc[int(table["claim"].to_numpy().argmax())]
    f = plan["cells"][row["cell"]]["config"]["method"]["f"]
    where = f"where the paper gains most ({points(row['claim'])} points: {PARTS[row['metric']]}, f = {f})"
    return f"{where}, {_difference(plan, row)}"


def _extreme(plan: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Say which difference is the largest, of how many it was picked, and what its verdict is."""
    if (table["identical"] == table["seeds"]).all() and table["seeds"].gt(0).all():
        return "with and without it, every test sample is classified alike at every seed"
    known = table[table["difference"].notna()]
    if known.empty:
        return "no pair of runs reached its end"
    row = known.iloc[int(known["difference"].abs().to_numpy().argmax())]
    where = f"{row['cell']} against {row['baseline']} on {PARTS[row['metric']]}"
    picked = "" if len(table) == 1 else f"the largest difference is that of {where}: "
    return f"{picked}{_difference(plan, row)}" + ("" if len(table) == 1 else f", {row['verdict']}")


def _difference(plan: Mapping[str, Any], row: pd.Series) -> str:
    if pd.isna(row["difference"]):
        return "no pair of runs reached its end"
    return f"{points(row['difference'])} points were found ({interval_of(row, rules_of(plan))})"


def _scope(plan: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Say of which size the answer speaks, and whether it is about the paper's claim at all."""
    units, iterations, seeds = (_span(table[name], thing) for name, thing in SIZES.items())
    size = f"{units} a layer, {iterations} and {seeds}"
    if not papers_data(plan):
        return f"This is a demonstration at {size}: the paper claims nothing about {named(plan)}."
    if table["paper_size"].all():
        return f"This speaks of the paper's size ({size})."
    return f"This speaks of a miniature ({size}), not of the paper's size."


def _uncapped(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _span(values: pd.Series, thing: str) -> str:
    """Return "400 units", or "100 to 800 units" where they differ."""
    least, most = values.min(), values.max()
    head, _, tail = thing.partition(" ")
    said = counted(most, head) + (f" {tail}" if tail else "")
    return said if least == most else f"{least:,.0f} to {said}"


def _without_exaggeration(plan: Mapping[str, Any], verdicts: pd.DataFrame) -> tuple[str, str]:
    table = verdicts.drop_duplicates(["cell", "baseline", "metric"])
    first = (
        "This study does not compare exaggeration with a baseline that does not exaggerate, and so does not answer it."
    )
    if table.empty:
        return first, "Nothing is compared in it."
    found = _of(table, "comparison", "comparisons")
    return first, f"{found[0].upper()}{found[1:]}; {_uncapped(_scope(plan, table))}"
