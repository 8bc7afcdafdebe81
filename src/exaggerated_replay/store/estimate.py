"""How long a plan's new runs will take, by the seconds that runs like them took."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PROVENANCE, RECORDS, RUNS, TIMINGS
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.planning.runs import values_of
from exaggerated_replay.settings.methods import settings_of
from exaggerated_replay.store.keeping import sealed_records
from exaggerated_replay.store.lines import read_records
from exaggerated_replay.store.records import Record
from exaggerated_replay.store.status import cost
from exaggerated_replay.wording import roughly

Kind = tuple[Any, ...]
"""What decides the cost of a step: data, sizes of networks and batches, threads and precision."""
Time = tuple[Kind, float, float]
"""A kind of runs, the seconds that some of it took, and their steps."""


def time_told(plan: Plan, new: Iterable[str], results: Path) -> str:
    """Say in a sentence how long the new runs of a plan take; nothing where one of their kinds was never timed.

    Runs are of one kind if their data, networks, batches, threads and precision are the same. Methods differ less in
    what a step costs than machines do, and count as one; those that take no steps cost nothing.

    Args:
        plan: Whose runs are to be trained.
        new: The names of those that are not finished yet.
        results: The folder of all studies.
    """
    names = [*new]
    if not names or plan.compute.device == "cuda":
        return ""
    asked = _steps(values_of(plan.named[name].settings) for name in names)
    seconds, steps = defaultdict[Kind, float](float), defaultdict[Kind, float](float)
    like = []
    for study, times in _timed(plan, results):
        alike = [time for time in times if time[0] in asked]
        for kind, took, taken in alike:
            seconds[kind] += took
            steps[kind] += taken
        like += [study] if alike else []
    if not like or asked.keys() - steps.keys():
        return ""
    total = roughly(sum(asked[kind] * seconds[kind] / steps[kind] for kind in asked))
    others = len(like) - 1
    whose = like[0] + (f" and {others} other {'study' if others == 1 else 'studies'} like it" if others else "")
    many = f"the {len(names)} new runs take" if len(names) > 1 else "the new run takes"
    cores = "one core" if plan.compute.threads == 1 else f"{plan.compute.threads} cores"
    return f"On {cores} {many} {total}, by the times of {whose}."


def _timed(plan: Plan, results: Path) -> Iterator[tuple[str, list[Time]]]:
    """Yield the name and the times of each study here, and of the plan's own, which may not have a folder yet."""
    for folder in sorted({results / plan.study.name, *(file.parent for file in results.glob(f"*/{RECORDS}"))}):
        try:
            records = read_records(folder / RECORDS) if (folder / RECORDS).is_file() else {}
            if folder.name == plan.study.name:
                records |= sealed_records(results / RUNS.name, plan.named)
            yield folder.name, _times(records, folder / PROVENANCE, results / TIMINGS.name)
        except (UserError, OSError, KeyError, TypeError, ValueError, ImportError):
            continue  # what is wrong there, other commands tell


def _times(records: Mapping[str, Record], provenance: Path, timings: Path) -> list[Time]:
    """Return the times of those runs that were timed here; of none of them, what their study says of all together.

    That tells of one kind alone. On GPUs, steps take another time.
    """
    if any(record.device != "cpu" for record in records.values()):
        return []
    own = [
        (kind, read_json(path)["seconds"], steps)
        for run, record in records.items()
        if (path := timings / f"{run}.json").is_file()
        for kind, steps in _steps([record.settings]).items()
    ]
    together = _steps(record.settings for record in records.values())
    if own or len(together) != 1:
        return own
    said, [(kind, steps)] = read_json(provenance), together.items()
    return [(kind, said["seconds"], steps * said["timed"] / len(records))] if said["timed"] else []


def _kind(settings: Mapping[str, Any]) -> Kind:
    sizes = [settings["model"][key] for key in ("units", "latent")]
    batches = [settings["training"][key] for key in ("batch", "replay_batch")]
    return (settings["data"], *sizes, *batches, settings["threads"], settings["precision"])


def _steps(runs: Iterable[Mapping[str, Any]]) -> Mapping[Kind, float]:
    """Return the steps of runs with these settings by kind, those of first tasks counted as `cost` does."""
    steps = defaultdict[Kind, float](float)
    for settings in runs:
        if settings_of(settings["method"]["method"]).draws_from != "nothing":
            iterations = settings["training"]["iterations"]
            steps[_kind(settings)] += cost(len(settings["tasks"]) * iterations, iterations)
    return steps
