"""How long a plan's new runs will take, from the seconds that the folders of like studies hold."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, PROVENANCE
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.settings.methods import settings_of
from exaggerated_replay.settings.study import ComputeSettings
from exaggerated_replay.store.status import cost
from exaggerated_replay.strict_yaml import read_yaml
from exaggerated_replay.wording import roughly

BATCHES = ("batch", "replay_batch")


def time_told(plan: Plan, new: Iterable[str], results: Path) -> str:
    """Say in a sentence how long the new runs of a plan take; nothing where no study is like it.

    A study is like a plan if its data, encoder, networks, batches, threads and precision are the same, and its runs
    were trained on processors. Methods differ less in what a step costs than machines do, and count as one; those that
    take no steps cost nothing.

    Args:
        plan: Whose runs are to be trained.
        new: The names of those that are not finished yet.
        results: The folder of all studies.
    """
    names = {*new}
    if not names or plan.compute.device == "cuda":
        return ""
    asked = plan.to_dict()
    like = {}
    for file in sorted(results.glob(f"*/{PLAN}")):
        try:
            if (found := _spent(file.parent, asked, plan.compute)) is not None:
                like[file.parent.name] = found
        except (UserError, OSError, KeyError, TypeError, ValueError, ImportError):
            continue  # what is wrong there, other commands tell
    if not like:
        return ""
    seconds, steps = (sum(numbers) for numbers in zip(*like.values(), strict=True))
    first, others = next(iter(like)), len(like) - 1
    whose = first + (f" and {others} other {'study' if others == 1 else 'studies'} like it" if others else "")
    settings = [run.settings for run in plan.runs if run.name in names]
    asked_steps = sum(_of_a_run(of.method.draws_from, len(of.tasks), of.training.iterations) for of in settings)
    total = roughly(seconds / steps * asked_steps)
    many = f"the {len(names)} new runs take" if len(names) > 1 else "the new run takes"
    cores = "one core" if plan.compute.threads == 1 else f"{plan.compute.threads} cores"
    return f"On {cores} {many} {total}, by the times of {whose}."


def _spent(folder: Path, asked: Mapping[str, Any], compute: ComputeSettings) -> tuple[float, float] | None:
    """Return the seconds that a study's runs took, and their steps; None of one that is not like a plan."""
    plan = read_json(folder / PLAN)
    if _kind(plan) != _kind(asked):
        return None
    if read_yaml(folder / PARAMS)["compute"]["threads"] != compute.threads:
        return None
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        if {row["device"] for row in csv.DictReader(file)} != {"cpu"}:
            return None
    origin = read_json(folder / PROVENANCE)
    names = {name for cell in plan["cells"].values() for name in cell["runs"]}
    steps = origin["timed"] / len(names) * _steps(plan, names)
    return (float(origin["seconds"]), steps) if steps else None


def _kind(plan: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what decides the cost of a step, of all cells of a written plan."""
    sizes = {
        (
            *(config["model"][key] for key in ("units", "latent")),
            *(config["training"][key] for key in BATCHES),
            config["compute"]["precision"],
        )
        for config in (cell["config"] for cell in plan["cells"].values())
    }
    return plan["dataset"]["name"], plan["dataset"]["image_values"], bool(plan["encoder"]), sizes


def _steps(plan: Mapping[str, Any], names: set[str]) -> float:
    """Return the steps of some runs of a written plan, those of first tasks counted as `cost` does.

    Raises:
        ValueError: The tasks of a cell are in a file, which the plan only names.
    """
    configs = {name: cell["config"] for cell in plan["cells"].values() for name in cell["runs"] if name in names}
    steps = 0.0
    for config in configs.values():
        tasks = config["dataset"]["tasks"]
        if isinstance(tasks, str):
            raise ValueError(f"{tasks} says which tasks there are")
        many = tasks if isinstance(tasks, int) else len(tasks)
        draws_from = settings_of(config["method"]["method"]).draws_from
        steps += _of_a_run(draws_from, many, config["training"]["iterations"])
    return steps


def _of_a_run(draws_from: str, tasks: int, iterations: int) -> float:
    return 0.0 if draws_from == "nothing" else cost(tasks * iterations, iterations)
