"""How a comparison is written: as CSV, and in the form of the paper's Table 1 as Markdown and LaTeX, with a note."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.comparison import row_labels
from exaggerated_replay.analysis.study.pairs import MEANS, METRICS
from exaggerated_replay.analysis.study.paper import SIZE, papers_data, speaks_of
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.scores import PLACES, first20_images, significant
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import data_name
from exaggerated_replay.files import write_text

OURS, PAPER = "here", "paper"
PAPER_FORM = (
    "Absolute/relative change over the baseline (percentage points/percent of the baseline), mean over paired seeds, "
    "with the 95 % confidence interval of the absolute change (Student's t) in brackets; (mean) marks the accuracy of "
    f"a baseline in percent. {MEANS}"
)
CELL_FORM = (
    "Accuracy in percent, mean over seeds; in parentheses the difference from the baseline in percentage points, mean "
    f"over paired seeds, with its 95 % confidence interval (Student's t). {MEANS}"
)
PUBLISHED = (
    " Columns headed paper: the change over the baseline that its Table 1 has, absolute/relative (percentage "
    "points/percent of the baseline)."
)


def write(table: pd.DataFrame, folder: Path, name: str, study: Study) -> None:
    """Write a comparison as NAME.csv, NAME.md and NAME.tex.

    Args:
        table: From `comparison`.
        folder: Where to.
        name: The grid's.
        study: Says what the data are, and how many.
    """
    text = note(table, study)
    dropped = table["dropped"].map(significant)
    rounded = table.round(dict.fromkeys(table.filter(regex="^(first|overall)").columns, PLACES)).assign(dropped=dropped)
    write_text(folder / f"{name}.csv", rounded.to_csv(index=False, lineterminator="\n"))
    write_text(folder / f"{name}.md", f"{markdown(table)}\n\n{text}\n")
    write_text(folder / f"{name}.tex", latex(table, text))


def note(table: pd.DataFrame, study: Study) -> str:
    """Say how to read a table of `paper_form`, and what it shows and cannot show; see `remarks`."""
    form = PAPER_FORM if _over_f(table) else CELL_FORM + (PUBLISHED if has_published(table) else "")
    return f"{form} {remarks(table, study)}"


def remarks(table: pd.DataFrame, study: Study) -> str:
    """Say what a table shows and what it cannot show, from its own numbers.

    Args:
        table: From `comparison`.
        study: Says what the data are, and how many.

    Returns:
        A few sentences of plain text.
    """
    images = first20_images(study.records.values())
    low, high = (table[[f"{metric}_{end}" for metric in METRICS]].to_numpy() for end in ("low", "high"))
    intervals, above, below = int(np.isfinite(low).sum()), int((low > 0).sum()), int((high < 0).sum())
    fewest, most = table["seeds"].min(), table["seeds"].max()
    lines = [
        f"Data: {data_name(study.plan)}. Seeds: {most if fewest == most else f'{fewest} to {most}'}. "
        + (
            f"Test images in the first 20 % of classes: {images} (one image is {100 / images:.2f} percentage points)."
            if images
            else "No run reached its end."
        )
    ]
    if intervals:
        lines.append(
            f"{above + below} of {intervals} intervals (95 %) exclude zero ({above} above, {below} below); "
            "without any effect, about one in twenty would. "
            f"{int(((low == 0) & (high == 0)).sum())} of the differences are zero at every seed."
        )
    dropped = table["dropped"].dropna()
    if len(dropped):
        least, worst = f"{dropped.min():.1f}", f"{dropped.max():.1f}"
        lines.append(
            f"Of the replayed samples with a competing class, repulsion left out "
            f"{least if least == worst else f'{least} to {worst}'} %: their batch has no sample of the competitor."
        )
    missing = [f"{row['cell']}: {row['gaps']}" for _, row in table.iterrows() if row["gaps"]]
    if missing:
        lines.append(f"Runs that diverged are left out ({'; '.join(missing)}).")
    if fewest == 1:
        lines.append("A single seed gives no interval: its difference may be chance.")
    shorter = table["iterations"] != SIZE["iterations"]
    if speaks_of(study.plan) and shorter.any():
        rows = "No row has" if shorter.all() else "Not every row has"
        lines.append(f"{rows} the paper's {SIZE['iterations']:,} iterations per task.")
    if exaggerates(study.plan) and not papers_data(study.plan):
        lines.append("This is not the data set of the paper, whose claim it does not test.")
    return " ".join(lines)


def paper_form(table: pd.DataFrame) -> pd.DataFrame:
    """Lay a comparison out as Table 1: absolute/relative [interval], and the paper's value beside it.

    Where cells are other things than values of f, accuracies come first: mean (difference [interval]).

    Returns:
        Strings; rows labelled by `row_labels`; columns (heading, here or paper), the paper's only where the
        table has published values.
    """
    shown, ours = {}, _change if _over_f(table) else _accuracy
    for metric, heading in METRICS.items():
        shown[heading, OURS] = [ours(row, metric) for _, row in table.iterrows()]
        if has_published(table):
            shown[heading, PAPER] = [_papers(row, metric) for _, row in table.iterrows()]
    labels = row_labels(table)
    index = pd.Index(labels.iloc[:, 0]) if labels.shape[1] == 1 else pd.MultiIndex.from_frame(labels)
    return pd.DataFrame(shown, index=index)


def markdown(table: pd.DataFrame) -> str:
    """Return a comparison as a table of Markdown, which is also what a terminal can show."""
    shown = paper_form(table)
    headers = [*shown.index.names, *(name if whose == OURS else whose for name, whose in list[Any](shown.columns))]
    return shown.reset_index().to_markdown(headers=headers, index=False, disable_numparse=True)


def latex(table: pd.DataFrame, text: str) -> str:
    """Return a comparison as a table of LaTeX, with a note below."""
    shown = paper_form(table)
    columns = "l" * (shown.shape[1] + shown.index.nlevels)
    if PAPER not in shown.columns.get_level_values(1):
        shown = shown.droplevel(1, axis="columns")
    tabular = shown.reset_index().to_latex(index=False, escape=True, column_format=columns, multicolumn_format="l")
    escaped = re.sub(r"([%_&#${}])", r"\\\1", text)
    return (
        "\\begin{table*}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
        f"{tabular}\\par\\smallskip\n\\parbox{{\\linewidth}}{{{escaped}}}\n\\end{{table*}}\n"
    ).replace("\N{MINUS SIGN}", "$-$")


def has_published(table: pd.DataFrame) -> bool:
    """Tell whether the paper's Table 1 has any comparison of a table."""
    return bool(table.filter(like="_published_").notna().to_numpy().any())


def _over_f(table: pd.DataFrame) -> bool:
    """Tell whether the rows of a table are values of f, like those of the paper's."""
    return list(row_labels(table)) == ["f"]


def _number(value: float) -> str:
    return "\N{EM DASH}" if np.isnan(value) else f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")


def _change(row: pd.Series, metric: str) -> str:
    if pd.isna(row["baseline"]):
        return f"{_number(row[f'{metric}_mean'])} (mean)"
    return f"{_number(row[f'{metric}_difference'])}/{_number(row[f'{metric}_relative'])}{_interval(row, metric)}"


def _accuracy(row: pd.Series, metric: str) -> str:
    mean = _number(row[f"{metric}_mean"])
    if pd.isna(row["baseline"]):
        return mean
    return f"{mean} ({_number(row[f'{metric}_difference'])}{_interval(row, metric)})"


def _interval(row: pd.Series, metric: str) -> str:
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    return f" [{_number(low)}, {_number(high)}]" if np.isfinite(low) else ""


def _papers(row: pd.Series, metric: str) -> str:
    absolute, relative = row[f"{metric}_published_absolute"], row[f"{metric}_published_relative"]
    return "" if pd.isna(absolute) else f"{_number(absolute)}/{_number(relative)}"
