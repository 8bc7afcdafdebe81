"""What is to be said of a plan when it is composed: what the user's own data are like, and what has no part in it."""

import re
from collections.abc import Sequence
from pathlib import Path

from exaggerated_replay.data.facts import training_samples_of
from exaggerated_replay.data.readers.npz import WHITE
from exaggerated_replay.data.values import remarks, values_in
from exaggerated_replay.planning.plan import Plan


def remarks_on_data(plan: Plan) -> list[str]:
    """Say what range the values of the user's npz file have and what is done with it; nothing of published data.

    Raises:
        UserError: The file cannot be read.
    """
    settings = plan.source.settings
    if settings.own_file is None or settings.own_reader != "npz":
        return []
    values = values_in(Path(settings.own_file), "dataset.source")
    return remarks(values, settings.white or WHITE, settings.deviation, replayed=plan.replayed)


def remarks_on_arms(plan: Plan, overrides: Sequence[str]) -> list[str]:
    """Say which arms that the user's settings make or change are in no grid; or else which methods of the user's."""
    asked = dict.fromkeys(found[1] for given in overrides if (found := re.match(r"\+{0,2}arms\.([\w-]+)", given)))
    used = {cell.arm for cell in plan.cells.values()}
    learning = {cell.method["method"] for cell in plan.cells.values()}
    return [
        f"No grid of the study {plan.study.name} has the arm {arm}, so it is not trained: name it in one, such as "
        f"study.grids.{next(iter(plan.grids))}."
        for arm in asked
        if arm not in used
    ] or [
        f"No cell of the study {plan.study.name} learns by the method {method}, so it is not trained: make an arm of "
        f"it, '+arms.{method}={{method: {method}}}', and name that in a grid."
        for method in plan.methods
        if method not in learning
    ]


def remarks_on_samples(plan: Plan) -> list[str]:
    """Say which settings ask for more training samples of a class or task than there are, where that is known."""
    counts = training_samples_of(plan.source.settings, plan.source.prepared, "dataset.source")
    if counts is None or len(counts) != plan.dataset.classes:
        return []
    fewer: dict[str, list[str]] = {}
    for cell in plan.cells.values():
        settings = [run.settings for run in cell.runs]
        method = settings[0].method
        of = {**dict.fromkeys(method.of_each_class, "class"), **dict.fromkeys(method.of_each_task, "task")}
        if not of:
            continue
        fewest = {
            "class": min(counts),
            "task": min(sum(counts[label] for label in task) for run in settings for task in run.tasks),
        }
        for key, what in of.items():
            asked = getattr(method, key)
            if isinstance(asked, int | float) and asked > fewest[what]:
                told = f"{key} is {asked}, but some {what} has only {fewest[what]} training samples, and all are taken"
                fewer.setdefault(told, []).append(cell.name)
    return [f"Of {', '.join(cells)}, {told}." for told, cells in fewer.items()]
