"""A verdict in plain English, with all that must be said beside it."""

import math

import pandas as pd

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.verdicts.families import Family
from exaggerated_replay.analysis.verdicts.rules import not_zero
from exaggerated_replay.analysis.words import PARTS, between, counted, points
from exaggerated_replay.planning.study_plan import StudyPlan

MEANING = {
    "reproduced": "zero is excluded, and the paper's {claim} is not",
    "smaller": "above zero and below the paper's {claim}",
    "larger": "above the paper's {claim}",
    "helps": "above zero",
    "negligible": "within the margin of {margin:g}",
    "harmful": "below zero",
    "contradicted": "the paper's {claim} is excluded, and zero is not",
    "undecided": "needing about {more}",
}


def sentence(plan: StudyPlan, row: pd.Series) -> str:
    """Say a verdict in plain English, with all that must be said beside it, and of which size it speaks.

    Args:
        plan: The plan of the study.
        row: A row of its verdicts.
    """
    return " ".join(filter(None, [finding(plan, row), size_note(plan, row)]))


def finding(plan: StudyPlan, row: pd.Series) -> str:
    """Say a verdict as `sentence` does, but for its size."""
    dataset, margin = plan.dataset, plan.rules.margins.of(row["metric"])
    more = counted(row["more_seeds"], "more seed")
    said = f"{row['cell']} against {row['baseline']} on {PARTS[row['metric']]} of {dataset.name}"
    if dataset.validation:
        said += " (validation data)"
    if row["seeds"]:
        said += f": {points(row['difference'])} points ({interval_of(plan, row)}, {counted(row['seeds'], 'seed')})"
    meaning = MEANING[row["verdict"]].format(claim=points(row["claim"]), margin=margin, more=more)
    told = [f"{said}: {row['verdict']}, {meaning}{', but not zero' if beside(row) else ''}."]
    if identical(row):
        told.append("At every seed, the two were right on as many test images.")
    if row["left_out"]:
        told.append(f"Left out because a run diverged: {counted(row['left_out'], 'pair')}.")
    return " ".join(told)


def beside(row: pd.Series) -> str:
    """Return what must stand beside a word: that a negligible difference is not zero, where it is not."""
    return "not zero" if row["verdict"] == "negligible" and not_zero(row["valid_low"], row["valid_high"]) else ""


def identical(row: pd.Series) -> bool:
    """Tell whether the differences of a row are zero at every seed."""
    return bool(row["difference"] == 0 and (row["seeds"] == 1 or row["low"] == row["high"]))


def interval_of(plan: StudyPlan, row: pd.Series) -> str:
    """Return the interval that decides a row, in words."""
    rules, family = plan.rules, Family(row["family"], row["comparisons"])
    if around := between(row["valid_low"], row["valid_high"]):
        return f"anytime-valid {confidence(family.alpha(rules))} interval {around}"
    return f"too few seeds for an interval: it takes {anytime.fewest_seeds(rules.g, family.alpha(rules))}"


def confidence(alpha: float) -> str:
    """Return one minus alpha in percent, with as many digits as tell it from 100."""
    digits = max(4, -math.floor(math.log10(alpha)))
    return f"{100 * (1 - alpha):.{digits}g} %"


def size_note(plan: StudyPlan, row: pd.Series) -> str:
    """Say of which size a verdict speaks; nothing at the paper's, where it speaks of the study."""
    cell = plan.cells[row["cell"]]
    units, iterations, batch, replayed = map(cell.setting, paper.SIZE)
    own = f"{units:,} units, {iterations:,} iterations per task, {batch} + {replayed} samples a step"
    if not paper.speaks_of(plan):
        return f"This applies to {own}."
    scale = paper.scale(cell)
    if scale == paper.FULL:
        return ""
    if scale == paper.OTHER_LENGTH:
        papers = paper.SIZE["training.iterations"]
        return f"This applies to {scale}: {iterations:,} iterations per task in place of {papers:,}."
    return f"This applies to {scale} ({own}), not to the paper's size."
