"""Scores of finished runs, from the counts in their records: definitions live here, not in the training."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.store.records import RECORD

PERCENT = 100


def scores(counts: dict[str, Any], tasks: int) -> dict[str, float]:
    """Score one run by its counts, all in percent of the test samples.

    Args:
        counts: `correct` (tasks x classes), `tested` (classes) and `predicted` (classes) of a record;
            labels are in order of being seen.
        tasks: Number of tasks; each brought the same number of classes.

    Returns:
        overall, first50, first20: accuracy (the paper's "precision") of the final model on all classes, on
        labels < C/2 and on labels < C/5. macro_precision: mean over classes of the share of right ones
        among the samples assigned to the class (0 where none was). forgetting: mean over all tasks but the
        last of the best accuracy it ever had minus its final accuracy. task1 ... taskT: final accuracies.
    """
    tested = np.array(counts["tested"])
    final = np.array(counts["correct"][-1])
    classes = len(tested)
    label = np.arange(classes)
    by_task = accuracy_matrix(counts, tasks)
    precision = final / np.maximum(counts["predicted"], 1)
    drops = np.nanmax(by_task, axis=0) - by_task[-1]
    return {
        "first20": accuracy(final, tested, label < classes / 5),
        "first50": accuracy(final, tested, label < classes / 2),
        "overall": accuracy(final, tested, label < classes),
        "macro_precision": PERCENT * precision.mean(),
        "forgetting": drops[:-1].mean() if tasks > 1 else 0.0,
        **{f"task{t}": value for t, value in enumerate(by_task[-1], start=1)},
    }


def accuracy(correct: np.ndarray, tested: np.ndarray, which: np.ndarray) -> float:
    """Return the accuracy in percent over the classes that `which` (classes,) selects."""
    return PERCENT * correct[which].sum() / tested[which].sum()


def accuracy_matrix(counts: dict[str, Any], tasks: int) -> np.ndarray:
    """Return accuracy in percent on task j's test samples after task i, (tasks, tasks); nan for j > i."""
    correct = np.array(counts["correct"]).reshape(tasks, tasks, -1).sum(2)
    tested = np.array(counts["tested"]).reshape(tasks, -1).sum(1)
    matrix = PERCENT * correct / tested
    return np.where(np.tri(tasks, dtype=bool), matrix, np.nan)


def instruments(noted: dict[str, list[float]]) -> dict[str, float | None]:
    """Sum up what a run noted while it learned (`instruments` of a record); None where it noted no such thing.

    Returns:
        reconstruction: D(x, x') in the last task, the mean of current and replayed batches.
        dropped: of the replayed samples that have a competing class, the percentage left out of repulsion, because
        no sample of their batch carries the competitor's label; over all tasks.
    """
    competing = sum(noted.get("competing", []))
    return {
        "reconstruction": noted["reconstruction"][-1] if "reconstruction" in noted else None,
        "dropped": PERCENT * (1 - sum(noted["repelled"]) / competing) if competing else None,
    }


def read_records(plan: dict[str, Any]) -> dict[str, Any]:
    """Read the record of every run of the plan, by run directory.

    Raises:
        UserError: A record is missing or broken.
    """
    directories = {run["directory"] for cell in plan["cells"].values() for run in cell["runs"]}
    return {directory: read_json(Path(directory) / RECORD) for directory in sorted(directories)}


def cell_records(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the records of one cell of the plan, one per seed.

    Raises:
        UserError: A record is missing or broken.
    """
    return [read_json(Path(run["directory"]) / RECORD) for run in cell["runs"]]


def first20_images(plan: dict[str, Any]) -> int:
    """Return how many test samples the first 20 % of the classes have (the mean over runs, rounded)."""
    counts = [record["counts"]["tested"] for record in read_records(plan).values()]
    return round(np.mean([sum(tested[: math.ceil(len(tested) / 5)]) for tested in counts]))


def runs_table(plan: dict[str, Any], records: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the tidy table of all runs, one row per cell and seed.

    Args:
        plan: results/plan.json.
        records: Record of each run by directory.
    """
    rows = []
    for name, cell in plan["cells"].items():
        method = cell["config"]["method"]
        for run in cell["runs"]:
            record = records[run["directory"]]
            rows.append(
                {
                    "digest": run["digest"],
                    "cell": name,
                    "arm": cell["arm"],
                    "seed": run["seed"],
                    "iterations": cell["config"]["training"]["iterations"],
                    "f": method.get("f"),
                    "lambda_rr": method.get("lambda_rr"),
                    "lambda_ra": method.get("lambda_ra"),
                    **scores(record["counts"], plan["dataset"]["tasks"]),
                    **instruments(record["instruments"]),
                    "device": record["environment"]["device"],
                    "torch": record["environment"]["torch"],
                }
            )
    return pd.DataFrame(rows)


def read_runs(path: Path) -> pd.DataFrame:
    """Read results/runs.csv. Names stay texts, also a digest such as 12345e6789 or an arm called NA.

    Raises:
        UserError: The file is missing.
    """
    names = dict.fromkeys(("digest", "cell", "arm"), str)
    # What an arm does not have: no replay, or no feature exaggeration.
    blank = {key: [""] for key in ("f", "lambda_rr", "lambda_ra", "reconstruction", "dropped")}
    try:
        return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=blank)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the workflow to make it") from None
