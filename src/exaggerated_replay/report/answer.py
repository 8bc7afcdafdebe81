"""The answer of a study, a few sentences: written by rule, from its verdicts."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from exaggerated_replay.analysis.names import cell_name
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.paper import papers_data
from exaggerated_replay.analysis.study.roles import CONTROL, EXAGGERATION, OTHER, exaggerates, role
from exaggerated_replay.analysis.verdicts.sentences import identical, interval_of
from exaggerated_replay.analysis.verdicts.table import each_once
from exaggerated_replay.analysis.words import PARTS, points, span, written
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.report.question import METRIC, listed, named

FOR = ("reproduced", "smaller", "larger", "helps")
AGAINST = ("negligible", "harmful", "contradicted")
SAID = {
    "reproduced": ("is reproduced", "are reproduced"),
    "smaller": ("is smaller than published", "are smaller than published"),
    "larger": ("is larger than published", "are larger than published"),
    "helps": ("shows a gain", "show a gain"),
    "negligible": ("is negligible", "are negligible"),
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
AT = {
    paper.FULL: "at the paper's size",
    paper.OTHER_LENGTH: "at the paper's size, with another length of training",
    paper.MINIATURE: "in miniature",
}
NOTHING = "It compares nothing."
CONTROLS = "random classes, or weights of zero"


class Answer(NamedTuple):
    """What a study says.

    Attributes:
        first: The answer, a sentence.
        caveat: Of which size it speaks, a sentence.
        beyond: What else was compared and found, a sentence; or nothing.
        grid: The one that holds the comparison which the answer names; or nothing.
    """

    first: str
    caveat: str
    beyond: str = ""
    grid: str = ""


def answer(plan: StudyPlan, verdicts: pd.DataFrame, findings: Iterable[str] = ()) -> Answer:
    """Answer the question.

    Args:
        plan: The plan of the study, which says which cells exaggerate.
        verdicts: As verdicts.csv holds them.
        findings: What its grids show beyond their verdicts.
    """
    table, controls = (compared(plan, verdicts, part) for part in (EXAGGERATION, CONTROL))
    claimed, others = table[table["claim"].notna()], table[table["claim"].isna()]
    if not exaggerates(plan):
        return _answer_of_cells(plan, verdicts, findings)
    if table.empty:
        return _without_exaggeration(plan, verdicts)
    more = []
    if claimed.empty:
        found = _of(others, "comparison of exaggeration with a baseline", "comparisons of exaggeration with a baseline")
        named_row = _largest(others, _gains(others))
        first = f"{_lead(plan, table, controls)}: {found}; {_best(plan, others, _gains(others))}."
    else:
        found = _of(claimed, "comparison with Table 1 of the paper", "comparisons with Table 1 of the paper")
        named_row = _claimed_most(claimed)
        first = f"{_lead(plan, claimed, controls)}: {found}; {_largest_claim(plan, claimed)}."
        if len(others):
            beyond = _of(others, "comparison beyond that table", "comparisons beyond that table")
            more.append(f"{beyond}; {_best(plan, others, _gains(others))}")
    if len(controls):
        more.append(_of(controls, f"comparison of a control ({CONTROLS})", f"comparisons of controls ({CONTROLS})"))
    more += findings
    beyond = f"{capital('; '.join(more))}." if more else ""
    return Answer(first, f"This {_scope(plan, table)}.", beyond, "" if named_row is None else named_row["grid"])


def compared(plan: StudyPlan, verdicts: pd.DataFrame, part: str) -> pd.DataFrame:
    """Select the verdicts on cells of a role against what does not exaggerate, each pair once."""
    roles = {name: role(cell.method) for name, cell in plan.cells.items()}
    asked = verdicts["cell"].map(roles).eq(part) & verdicts["baseline"].map(roles).eq(OTHER)
    return each_once(verdicts[asked])


def tally(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count verdicts by word, in the order of `SAID`; words that do not occur are left out."""
    counts = verdicts["verdict"].value_counts()
    return {word: int(counts[word]) for word in SAID if word in counts}


def _lead(plan: StudyPlan, table: pd.DataFrame, controls: pd.DataFrame) -> str:
    words = set(table["verdict"])
    lead = LEADS[bool(words & {*FOR}), bool(words & {*AGAINST}), "undecided" in words]
    where = f" {', and '.join(AT[scale] for scale in _scales(plan, table))}" if papers_data(plan) else ""
    cells = list(dict.fromkeys(table["cell"]))
    usual = all(plan.cells[cell].method.get("reading") in (None, paper.READING) for cell in cells)
    of = "" if usual or len(cells) > 1 else f", for {cell_name(plan, cells[0])}"
    alike = bool(words & {*FOR}) and controls["verdict"].isin(FOR).any()
    return f"On {named(plan)}{where}{of}, {lead}{', but controls gain, too' if alike else ''}"


def _of(table: pd.DataFrame, one: str, several: str) -> str:
    """Say how many comparisons have which verdict."""
    counts = tally(table)
    if len(table) == 1:
        return f"the one {one} that was tested {SAID[next(iter(counts))][0]}"
    if len(counts) == 1:
        return f"{'both' if len(table) == 2 else f'all {len(table)}'} {several} {SAID[next(iter(counts))][1]}"
    parts = [f"{count} {SAID[word][count > 1]}" for word, count in counts.items()]
    return f"of {len(table)} {several}, {listed(parts)}"


def _largest_claim(plan: StudyPlan, table: pd.DataFrame) -> str:
    rows = table[table["claim"] == table["claim"].max()]
    first = rows.iloc[0]
    f = written(plan.cells[first["cell"]].method["f"])
    where = f"of these the paper gains most at f = {f} on {PARTS[first['metric']]} ({points(first['claim'])} points)"
    known = rows[rows["difference"].notna()].sort_values("difference", kind="stable")
    if known.empty:
        return f"{where}; here, no pair of runs reached its end"
    if len(known) == 1:
        row = known.iloc[0]
        return f"{where}; here it is {points(row['difference'])} ({interval_of(plan, row)})"
    least, most = (
        f"{points(row['difference'])} ({cell_name(plan, row['cell'])})" for _, row in known.iloc[[0, -1]].iterrows()
    )
    return f"{where}; here its {len(known)} comparisons range from {least} to {most}"


def _claimed_most(table: pd.DataFrame) -> pd.Series:
    """Return the comparison with the paper's largest gain; of several, the one in which most is gained here."""
    ordered = table.sort_values(["claim", "difference"], ascending=False, kind="stable")
    return ordered.iloc[0]


def _largest(table: pd.DataFrame, good: bool) -> pd.Series | None:
    """Return the best comparison, or, where that is no good, the largest of either sign; None without any pair."""
    known = table[table["difference"].notna()]
    if known.empty:
        return None
    sizes = known["difference"] if good else known["difference"].abs()
    return known.iloc[int(sizes.to_numpy().argmax())]


def _gains(table: pd.DataFrame) -> bool:
    return bool(table["verdict"].isin(FOR).any())


def _best(plan: StudyPlan, table: pd.DataFrame, good: bool, same: str = "with and without it") -> str:
    """Say which difference is best, or which is the largest of either sign.

    Args:
        plan: The plan of the study.
        table: The verdicts.
        good: Whether the best is asked for.
        same: Between what there is no difference, where there is none at any seed.
    """
    if all(identical(row) for _, row in table.iterrows()):
        return f"{same}, accuracy is the same at every seed"
    row = _largest(table, good)
    if row is None:
        return "no pair of runs reached its end"
    cell, baseline = (cell_name(plan, row[name]) for name in ("cell", "baseline"))
    found = f"{points(row['difference'])} points ({interval_of(plan, row)}; {row['verdict']})"
    which = f"{cell} against {baseline} on {PARTS[row['metric']]}"
    return f"{'the best' if good else 'the largest difference'} is {which}, at {found}"


def _scope(plan: StudyPlan, table: pd.DataFrame) -> str:
    """Say of which size the answer speaks, and whether it is about the paper's claim at all."""
    size = _size(plan, table)
    if not papers_data(plan):
        return f"is a demonstration ({size}): the paper claims nothing about {named(plan)}"
    scales = _scales(plan, table)
    end = ", not to the paper's size" if scales == [paper.MINIATURE] else ""
    return f"applies to {', and to '.join(scales)} ({size}){end}"


def _size(plan: StudyPlan, table: pd.DataFrame) -> str:
    """Return the size of what verdicts compare, in words."""
    cells = [plan.cells[cell] for cell in table["cell"]]
    units = span((cell.setting("model.units") for cell in cells), "unit")
    iterations = span((cell.setting("training.iterations") for cell in cells), "iteration")
    return f"{units} a layer, {iterations} per task, {span(table['seeds'], 'seed')}"


def _scales(plan: StudyPlan, table: pd.DataFrame) -> list[str]:
    """Return what the sizes of a table are beside the paper's, the largest first."""
    there = {paper.scale(plan.cells[cell]) for cell in table["cell"]}
    return [scale for scale in AT if scale in there]


def _without_exaggeration(plan: StudyPlan, verdicts: pd.DataFrame) -> Answer:
    table = each_once(verdicts)
    first = "This study does not answer it: no cell that exaggerates is compared with one that does not."
    if table.empty:
        return Answer(first, NOTHING)
    return Answer(first, f"This {_scope(plan, table)}.", f"{capital(_of(table, 'comparison', 'comparisons'))}.")


def _answer_of_cells(plan: StudyPlan, verdicts: pd.DataFrame, findings: Iterable[str]) -> Answer:
    """Answer the question of a study in which nothing exaggerates: what keeps most accuracy."""
    table = each_once(verdicts)
    if table.empty:
        return Answer(f"On {named(plan)}, nothing is compared: tables show the accuracy of each.", NOTHING)
    first, rest = table[table["metric"] == METRIC], table[table["metric"] != METRIC]
    found = _of(first, f"comparison on {PARTS[METRIC]}", f"comparisons on {PARTS[METRIC]}")
    said = f"On {named(plan)}, {found}; {_best(plan, first, True, 'with and without what is compared')}."
    more = [_of(rest, "comparison on more classes", "comparisons on more classes")] if len(rest) else []
    more += findings
    beyond = f"{capital('; '.join(more))}." if more else ""
    row = _largest(first, good=True)
    return Answer(
        said, f"This applies to {_size(plan, table)}, and to no other size.", beyond, "" if row is None else row["grid"]
    )


def capital(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[0].upper() + text[1:]
