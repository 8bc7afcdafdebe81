"""files.md: what lies in a study's folder, and what every column of every CSV means.

The meanings stand here and nowhere else. A test holds them against the committed studies: it fails on a column that is
not listed here, and on one that no table has.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tools.reference.markdown import code, page, table

SETTING = r"(model|training|method|dataset|compute)\.[\w.]+"
"""Columns of settings, under their dotted keys."""
METRIC = r"(first20|first50|overall)"
INTERVAL = "its 95 % interval"

FILES = {
    "README.md": "the answer, the main table, a few figures, and what was run on what",
    "params.yaml": "what was asked for",
    "plan.json": "which runs each cell has, and which cell it is compared with",
    "records.jsonl": "one run per line: settings, counts, instruments, and a digest of all that",
    "provenance.json": "commit, versions, seconds and processors",
    "metrics.json": "mean and standard deviation of every cell, in percent",
    "figures/*.png": "the figures that README.md shows",
    "report.html": "one page, from the question to the verdict",
    "print/*": "every figure as PNG, PDF and SVG; `-narrow.svg` for narrow screens",
    "tables/*.md": "a grid's table in the paper's form",
    "tables/*.tex": "the same for LaTeX",
    "sha256.json": "a digest of every file, by which damage is noticed",
}
"""Files of a study's folder that are no CSV."""


class Table(NamedTuple):
    """A kind of CSV."""

    file: str  # pattern, relative to the study's folder
    what: str
    columns: Mapping[str, str]  # pattern of names -> meaning


CELL = {"cell": "the cell: an arm under certain settings"}
SEEDS = {"seeds": "how many seeds count"}

TABLES = (
    Table(
        "verdicts.csv",
        "What can be said of every cell, by [stated rules](../explanation/statistics.md); differences in points.",
        {
            "grid": "a grid that holds the comparison",
            **CELL,
            "baseline": "the cell it is compared with",
            "metric": "`first20`, `first50` (the classes seen first) or `overall`",
            **SEEDS,
            "left_out": "pairs in which a run diverged",
            "difference": "mean difference over seeds",
            "low|high": INTERVAL,
            "family": "the grid with whose comparisons it is judged; its other grids quote the verdict",
            "comparisons": "as how many the family is judged",
            "valid_low|valid_high": "the interval that decides: it stays valid however often one looks, at a "
            "confidence of 1 - alpha / comparisons",
            "claim": "the paper's value, where it has one",
            "verdict": "the word",
            "more_seeds": "how many more seeds an undecided comparison would need",
        },
    ),
    Table(
        "runs.csv",
        "One row per cell and seed.",
        {
            "digest": "of all that decides the run; the end of its name",
            **CELL,
            "arm": "its arm",
            "seed": "the seed",
            "status": "`finished`, or in which task it diverged",
            "iterations": "optimiser steps per task",
            "f|lambda_rr|lambda_ra": "repulsion factor and weights of the two losses; blank for other methods",
            SETTING: "a setting that the study varies; blank where a cell lacks it",
            METRIC: "accuracy in percent; blank where the run diverged",
            "macro_precision": "mean over classes of the share of right ones among samples assigned to it, percent",
            "forgetting": "mean over all tasks but the last of the best accuracy before it minus the final one, points",
            "average_incremental": "mean over tasks of the accuracy on the classes seen so far, percent",
            "backward_transfer": "mean over all tasks but the last of final accuracy minus that right after it, points",
            "new_tasks": "mean accuracy on each task right after it was learned, percent",
            r"task\d+": "final accuracy on the test samples of one task, percent",
            "reconstruction": "reconstruction loss in the last task",
            "dropped": "of the replayed samples with a competitor, the percentage that repulsion left out because no "
            "sample of their batch has the competitor's label",
            "device|torch": "what the run was computed with",
        },
    ),
    Table(
        "tables/*.csv",
        "One row per cell of a grid; intervals by Student's *t*.",
        {
            **CELL,
            "arm": "its arm",
            "baseline": "the cell it is compared with; blank for the baseline itself",
            SETTING: "a setting that the grid varies",
            "f": "repulsion factor",
            "iterations": "optimiser steps per task",
            "seeds": "finished runs; of a comparison, pairs",
            "gaps": "which runs diverged",
            "dropped": "as in runs.csv, mean over seeds",
            f"{METRIC}_mean": "mean accuracy, percent",
            f"{METRIC}_difference": "mean paired difference from the baseline, points",
            f"{METRIC}_(low|high)": INTERVAL,
            f"{METRIC}_relative": "difference in percent of the baseline",
            f"{METRIC}_published_(absolute|relative)": "the paper's values, where its Table 1 has the same comparison",
        },
    ),
    Table(
        "frontier/*.csv",
        "Where a grid sweeps c: what lies beyond all that the baseline reaches at any c.",
        {
            **CELL,
            "arm": "its arm",
            "c": "its strength of synaptic intelligence",
            "rival|rival_c": "the cell of the baseline that is hardest to exceed, and its c",
            "other|other_c|share": "where a mixture of two is harder: the second cell, its c, the first one's share",
            "seeds": "seeds that all of them share",
            "first20|overall": "mean differences from that, points",
            "p": "of not lying beyond all that the baseline reaches; valid at every look, held against alpha over the "
            "rows",
            "p_within": "of lying beyond; the same way",
            "verdict": "`beyond`, `within` or `undecided`",
        },
    ),
    Table(
        "trends/*.csv",
        "Where a grid varies a size: what rises or falls with it.",
        {
            "arm": "whose differences",
            "metric": "of which accuracy",
            "size": "the setting that is varied",
            "least|most": "from where to where",
            **SEEDS,
            "slope": "mean slope, points per tenfold size",
            "low|high": INTERVAL,
            "valid_low|valid_high": "the interval that decides: valid at every look, for all rows together",
            "papers": "the paper's size",
            "verdict": "`level`, `rises`, `falls` or `undecided`",
        },
    ),
    Table(
        "closest/*.csv",
        "Where a grid tries readings of the paper: which comes closest to its Table 1.",
        {
            **CELL,
            "baseline": "the cell it is compared with",
            **SEEDS,
            METRIC: "mean differences, points",
            "distance": "root mean square distance from the mean of Table 1 over f, points",
            "without_effect": "the same distance of no effect at all",
            "closest": "share of resampled sets of seeds in which the cell is the closest",
        },
    ),
    Table(
        "mechanism/distances.csv",
        "How far competing classes lie apart, in units of the mean distance of all pairs of classes seen. A pair "
        "competes if the baseline's run of the same seed replays a sample of one class whose competitor is the other.",
        {
            **CELL,
            "task": "after which task",
            "space": "`inputs`, `hidden`, `latent` or `reconstruction`",
            **SEEDS,
            "pairs": "competing pairs of classes",
            "competing|others": "mean distance of the pairs that compete, and of the others",
            "difference": "mean paired difference of `competing` from the cell's baseline",
            "low|high": INTERVAL,
        },
    ),
    Table(
        "mechanism/similarity.csv",
        "How alike the hidden layers of a cell and its baseline are on the same test samples.",
        {**CELL, "task": "after which task", **SEEDS, "cka": "linear CKA, from 0 to 1", "low|high": INTERVAL},
    ),
    Table(
        "mechanism/confusions.csv",
        "Per cell, the confusions of two classes that appear and vanish most against the baseline, up to ten of each.",
        {
            **CELL,
            "true_class|assigned_class": "classes as the data number them",
            **SEEDS,
            "baseline_percent|percent": "share of the test samples of the true class, baseline and cell",
            "difference": "mean paired difference from the cell's baseline",
            "low|high": INTERVAL,
        },
    ),
    Table(
        "mechanism/replay_quality.csv",
        "Replayed beside real samples, by how many tasks ago their class was learned.",
        {
            **CELL,
            "age": "tasks learned since; 0 for the task just learned",
            **SEEDS,
            "frechet": "Fréchet distance with diagonal covariances, in squared units of the inputs",
            "precision|recall": "share of replayed samples near real ones, and of real ones near replayed ones",
            "agreement": "share of replayed samples that the model itself gives the class asked for",
            "difference": "mean paired difference of `frechet` from the cell's baseline",
            "low|high": INTERVAL,
        },
    ),
    Table(
        "mechanism/gradients.csv",
        "How strongly each term of the loss pulls at the weights when a task ends: norms of gradients.",
        {
            **CELL,
            "task": "after which task",
            **SEEDS,
            "classification|distillation|penalty|reconstruction|variational|repulsion|attraction": "the term, as "
            "it enters the loss; blank where it has no part in it",
            "(reconstruction|variational)_replayed": "of the replayed batch",
            "(repulsion|attraction)_to_(reconstruction|distillation)": "ratios, all of the replayed batch",
        },
    ),
    Table(
        "provenance/*.csv",
        "The runs behind every row of a grid's table. `exaggerated-replay explain` takes the names.",
        {
            **CELL,
            "settings": "what the grid set",
            "seed|status": "the run's seed, and how it ended",
            METRIC: "accuracy in percent",
            "device|torch": "what the run was computed with",
            "run|baseline_run": "its name, and that of the run it is compared with",
            "data|code": "first digits of the digest of its data; the versions of its code",
        },
    ),
    Table(
        "learning.csv",
        "What every cell had reached after every task, means over seeds.",
        {
            **CELL,
            "after_task": "after which task",
            "classes": "seen so far",
            **SEEDS,
            "accuracy|sd": "on the classes seen so far, percent; its standard deviation over seeds",
            "on_new_task": "accuracy on the task just learned, percent",
            "intransigence": "how much better `joint` of the same settings does on it, points; blank without one",
        },
    ),
    Table(
        "plots/task_accuracy.csv",
        "Of the cell in focus; `dvc plots` draws it. The final model on each task.",
        {"task": "the task", "accuracy": "percent, mean over seeds"},
    ),
    Table(
        "plots/learning.csv",
        "The same for the classes seen so far.",
        {"after_task": "after which task", "accuracy": "percent, mean over seeds"},
    ),
    Table(
        "plots/accuracy_matrix.csv",
        "The same for each task after each task.",
        {"after_task|on_task": "after which task, on which task", "accuracy": "percent, mean over seeds"},
    ),
    Table(
        "plots/convergence.csv",
        "The cells that differ from the one in focus in nothing but their length.",
        {"iterations": "optimiser steps per task", METRIC: "accuracy in percent, mean over seeds"},
    ),
)


def meaning(kind: Table, column: str) -> str | None:
    """Return what a column means; None if nothing says so."""
    return next((said for pattern, said in kind.columns.items() if re.fullmatch(pattern, column)), None)


def files_page() -> str:
    """Return the page of a study's files."""
    introduction = (
        "A study's folder, `results/STUDY/`, is written whole by the workflow. Git keeps what cannot be made again "
        "without training; `exaggerated-replay report results/STUDY` makes the rest. Files of other names are never "
        "touched. A file of yours under one of these names is moved to `.training/aside/`, and a line says so."
    )
    others = table(["file", ""], [[code(file), what] for file, what in FILES.items()])
    sections = [f"## {code(kind.file)}\n\n{kind.what}\n\n{_columns(kind)}" for kind in TABLES]
    return page("Files and columns", introduction, [others, *sections])


def _columns(kind: Table) -> str:
    return table(["column", "meaning"], [[_names(pattern), said] for pattern, said in kind.columns.items()])


def _names(pattern: str) -> str:
    """Spell a pattern of names out as somebody reads it."""
    if pattern == SETTING:
        return "`method.f`, `model.units` ..."
    spelled = pattern.replace(METRIC, "METRIC").replace(r"\d\d", "05 ... q95").replace(r"\d+", "1 ...")
    if pattern == METRIC:
        spelled = METRIC.strip("()")
    names = [spelled] if "(" in spelled else spelled.split("|")
    while any("(" in name for name in names):
        names = [
            name.replace(found[0], choice, 1)
            for name in names
            for found in [re.search(r"\(([^()]*)\)", name)]
            if found
            for choice in found[1].split("|")
        ]
    return ", ".join(code(name) for name in names)
