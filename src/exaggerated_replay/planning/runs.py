"""The runs of a study: what they have in common, and which are trained by one job."""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, cast

from exaggerated_replay.data.tasks import tasks_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import Run, name_of_values
from exaggerated_replay.planning.versions import method_version
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.nested import follow
from exaggerated_replay.settings.run import MethodSettings, ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.settings.study import ComputeSettings, Params

CALLED = {"threads": "compute.threads", "precision": "compute.precision", "tasks": "dataset.tasks"}
"""What a user calls the settings that a run calls otherwise."""

MEANING = {"data": "the data, or the encoder behind them", "tasks": "the classes of the tasks"}
"""What is said of settings whose values say nothing."""


@dataclass(frozen=True)
class Common:
    """What all runs of a study have in common: the data, and how they are divided."""

    params: Params
    data: str  # digest of what runs learn from
    classes: int
    image_values: int

    def runs(
        self,
        model: ModelSettings,
        training: TrainingSettings,
        method: MethodSettings,
        dataset: DatasetSettings,
        compute: ComputeSettings,
    ) -> tuple[Run, ...]:
        """Return a run under these settings for every seed of the study.

        Raises:
            UserError: The classes cannot be divided into tasks as the settings of the data set ask.
        """
        common: dict[str, Any] = {
            "data": self.data,
            "image_values": self.image_values,
            "code": method_version(method.method),
            "model": model,
            "training": training,
            "method": method,
            "threads": compute.threads,
            "precision": compute.precision,
        }
        values = _as_values(common)  # once for all seeds
        own: list[dict[str, Any]] = [
            {"seed": seed, "tasks": tasks_of(dataset, self.classes, seed)} for seed in self.params.study.seed_list
        ]
        return tuple(Run(name_of_values({**values, **one}), RunSettings(**common, **one)) for one in own)


def check_batch(run: Run, samples: Sequence[int]) -> None:
    """Refuse a batch that is larger than what it is drawn from, which training would meet as late as in that task.

    Args:
        run: Of the plan.
        samples: How many training samples each class has.

    Raises:
        UserError: A task has fewer samples than a batch.
    """
    method, batch = run.settings.method, run.settings.training.batch
    if method.draws_from == "nothing":
        return
    sizes = [sum(samples[label] for label in task) for task in run.settings.tasks]
    pools = sizes if method.draws_from == "task" else list(itertools.accumulate(sizes))
    for task, pool in enumerate(pools, start=1):
        if batch > pool:
            raise UserError(
                f"training.batch is {batch}, but task {task} of seed {run.seed} has only {pool} training samples: "
                f"choose a batch of at most {min(pools)}, or larger tasks"
            )


def values_of(settings: RunSettings) -> dict[str, Any]:
    """Return a run's settings as nested dictionaries."""
    return _as_values({field.name: getattr(settings, field.name) for field in fields(settings)})


def called(key: str) -> str:
    """Return what a user calls a setting of a run, by its dotted key."""
    return CALLED.get(key, key)


def difference_told(key: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """Say in which way two runs differ in a setting: "compute.threads: 2 there, 1 here"."""
    return MEANING.get(key) or f"{called(key)}: {follow(there, key)} there, {follow(here, key)} here"


def _as_values(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(cast(Any, part)) if is_dataclass(part) else part for name, part in parts.items()}


def packs_of(runs: Iterable[Run], size: int) -> dict[str, list[Run]]:
    """Divide runs into jobs: at most `size` runs each, as few jobs as can be, all about equally long.

    Longest runs first, each to the job that has least to do yet. Which runs go together decides no result.
    """
    longest_first = sorted(runs, key=lambda run: -run.settings.training.iterations)
    packs: list[list[Run]] = [[] for _ in range(-(-len(longest_first) // size))]
    waiting = [(0, number) for number in range(len(packs))]  # a heap of (iterations so far, pack)
    for run in longest_first:
        load, number = heapq.heappop(waiting)
        packs[number].append(run)
        if len(packs[number]) < size:
            heapq.heappush(waiting, (load + run.settings.training.iterations, number))
    return {str(number): pack for number, pack in enumerate(packs, start=1)}
