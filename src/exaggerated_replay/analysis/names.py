"""What arms, cells and rows of grids are called, in every figure and on every page."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from exaggerated_replay.analysis.study.paper import WEIGHT
from exaggerated_replay.analysis.words import amount, in_words
from exaggerated_replay.planning.study_plan import Row, StudyPlan

SAID = {
    "attraction_target: random": "to a random class",
    "competitors: random": "random competitors",
    "competitors: all": "all competitors",
    "class_means: shuffled": "shuffled class means",
    "class_means: stored": "real means",
    "class_means: running": "running means",
    "reduction: sum": "summed over features",
    "reduction: total": "RR and RA summed",
    "confidence: label": "weighted by confidence",
    "confidence: label_rival": "weighted by label and rival",
    "confidence: entropy": "weighted by entropy",
    "attraction: gated": "gated attraction",
    "distance: squared": "squared distance",
    "distance: bce": "cross-entropy as distance",
    "repulsion: negative": "repulsion by \N{MINUS SIGN}D",
    "repulsion: inverse_mean": "repulsion by 1 / mean D",
    "f: none": "no f",
    "shrinkage: 1": "shrinkage 1: nearest class mean",
    "precision: bf16": "bf16",
}
"""Settings whose names alone would tell little, in words."""
COUNTED = {
    "strength": "c = {}",
    "iterations": "{} iterations",
    "units": "{} units",
    "replay_batch": "{} replayed a step",
    "lambda_rec": "reconstruction \N{MULTIPLICATION SIGN} {}",
    "lambda_rec_replayed": "replayed reconstruction \N{MULTIPLICATION SIGN} {}",
}
"""Settings that are numbers of something, in words."""
WEIGHTS = ("lambda_rr", "lambda_ra")
INSTEAD = " instead of "


def arm_name(plan: StudyPlan, arm: str) -> str:
    """Return an arm's label: RA, weight 1.

    Weights are said where all its cells have the same, which are not the paper's.
    """
    weights = _weights_of(plan, arm)
    return ", ".join(filter(None, [_name(plan, arm), weights.pop() if len(weights) == 1 else ""]))


def cell_name(plan: StudyPlan, cell: str) -> str:
    """Return a cell's name in words: RR+RA, f = 5. Settings that are its arm's own are not in it."""
    arm = plan.cells[cell].arm
    rest = cell.removeprefix(arm)
    varied = {key: value for row in plan.rows if row.cell == cell for key, value in row.settings.items()}
    settings = {key: value for key, value in varied.items() if re.search(rf"-{re.escape(_last(key))}[-\d]", rest)}
    parts = _parts(plan, Row(cell, settings, None))
    return ", ".join(parts if settings or not rest else [*parts, in_words(rest.removeprefix("-"))])


def row_names(plan: StudyPlan, rows: Sequence[Row]) -> list[str]:
    """Name rows of a grid by what tells them apart: what all of them share is left out, if that leaves a name.

    A cell that is compared with its own arm keeps that in which it differs: "bf16 instead of fp32".
    """
    every = [_parts(plan, row) for row in rows]
    shared = {part for part in set.intersection(*map(set, every)) if INSTEAD not in part} if every else set()
    names = [", ".join([part for part in parts if part not in shared] or parts[:1]) for parts in every]
    return names if len(set(names)) == len(names) else [row.cell for row in rows]


def setting_name(name: str, value: str) -> str:
    """Return a setting and its value, in words."""
    if said := SAID.get(f"{name}: {value}"):
        return said
    return COUNTED[name].format(value) if name in COUNTED else in_words(f"{name} = {value}")


def _parts(plan: StudyPlan, row: Row) -> list[str]:
    """Return what a row is: the name of its arm with its weights, and each of its other settings."""
    cell = plan.cells[row.cell]
    arm = ", ".join(filter(None, [_name(plan, cell.arm), _weights(cell.method)]))
    settings = [
        setting_name(_called(plan, key), amount(value)) + _instead(plan, row, key)
        for key, value in row.settings.items()
        if _last(key) not in WEIGHTS and amount(value)
    ]
    return [arm, *settings]


def _called(plan: StudyPlan, key: str) -> str:
    """Return the last part of a setting's key, or all of it where the study varies another that ends alike."""
    alike = [other for other in plan.varied if _last(other) == _last(key)]
    return _last(key) if len(alike) == 1 else key


def _instead(plan: StudyPlan, row: Row, key: str) -> str:
    """Say what a cell's own arm has for this setting, where that is what the cell is compared with."""
    cell, baseline = plan.cells[row.cell], plan.cells.get(row.baseline or "")
    if baseline is None or baseline.arm != cell.arm or baseline.setting(key) == cell.setting(key):
        return ""
    return f"{INSTEAD}{amount(baseline.setting(key)) or 'none'}"


def _name(plan: StudyPlan, arm: str) -> str:
    """Return an arm's label; its name beside it where another arm has the same label and weights."""
    label = plan.arms[arm].label
    alike = [name for name, look in plan.arms.items() if name != arm and look.label == label]
    own = _weights_of(plan, arm)
    return f"{label} ({arm})" if any(own & _weights_of(plan, name) for name in alike) else label


def _weights_of(plan: StudyPlan, arm: str) -> set[str]:
    """Return the weights of an arm's cells, in words."""
    return {_weights(cell.method) for cell in plan.cells.values() if cell.arm == arm}


def _weights(method: Mapping[str, Any]) -> str:
    """Return the weights of RR and RA in words; nothing where they are the paper's, or there are none."""
    if not all(key in method for key in WEIGHTS):
        return ""
    there = [method[key] for key in WEIGHTS if method[key]]
    if all(weight == WEIGHT for weight in there):
        return "" if there else "weights of zero"
    values = [amount(weight) for weight in there]
    if len(values) == 1:
        return f"weight {values[0]}"
    return f"weights {values[0]}" if values[0] == values[1] else f"weights {' and '.join(values)}"


def _last(key: str) -> str:
    return key.rpartition(".")[2]
