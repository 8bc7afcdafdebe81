"""What the losses do inside the network: small tables from what runs kept at task ends.

Every table has one row per cell and place (a task, a space, an age, ...), with means over the seeds whose runs left
traces. `difference` [`low`, `high`] is the mean paired difference from the cell's baseline, run by run of the same
seed, with its 95 % confidence interval by Student's t; blank for cells without a baseline.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exaggerated_replay.analysis.mechanism.confusions import confusions
from exaggerated_replay.analysis.mechanism.traces import TracedRun, Traces, pairs, read_traces
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.outputs import MECHANISM
from exaggerated_replay.planning.study_plan import StudyPlan

SPACES = ("inputs", "hidden", "latent", "reconstruction")
RATIOS = {
    "repulsion_to_reconstruction": ("repulsion", "reconstruction_replayed"),
    "attraction_to_reconstruction": ("attraction", "reconstruction_replayed"),
    "repulsion_to_distillation": ("repulsion", "distillation"),
    "attraction_to_distillation": ("attraction", "distillation"),
}
QUALITIES = ("frechet", "precision", "recall", "agreement")


def mechanism_tables(plan: StudyPlan, runs_folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of a study, as far as its runs left traces; those that would be empty are left out.

    Args:
        plan: Which cells there are, and what each is compared with.
        runs_folder: The folder of run directories, usually results/runs.

    Returns:
        distances, similarity, confusions, replay_quality, gradients: the function of each name says what its columns
        are.

    Raises:
        UserError: A file of traces is damaged.
    """
    traces, baselines = read_traces(plan, runs_folder), plan.baselines
    makers: tuple[Callable[[Traces, Mapping[str, str]], pd.DataFrame], ...] = (
        distances,
        similarity,
        confusions,
        replay_quality,
        gradients,
    )
    tables = {name: make(traces, baselines) for name, make in zip(MECHANISM, makers, strict=True)}
    return {name: table for name, table in tables.items() if not table.empty}


def distances(traces: Traces, baselines: Mapping[str, str]) -> pd.DataFrame:
    """Compare how far competing classes are apart, in units of the mean distance of all pairs of classes seen.

    A pair competes if the *baseline's* run of the same seed imagines, after the same task, a sample of one class
    whose rival is the other: with and without the losses, the same pairs are looked at.

    Returns:
        cell, task, space, seeds; pairs (of competing classes); competing and others (their mean distances over that
        of all pairs); difference, low, high (of `competing`).
    """
    rows = []
    for cell, run, base in pairs(traces, baselines):
        for task in range(1, len(run.settings.tasks) + 1):
            compete = (base or run).competing(task)
            for space in SPACES:
                apart, before = run.distances(space, task), base.distances(space, task) if base else None
                if compete is None or apart is None or not compete.any() or compete.all():
                    continue
                competing, others = relative_means(apart, compete)
                unchanged = np.nan if before is None else relative_means(before, compete)[0]
                measured = {"pairs": compete.sum(), "competing": competing, "others": others}
                measured["difference"] = competing - unchanged
                rows.append({"cell": cell, "seed": run.settings.seed, "task": task, "space": space, **measured})
    return summed_up(rows, ["task", "space"])


def relative_means(apart: np.ndarray, compete: np.ndarray) -> tuple[float, float]:
    """Return the mean distances of the pairs that compete and of the others, both over that of all pairs."""
    relative = apart / apart.mean()
    return float(relative[compete].mean()), float(relative[~compete].mean())


def similarity(traces: Traces, baselines: Mapping[str, str]) -> pd.DataFrame:
    """Compare the hidden layers of a cell and its baseline on the same test samples: linear CKA, from 0 to 1.

    Returns:
        cell, task, seeds, cka and its interval low, high.
    """
    rows = []
    for cell, run, base in pairs(traces, baselines):
        for task in range(1, len(run.settings.tasks) + 1):
            one, other = run.gram(task), base.gram(task) if base else None
            if one is not None and other is not None:
                rows.append({"cell": cell, "seed": run.settings.seed, "task": task, "cka": linear_cka(one, other)})
    return summed_up(rows, ["task"], interval_of="cka")


def linear_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Return linear CKA (Kornblith et al., 2019) from two centred Gram matrices of the same samples, (N, N) each."""
    return float((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other)))


def replay_quality(traces: Traces, baselines: Mapping[str, str]) -> pd.DataFrame:
    """Compare imagined with real samples by the age of their class: tasks learned since, 0 for the task just learned.

    Returns:
        cell, age, seeds; frechet (with diagonal covariances, in squared units of the inputs), precision, recall and
        agreement (share of samples that the model itself gives the class asked for), each a mean over the classes
        and task ends of this age; difference, low, high (of `frechet`).
    """
    rows = []
    for cell, run, base in pairs(traces, baselines):
        before = dict(qualities_by_age(base)) if base else {}
        for age, means in qualities_by_age(run):
            difference = means["frechet"] - before[age]["frechet"] if age in before else np.nan
            rows.append({"cell": cell, "seed": run.settings.seed, "age": age, **means, "difference": difference})
    return summed_up(rows, ["age"])


def qualities_by_age(run: TracedRun) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield every age of classes and the mean quality of their imagined samples, if the run imagines any."""
    measures = {name: run.arrays[name].astype(float) for name in QUALITIES if name in run.arrays}
    if measures:
        task_ends = np.arange(1, len(measures["frechet"]) + 1)
        ages = task_ends[:, None] - run.task_of  # (T, C), negative before a class is seen
        for age in range(len(task_ends)):
            yield age, {name: float(pd.Series(values[ages == age]).mean()) for name, values in measures.items()}


def gradients(traces: Traces, baselines: Mapping[str, str]) -> pd.DataFrame:
    """Say how strongly each term of the loss pulls at the weights when a task ends.

    Returns:
        cell, task, seeds; the norm of every term's gradient, as the term enters the loss (blank where it has no part
        in it; names ending in `_replayed` are of the replayed batch); and the ratios of repulsion and attraction to
        reconstruction and distillation, all of the replayed batch.
    """
    rows = []
    for cell, run, _ in pairs(traces, baselines):
        norms = {name.removeprefix("gradient."): a for name, a in run.arrays.items() if name.startswith("gradient.")}
        for name, (over, under) in RATIOS.items():
            if over in norms and under in norms:
                norms[name] = norms[over] / np.where(norms[under] > 0, norms[under], np.nan)
        for task in range(len(next(iter(norms.values()), ()))):
            at_end = {name: float(values[task]) for name, values in norms.items()}
            rows.append({"cell": cell, "seed": run.settings.seed, "task": task + 1, **at_end})
    return summed_up(rows, ["task"])


def summed_up(rows: list[dict[str, Any]], by: list[str], interval_of: str = "difference") -> pd.DataFrame:
    """Return means over seeds, with the 95 % confidence interval (Student's t) of one of them.

    Args:
        rows: One per cell, seed and place.
        by: The columns that say the place.
        interval_of: The column whose interval is taken, if it is there.

    Returns:
        cell, the columns of `by`, seeds, the mean of every other column, low, high; empty without rows.
    """
    if not rows:
        return pd.DataFrame()
    keys = ["cell", *by]
    summed: list[dict[str, Any]] = []
    for _, values in pd.DataFrame(rows).groupby(keys, sort=False):
        means = values.drop(columns=[*keys, "seed"]).mean()
        row: dict[str, Any] = {**values[keys].iloc[0], "seeds": len(values), **means}
        if interval_of in values:
            interval = estimate(values[interval_of].tolist())
            row |= {"low": interval.low, "high": interval.high}
        summed.append(row)
    return pd.DataFrame(summed)
