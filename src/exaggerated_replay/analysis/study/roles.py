"""What part a cell plays in the question: it exaggerates, it is a control of that, or it does neither."""

from collections.abc import Mapping
from typing import Any

from exaggerated_replay.planning.study_plan import StudyPlan

EXAGGERATION, CONTROL, OTHER = "exaggeration", "control", "other"
WRONG_CLASSES = {"competitors": "random", "class_means": "shuffled", "attraction_target": "random"}
"""Switches of a reading that make it a control."""


def role(method: Mapping[str, Any]) -> str:
    """Tell exaggeration, its controls (weights of zero, or the wrong classes) and all else from one another.

    Args:
        method: A cell's method with its settings, as `plan.json` holds them.
    """
    if "lambda_rr" not in method:
        return OTHER
    wrong = WRONG_CLASSES.items() & (method.get("reading") or {}).items()
    return CONTROL if wrong or not (method["lambda_rr"] or method.get("lambda_ra")) else EXAGGERATION


def exaggerates(plan: StudyPlan) -> bool:
    """Tell whether a study asks what exaggeration does: whether some cell of it exaggerates."""
    return any(role(cell.method) == EXAGGERATION for cell in plan.cells.values())
