"""How data, settings, metrics and numbers are called and written, wherever a table, a figure or a page says them."""

from collections.abc import Iterable
from numbers import Real
from typing import TypeGuard

import numpy as np

from exaggerated_replay.analysis.study.paper import papers_data
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.wording import shortest

PARTS = {
    "first20": "the first 20 % of classes",
    "first50": "the first 50 % of classes",
    "overall": "all classes",
}
"""What each metric speaks of, in a sentence."""
TITLES = {metric: part.removeprefix("the ") for metric, part in PARTS.items()}
"""The same above a panel of a figure."""
SHORT = {metric: title.removesuffix(" of classes") for metric, title in TITLES.items()}
"""The same above a column of a table."""
IN_TABLE1 = {"first20": "20% avg.", "first50": "50% avg.", "overall": "Overall avg."}
"""The same above a column of the paper's Table 1."""
DASH = "\N{EM DASH}"
"""In the place of a number that is not there."""

MEANS = (
    "A mean is over all runs of a cell that reached their end, a difference over the seeds at which both runs did: "
    "where a run diverged, it need not be the difference of the means."
)
"""The one rule of what numbers are made of, in every table, figure and file."""


def data_name(plan: StudyPlan) -> str:
    """Name the data that a study learned from: a file of the user's by its own name and digest."""
    dataset = plan.dataset
    name = f"{dataset.source} (SHA-256 {plan.sha256[:10]})" if dataset.source else short_data_name(plan)
    if dataset.source and papers_data(plan):
        name += f", given as {title_of(plan)}"
    if plan.encoded_by:
        name += f", features of the encoder {plan.encoded_by.name}"
    if dataset.deviation:
        name += f", brought to a standard deviation of {dataset.deviation:g}"
    if dataset.white:
        name += f", white at {dataset.white}"
    if dataset.validation:
        share = f"{100 * dataset.validation:g}"
        name += f", tested on the last {share} % of each class's training samples"
    return name


def short_data_name(plan: StudyPlan) -> str:
    """Name the data where room is short, as on an axis."""
    return plan.dataset.source or title_of(plan)


def title_of(plan: StudyPlan) -> str:
    """Return what the settings call the data."""
    return plan.dataset.title or plan.dataset.name


def class_name(plan: StudyPlan, number: int) -> str:
    """Return what a class is called: its name, where the settings of the data know one, or its number."""
    names = plan.dataset.class_names
    return names[number] if names else str(number)


def in_words(name: str) -> str:
    """Return the name of a setting or of a grid as it is read: with spaces."""
    return name.replace("_", " ")


def written(value: object) -> str:
    """Return a setting's value as params.yaml has it, for tables; nothing where an arm has no such setting."""
    if value is None or value is np.nan:
        return ""
    return shortest(value) if _is_number(value) else str(value)


def amount(value: object) -> str:
    """Return a setting's value as a name or a sentence has it: as `written`, but 3,000 for 3000 and 1e-5 for 1e-05."""
    text = written(value)
    if _is_number(value) and abs(value) >= 1000 and "e" not in text:
        return f"{value:,.15g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def counted(number: float, thing: str) -> str:
    """Return a number of things, in words where there is none that is finite."""
    if not np.isfinite(number):
        return f"more than a million {thing}s"
    return f"{number:,.0f} {thing}{'' if number == 1 else 's'}"


def span(numbers: Iterable[float], thing: str) -> str:
    """Return "400 units", or "100 to 800 units" where they differ."""
    least, most = min(numbers := [*numbers]), max(numbers)
    return counted(most, thing) if least == most else f"{least:,.0f} to {counted(most, thing)}"


def points(value: float) -> str:
    """Return a difference in points, with its sign if it has one."""
    return f"{value:+z.2f}".replace("+0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def between(low: float, high: float) -> str:
    """Return an interval in points; nothing where one of its ends is not known."""
    return f"{points(low)} to {points(high)}" if np.isfinite(low) and np.isfinite(high) else ""
