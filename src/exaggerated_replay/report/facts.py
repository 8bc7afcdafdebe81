"""What was run, on what and with what; what was not; and how far it is from the paper's experiment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.mechanism.overflow import overflow
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.paper import papers_data
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.table import each_once
from exaggerated_replay.analysis.words import counted, data_name
from exaggerated_replay.planning.questions import STRENGTH
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.report.question import named
from exaggerated_replay.store.records import FINISHED

LOSSES = {True: "binary cross-entropy (inputs lie in [0, 1])", False: "squared error (inputs are real-valued)"}
"""By whether all training inputs lie in [0, 1], which alone decides it."""
PRECISIONS = {"fp32": "single", "tf32": "matrix products in TF32", "bf16": "matrix products in bfloat16"}
"""What is not single precision, by `compute.precision`."""


@dataclass(frozen=True)
class Setting:
    """A setting of the paper's experiment, and the study's."""

    name: str
    paper: str
    here: str
    reached: bool


def what_was_run(study: Study, origin: Mapping[str, Any]) -> dict[str, str]:
    """Return what was run, by what it is called on the page.

    Args:
        study: Plan and records.
        origin: From `origin`, as provenance.json holds it.
    """
    plan, runs = study.plan, study.runs.drop_duplicates("digest")
    unknown = (
        f"not known: {reason}" if (reason := origin.get("no_commit")) else "unknown"
    )  # earlier folders don't say why
    commit = (origin["commit"] or unknown) + (", with changes that are not in it" if origin["modified"] else "")
    return {
        "Data": data_name(plan),
        "SHA-256 of the data": plan.sha256,
        "Loss of reconstruction": _listed(LOSSES[record.problem["bounded"]] for record in study.records.values()),
        "Tasks": _listed(_tasks(run.settings.tasks) for run in plan.runs),
        "Network": f"{_all(plan, 'model.units')} units a hidden layer, {_all(plan, 'model.latent')} latent",
        "Training": f"{_all(plan, 'training.iterations')} iterations per task with {_all(plan, 'training.batch')} "
        f"current and {_all(plan, 'training.replay_batch')} replayed samples a step, learning rate "
        f"{_all(plan, 'training.learning_rate')}",
        "Strength c": _all(plan, STRENGTH),
        "Precision": _listed(
            f"{PRECISIONS[run.settings.precision]}, {counted(run.settings.threads, 'thread')}" for run in plan.runs
        ),
        "Cells": f"{len(plan.cells)}, each trained once per seed, in {counted(len(plan.grids), 'grid')}",
        "Seeds": _ranges(sorted(set(runs["seed"]))),
        "Runs": f"{len(runs)}, of which {(runs['status'] == FINISHED).sum()} reached their end",
        **_overflow(study),
        "Device": _counts(runs["device"]),
        "torch": _counts(runs["torch"]),
        "Time": _time(origin, len(runs)),
        "Hardware": _hardware(origin),
        "Python, system": f"{origin['python']}, {origin['system']}",
        "Commit": commit,
    }


def what_was_not_run(study: Study, verdicts: pd.DataFrame) -> list[str]:
    """Return what is missing, a sentence each: runs without an end, pairs without a partner, open verdicts."""
    unfinished = study.runs[study.runs["status"] != FINISHED].drop_duplicates("digest")
    told = [f"{row['cell']}, seed {row['seed']}: {row['status']}." for _, row in unfinished.iterrows()]
    once = each_once(verdicts)
    left_out = once[once["metric"] == next(iter(once["metric"]), None)]["left_out"].sum()
    if left_out:
        told.append(f"Because of these, {counted(left_out, 'pair')} of runs had to be left out of the comparisons.")
    undecided = once[once["verdict"] == "undecided"]
    if len(undecided):
        most = undecided["more_seeds"].max()
        told.append(
            f"{counted(len(undecided), 'comparison')} of {len(once)} {'is' if len(undecided) == 1 else 'are'} "
            f"undecided; to decide all of them takes about {counted(most, 'more seed')}, "
            "if means and spreads are what they seem."
        )
    return told


def beside_the_paper(plan: StudyPlan) -> list[Setting]:
    """Lay the study's settings beside the paper's; nothing where the study asks something else, or has none of them."""
    if not exaggerates(plan):
        return []
    methods = [cell.method for cell in plan.cells.values()]
    weighted = [method for method in methods if method.get("lambda_rr") == method.get("lambda_ra") == paper.WEIGHT]
    tasks = {len(run.settings.tasks) for run in plan.runs}
    factors = {method["f"] for method in weighted if "f" in method}  # which one of somebody's own may not have
    seeds = {len(cell.runs) for cell in plan.cells.values()}
    settings = [
        Setting("data set", "CIFAR-100", named(plan), papers_data(plan)),
        Setting("tasks", f"{paper.TASKS}", _numbers(tasks), paper.TASKS in tasks),
        _setting(plan, "units of a hidden layer", "model.units"),
        _setting(plan, "iterations per task", "training.iterations"),
        _setting(plan, "current samples a step", "training.batch"),
        _setting(plan, "replayed samples a step", "training.replay_batch"),
        _setting(plan, "strength c of synaptic intelligence", STRENGTH),
        Setting(
            "weights of RR and RA", f"{paper.WEIGHT:g}", f"{paper.WEIGHT:g}" if weighted else "others", bool(weighted)
        ),
        Setting("repulsion factors f", _numbers(paper.FACTORS), _numbers(factors), factors >= {*paper.FACTORS}),
        Setting("runs behind a number", f"{paper.RUNS}", _numbers(seeds), min(seeds) >= paper.RUNS),
    ]
    return settings if any(setting.reached for setting in settings) else []


def _overflow(study: Study) -> dict[str, str]:
    """Return what is said where numbers overflowed; of other studies nothing, and not that there is nothing."""
    told = [f"{cell}: {said}" for cell, said in overflow(study).items()]
    return {"Overflow": ". ".join(told)} if told else {}


def _all(plan: StudyPlan, key: str) -> str:
    return _numbers(plan.every(key))


def _setting(plan: StudyPlan, name: str, key: str) -> Setting:
    papers = paper.VALUES[key]
    return Setting(name, _numbers([papers]), _all(plan, key), papers in plan.every(key))


def _tasks(tasks: list[list[int]]) -> str:
    sizes = [len(classes) for classes in tasks]
    return f"{len(tasks)} of {sizes[0] if len({*sizes}) == 1 else ', '.join(map(str, sizes))} classes"


def _numbers(values: Iterable[Any]) -> str:
    """Return numbers in their order, and words after them; "none" without any.

    Numbers have all their digits, unlike `amount`'s: who repeats a study reads them here.
    """
    known = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    return ", ".join(value if isinstance(value, str) else f"{value:,.10g}" for value in known) or "none"


def _ranges(numbers: list[int]) -> str:
    """Return whole numbers with those in a row as a range: 0-4, 7."""
    told: list[list[int]] = []
    for number in numbers:
        if told and number == told[-1][-1] + 1:
            told[-1].append(number)
        else:
            told.append([number])
    return ", ".join(f"{row[0]}" if len(row) == 1 else f"{row[0]}\N{EN DASH}{row[-1]}" for row in told)


def _counts(values: pd.Series) -> str:
    counts = values.astype(str).value_counts().sort_index()
    return _listed(counts.index if len(counts) == 1 else (f"{value} ({n} runs)" for value, n in counts.items()))


def _time(origin: Mapping[str, Any], runs: int) -> str:
    if not origin["timed"]:
        return "not known: the runs come from elsewhere"
    whose = "" if origin["timed"] == runs else f" for the {origin['timed']} of {runs} runs that were timed"
    return f"{origin['seconds']:,.0f} seconds of training in all{whose}"


def _hardware(origin: Mapping[str, Any]) -> str:
    said = _listed(f"{name} ({counted(count, 'run')})" for name, count in origin["hardware"].items())
    unlike = origin.get("unlike_pairs", 0)  # folders of earlier versions do not know
    return f"{said}; {counted(unlike, 'pair')} of runs across two of them, which round differently" if unlike else said


def _listed(parts: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, parts))) or "not known"
