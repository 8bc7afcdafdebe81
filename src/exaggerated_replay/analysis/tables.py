"""Comparison tables: every arm of a grid against its baseline, in the form of the paper's Table 1."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.paper import published
from exaggerated_replay.analysis.selection import METRICS, cell_runs, grid_cells, paired_runs
from exaggerated_replay.analysis.statistics import paired
from exaggerated_replay.errors import UserError

PAPER_ITERATIONS = 5000
OURS, PAPER = "here", "paper"
PAPER_FORM = (
    "Absolute/relative change over the baseline (percentage points/percent of the baseline), mean over paired seeds, "
    "with the 95 % confidence interval of the absolute change (Student's t) in brackets; (mean) marks the accuracy of "
    "a baseline in percent."
)
CELL_FORM = (
    "Accuracy in percent, mean over seeds; in parentheses the difference from the baseline in percentage points, mean "
    "over paired seeds, with its 95 % confidence interval (Student's t)."
)


def comparison(plan: Mapping, runs: pd.DataFrame, grid: str) -> pd.DataFrame:
    """Compare every cell of a grid with its baseline (Table 1, and its like for any other grid).

    Args:
        plan: The plan of the study.
        runs: One row per finished run; accuracies in percent.
        grid: A grid of the plan.

    Returns:
        One row per cell: cell, arm, baseline, f, iterations, seeds (shared with its baseline), dropped (percent of
        the competing replayed samples that repulsion left out) and, for each metric, mean (percent), difference with
        its interval low and high (percentage points), relative (percent of the baseline), published_absolute and
        published_relative (the paper's, where it has them).

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    paper = published()
    rows = []
    for entry in grid_cells(plan, grid):
        cell, baseline = entry["cell"], entry["baseline"]
        config, arm = plan["cells"][cell]["config"], plan["cells"][cell]["arm"]
        method, iterations = config["method"], config["training"]["iterations"]
        row = {"cell": cell, "arm": arm, "baseline": baseline, "f": method.get("f"), "iterations": iterations}
        if baseline is None:
            treated, base = cell_runs(plan, runs, cell), None
        else:
            treated, base = paired_runs(plan, runs, cell, baseline)
        row["seeds"] = len(treated)
        row["dropped"] = treated["dropped"].mean()
        exaggerates = method.get("lambda_rr", 0) > 0 and method.get("lambda_ra", 0) > 0
        for metric in METRICS:
            row[f"{metric}_mean"] = treated[metric].mean()
            change = None if base is None else paired(treated[metric], base[metric])
            row[f"{metric}_difference"] = np.nan if change is None else change.mean
            for name in ("low", "high", "relative"):
                row[f"{metric}_{name}"] = getattr(change, name, np.nan)
            known = grid == "table1" and exaggerates and (row["f"], metric) in paper.index
            for name in ("absolute", "relative"):
                row[f"{metric}_published_{name}"] = paper.loc[(row["f"], metric), name] if known else np.nan
        rows.append(row)
    # Left to itself, the column of f would turn whole numbers into fractions wherever a row has none.
    return pd.DataFrame(rows).assign(f=pd.Series([row["f"] for row in rows], dtype=object))


def row_labels(table: pd.DataFrame) -> pd.Series:
    """Label a comparison's rows by f if that alone tells them apart (one arm, one baseline), else by cell.

    Returns:
        Strings, named "f" or "cell", one per row; the baseline among values of f is called "baseline".
    """
    compared = table[table["baseline"].notna()]
    one_arm = compared["arm"].nunique() == 1 and table["baseline"].isna().sum() <= 1
    if not (one_arm and len(compared) > 1 and compared["f"].notna().all() and compared["f"].is_unique):
        return table["cell"]
    labels = [f if isinstance(f, str) else f"{f:g}" for f in compared["f"]]
    return pd.Series(labels, compared.index, name="f").reindex(table.index, fill_value="baseline")


def note(table: pd.DataFrame, *, dataset: str, first20_images: int) -> str:
    """Say what a table shows and what it cannot show, from its own numbers.

    Args:
        table: From `comparison`.
        dataset: Name of the data set.
        first20_images: Number of test images in the first 20 % of classes.

    Returns:
        A few sentences of plain text.
    """
    low, high = (table[[f"{metric}_{end}" for metric in METRICS]].to_numpy() for end in ("low", "high"))
    intervals, above, below = int(np.isfinite(low).sum()), int((low > 0).sum()), int((high < 0).sum())
    fewest, most = table["seeds"].min(), table["seeds"].max()
    lines = [
        PAPER_FORM if row_labels(table).name == "f" else CELL_FORM,
        f"Data set: {dataset}. Seeds: {most if fewest == most else f'{fewest} to {most}'}. "
        f"Test images in the first 20 % of classes: {first20_images} "
        f"(one image is {100 / first20_images:.2f} percentage points).",
    ]
    if intervals:
        lines.append(
            f"{above + below} of {intervals} intervals exclude zero ({above} above, {below} below); "
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
    if fewest == 1:
        lines.append("A single seed gives no interval: its difference may be chance.")
    if dataset != "cifar100":
        lines.append(f"This demonstrates the workflow on {dataset}; it does not test the paper's claim.")
    elif (table["iterations"] != PAPER_ITERATIONS).any():
        lines.append(f"Not every row has the paper's {PAPER_ITERATIONS:,} iterations per task.")
    return " ".join(lines)


def paper_form(table: pd.DataFrame) -> pd.DataFrame:
    """Lay a comparison out as Table 1: absolute/relative [interval], and the paper's value beside it.

    Where cells are other things than values of f, accuracies come first: mean (difference [interval]).

    Returns:
        Strings; rows labelled by f or by cell; columns (heading, here or paper), the paper's only where the
        table has published values.
    """
    shown, ours = {}, _change if row_labels(table).name == "f" else _accuracy
    for metric, heading in METRICS.items():
        shown[heading, OURS] = [ours(row, metric) for _, row in table.iterrows()]
        if table[f"{metric}_published_absolute"].notna().any():
            shown[heading, PAPER] = [_papers(row, metric) for _, row in table.iterrows()]
    return pd.DataFrame(shown, index=pd.Index(row_labels(table)))


def write(table: pd.DataFrame, targets: Iterable[Path], *, dataset: str, first20_images: int) -> None:
    """Write a comparison as CSV (full precision), Markdown or LaTeX (the form of Table 1, with a note below).

    Args:
        table: From `comparison`.
        targets: Files to write; the suffix (.csv, .md, .tex) chooses the format.
        dataset: Name of the data set.
        first20_images: Number of test images in the first 20 % of classes.

    Raises:
        UserError: If a suffix is none of the three.
    """
    text = note(table, dataset=dataset, first20_images=first20_images)
    writers = {
        ".csv": lambda: table.to_csv(index=False, lineterminator="\n"),
        ".md": lambda: _markdown(paper_form(table), text),
        ".tex": lambda: _latex(paper_form(table), text),
    }
    for target in map(Path, targets):
        if target.suffix not in writers:
            raise UserError(f"cannot write a table to '{target.name}': end its name in .csv, .md or .tex")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(writers[target.suffix](), encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")


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


def _markdown(shown: pd.DataFrame, text: str) -> str:
    headers = [shown.index.name, *(name if whose == OURS else whose for name, whose in shown.columns)]
    return f"{shown.to_markdown(headers=headers, disable_numparse=True)}\n\n{text}\n"


def _latex(shown: pd.DataFrame, text: str) -> str:
    layout = {"column_format": "l" * (shown.shape[1] + 1), "multicolumn_format": "l"}
    if PAPER not in shown.columns.get_level_values(1):
        shown = shown.droplevel(1, axis="columns")
    tabular = shown.reset_index().to_latex(index=False, escape=True, **layout)
    escaped = re.sub(r"([%_&#${}])", r"\\\1", text)
    return (
        "\\begin{table*}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
        f"{tabular}\\par\\smallskip\n\\parbox{{\\linewidth}}{{{escaped}}}\n\\end{{table*}}\n"
    ).replace("\N{MINUS SIGN}", "$-$")
