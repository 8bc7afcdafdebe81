"""How data, settings, metrics and numbers are called and written, wherever a table, a figure or a page says them."""

from collections.abc import Mapping

import numpy as np

from exaggerated_replay.analysis.study.paper import papers_data

PARTS = {
    "first20": "the first 20 % of classes",
    "first50": "the first 50 % of classes",
    "overall": "all classes",
}


def data_name(plan: Mapping) -> str:
    """Name the data that a study learned from: a file of the user's by its own name and digest."""
    dataset, encoder = plan["dataset"], plan.get("encoder")
    own = dataset.get("source_name")
    name = f"{own} (SHA-256 {dataset['sha256'][:10]})" if own else short_data_name(plan)
    if own and papers_data(plan):
        name += f", given as {title_of(plan)}"
    if encoder:
        name += f", features of the encoder {encoder['name']}"
    if dataset.get("deviation"):
        name += f", brought to a standard deviation of {dataset['deviation']:g}"
    if dataset.get("white"):
        name += f", white at {dataset['white']}"
    if dataset.get("validation"):
        share = f"{100 * dataset['validation']:g}"
        name += f", tested on the last {share} % of each class's training samples"
    return name


def short_data_name(plan: Mapping) -> str:
    """Name the data where room is short, as on an axis."""
    return plan["dataset"].get("source_name") or title_of(plan)


def title_of(plan: Mapping) -> str:
    """Return what the settings call the data."""
    dataset = plan["dataset"]
    return dataset.get("title") or dataset["name"]


def in_words(name: str) -> str:
    """Return the name of a setting or of a grid as it is read: with spaces."""
    return name.replace("_", " ")


def written(value: object) -> str:
    """Return a setting's value as a table shows it; nothing where an arm has no such setting."""
    if value is None or value is np.nan:
        return ""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def counted(number: float, thing: str) -> str:
    """Return a number of things, in words where there is none that is finite."""
    if not np.isfinite(number):
        return f"more than a million {thing}s"
    return f"{number:,.0f} {thing}{'' if number == 1 else 's'}"


def points(value: float) -> str:
    """Return a difference in points, with its sign if it has one."""
    return f"{value:+z.2f}".replace("+0.00", "0.00").replace("-", "\N{MINUS SIGN}")
