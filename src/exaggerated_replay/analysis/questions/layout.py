"""How a comparison is written: as CSV, and in the form of the paper's Table 1 as Markdown and LaTeX, with a note."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.questions.comparison import comparison, over_f, row_labels
from exaggerated_replay.analysis.questions.remarks import remarks
from exaggerated_replay.analysis.study.scores import PLACES
from exaggerated_replay.analysis.study.study import Study, open_study
from exaggerated_replay.analysis.study.tables import as_csv
from exaggerated_replay.analysis.words import DASH, IN_TABLE1, MEANS, short_data_name
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text
from exaggerated_replay.wording import significant, unbroken

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

FORMS = ("markdown", "latex", "csv")
ESCAPED = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "{}%&#_$"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
        **{"\N{NO-BREAK SPACE}": "~", "\N{EN DASH}": "--", "\N{EM DASH}": "---"},
        **{"\N{MINUS SIGN}": "$-$", "\N{MULTIPLICATION SIGN}": r"$\times$", "\N{PLUS-MINUS SIGN}": r"$\pm$"},
    }
)
"""What LaTeX would take for something else, or has no letter for."""


def table_text(
    folder: Path | str,
    grid: str,
    form: str = "markdown",
    *,
    caption: str | None = None,
    label: str | None = None,
) -> str:
    """Return a table of a study as text: `table_text("results/default", "table1", "latex")`.

    Args:
        folder: The study's folder.
        grid: A grid of the study.
        form: markdown, latex or csv.
        caption: Of a table of LaTeX, in plain text; what the table shows, by default.
        label: Of a table of LaTeX; the study and its grid, by default.

    Raises:
        UserError: There is no such study, grid or form; or the label cannot be one, or the form has neither caption nor
            label.
    """
    if form not in FORMS:
        raise UserError(f"{form} is not a form of a table: choose one of {', '.join(FORMS)}")
    if form != "latex" and (caption, label) != (None, None):
        raise UserError(f"a table as {form} has no caption and no label: choose the form latex, or leave them out")
    if label is not None and not re.fullmatch(r"[\w:./+-]+", label, re.ASCII):
        raise UserError(f"the label is {label!r}, but must be of letters, digits and : . / + - _, such as tab:gains")
    study = open_study(Path(folder))
    table = comparison(study, grid)
    if form == "csv":
        return _csv(table)
    text = note(table, study)
    shown = paper_form(table, row_labels(table, study, grid))
    if form == "markdown":
        return _with_note(shown, text)
    usual = usual_caption(table, study, grid), usual_label(study, grid)
    return latex(shown, text, usual[0] if caption is None else caption, label or usual[1])


def write(folder: Path, study: Study, grid: str) -> None:
    """Write the comparison of a grid to a folder, as GRID.csv, GRID.md and GRID.tex."""
    table = comparison(study, grid)
    shown, text = paper_form(table, row_labels(table, study, grid)), note(table, study)
    write_text(folder / f"{grid}.csv", _csv(table))
    write_text(folder / f"{grid}.md", _with_note(shown, text))
    captioned = latex(shown, text, usual_caption(table, study, grid), usual_label(study, grid))
    write_text(folder / f"{grid}.tex", captioned)


def _csv(table: pd.DataFrame) -> str:
    dropped = table["dropped"].map(significant)
    rounded = table.round(dict.fromkeys(table.filter(regex="^(first|overall)").columns, PLACES)).assign(dropped=dropped)
    return as_csv(rounded)


def _with_note(shown: pd.DataFrame, text: str) -> str:
    return unbroken(f"{markdown(shown)}\n\n{text}\n")


def usual_caption(table: pd.DataFrame, study: Study, grid: str) -> str:
    """Say what a table shows, of which data, and where it is from."""
    shown = "Change of accuracy over the baseline" if over_f(table) else "Accuracy"
    return f"{shown} on {short_data_name(study.plan)} (study {study.plan.study.name}, grid {grid})."


def usual_label(study: Study, grid: str) -> str:
    """Return a label that no other table of any study has."""
    return f"tab:{study.plan.study.name}-{grid}"


def note(table: pd.DataFrame, study: Study) -> str:
    """Say how to read a table of `paper_form`, and what it shows and cannot show; see `remarks`."""
    form = PAPER_FORM if over_f(table) else CELL_FORM + (PUBLISHED if has_published(table) else "")
    return " ".join([form, *remarks(table, study)])


def paper_form(table: pd.DataFrame, labels: pd.Index) -> pd.DataFrame:
    """Lay a comparison out as Table 1: absolute/relative [interval], and the paper's value beside it.

    Where cells are other things than values of f, accuracies come first: mean (difference [interval]).

    Returns:
        Strings; rows under their labels, from `row_labels`; columns (heading, here or paper), the paper's only where
        the table has published values.
    """
    shown, ours = {}, _change if over_f(table) else _accuracy
    for metric, heading in IN_TABLE1.items():
        shown[heading, OURS] = [ours(row, metric) for _, row in table.iterrows()]
        if has_published(table):
            shown[heading, PAPER] = [_papers(row, metric) for _, row in table.iterrows()]
    return pd.DataFrame(shown, index=labels)


def markdown(shown: pd.DataFrame) -> str:
    """Return `paper_form` as a table of Markdown, which is also what a terminal can show."""
    headers = [shown.index.name, *(name if whose == OURS else whose for name, whose in list[Any](shown.columns))]
    return shown.reset_index().to_markdown(headers=headers, index=False, disable_numparse=True)


def latex(shown: pd.DataFrame, text: str, caption: str, label: str) -> str:
    """Return `paper_form` as a table of LaTeX with the rules of booktabs, over both columns of a page.

    Args:
        shown: From `paper_form`.
        text: A note, which stands below.
        caption: Stands above; plain text, like the note.
        label: By which the text refers to the table.
    """
    columns = "l" * (1 + shown.shape[1])
    if PAPER not in shown.columns.get_level_values(1):
        shown = shown.droplevel(1, axis="columns")
    shown = shown.reset_index().map(escaped).rename(columns=escaped)
    tabular = shown.to_latex(index=False, escape=False, column_format=columns, multicolumn_format="l")
    return (
        f"\\begin{{table*}}\n\\centering\n\\caption{{{escaped(caption)}}}\n\\label{{{label}}}\n"
        "\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
        f"{tabular}\\par\\smallskip\n\\parbox{{\\linewidth}}{{{escaped(text)}}}\n\\end{{table*}}\n"
    )


def escaped(text: str) -> str:
    """Return plain text as LaTeX shows it unchanged, also at the start of a table's row."""
    shown = text.translate(ESCAPED)
    return f"{{}}{shown}" if shown.startswith(("[", "*")) else shown


def has_published(table: pd.DataFrame) -> bool:
    """Tell whether the paper's Table 1 has any comparison of a table."""
    return bool(table.filter(like="_published_").notna().to_numpy().any())


def _number(value: float) -> str:
    """Return a number as Table 1 has it: gains, unlike `points`, without a plus."""
    return DASH if np.isnan(value) else f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")


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
    """Return an interval in brackets, shorter than `between`: in a paper's column it stands beside two numbers."""
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    return f" [{_number(low)}, {_number(high)}]" if np.isfinite(low) else ""


def _papers(row: pd.Series, metric: str) -> str:
    absolute, relative = row[f"{metric}_published_absolute"], row[f"{metric}_published_relative"]
    return "" if pd.isna(absolute) else f"{_number(absolute)}/{_number(relative)}"
