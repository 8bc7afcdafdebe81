"""What a comparison shows and what it cannot show, in sentences: for notes below tables, and for pages."""

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.study.paper import SIZE, papers_data, speaks_of
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import data_name


def remarks(table: pd.DataFrame, study: Study) -> list[str]:
    """Say what a table shows and what it cannot show, from its own numbers.

    Args:
        table: From `comparison`.
        study: Says what the data are, and how many.

    Returns:
        A few sentences of plain text.
    """
    image = study.one_image["first20"]
    return [
        f"Data: {data_name(study.plan)}.",
        f"Seeds: {_span(table['seeds'], 'd')}.",
        f"One test image of the first 20 % of classes is {image:.2f} percentage points."
        if image
        else "No run reached its end.",
        *_on_intervals(table),
        *_on_what_is_left_out(table),
        *_on_the_paper(table, study),
    ]


def _on_intervals(table: pd.DataFrame) -> list[str]:
    """Say how many intervals exclude zero, where there are any."""
    low, high = (table[[f"{metric}_{end}" for metric in METRICS]].to_numpy() for end in ("low", "high"))
    intervals, above, below = int(np.isfinite(low).sum()), int((low > 0).sum()), int((high < 0).sum())
    if not intervals:
        return []
    return [
        f"{above + below} of {intervals} intervals (95 %) exclude zero ({above} above, {below} below); "
        "without any effect, about one in twenty would.",
        f"{int(((low == 0) & (high == 0)).sum())} of the differences are zero at every seed.",
    ]


def _on_what_is_left_out(table: pd.DataFrame) -> list[str]:
    """Say which samples and which runs have no part in the numbers, and where there is a single seed."""
    lines, dropped = [], table["dropped"].dropna()
    if len(dropped):
        lines.append(
            f"Of the replayed samples with a competing class, repulsion left out {_span(dropped, '.1f')} %: "
            "their batch has no sample of the competitor."
        )
    missing = [f"{row['cell']}: {row['gaps']}" for _, row in table.iterrows() if row["gaps"]]
    if missing:
        lines.append(f"Runs that diverged are left out ({'; '.join(missing)}).")
    if table["seeds"].min() == 1:
        lines.append("A single seed gives no interval: its difference may be chance.")
    return lines


def _span(values: pd.Series, form: str) -> str:
    """Return the least and the largest of some numbers, or the one that is both."""
    least, most = format(values.min(), form), format(values.max(), form)
    return least if least == most else f"{least} to {most}"


def _on_the_paper(table: pd.DataFrame, study: Study) -> list[str]:
    """Say how far a table is from the paper's experiment, where it looks like it."""
    lines = []
    shorter = table["iterations"] != SIZE["training.iterations"]
    if speaks_of(study.plan) and shorter.any():
        rows = "No row has" if shorter.all() else "Not every row has"
        lines.append(f"{rows} the paper's {SIZE['training.iterations']:,} iterations per task.")
    if exaggerates(study.plan) and not papers_data(study.plan):
        lines.append("This is not the data set of the paper, whose claim it does not test.")
    return lines
