"""How far runs are: what their saved states say of themselves, read without their tensors and without torch."""

import json
import runpy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.gpus import visible_gpus
from exaggerated_replay.places import RECORD, STATE, store_folder, workspace_folder
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.settings.methods import mark_of_own, own_method
from exaggerated_replay.settings.study import ComputeSettings
from exaggerated_replay.wording import duration

FIRST = 0.5  # what a step of the first task costs, which replays nothing; at the paper's sizes it is measured


@dataclass(frozen=True)
class SavedRun:
    """Where an unfinished run stood when it was last saved."""

    run: str
    task: int
    iteration: int  # of the task
    tasks: int | None  # in all; None where no plan names the run
    iterations: int | None  # of each task
    seconds: float  # spent until then, in all processes
    saved: float  # seconds since 1970
    unlike: str = ""  # in what its state is not this machine's, so that here the run would start anew

    @property
    def left(self) -> float | None:
        """The seconds that are left at the run's own speed; None where that cannot be told."""
        if self.tasks is None or self.iterations is None or self.unlike:
            return None
        done = cost((self.task - 1) * self.iterations + self.iteration, self.iterations)
        return self.seconds / done * (cost(self.tasks * self.iterations, self.iterations) - done) if done else None


@dataclass(frozen=True)
class Status:
    """What became of the runs of a plan, each in one of the first four lists; and which others are unfinished."""

    finished: list[str]
    kept: list[str]  # finished, and not among the results: they wait for the rest of their job, or were pruned
    unfinished: list[SavedRun]
    not_begun: list[str]  # or begun and not saved yet
    unreadable: list[Path]  # states that no run can go on from: theirs begin anew
    elsewhere: list[SavedRun]  # unfinished runs that the plan does not name


def cost(steps: int, iterations: int) -> float:
    """Return what so many steps of a run cost, in steps that replay: those of the first task cost less."""
    return FIRST * min(steps, iterations) + max(0, steps - iterations)


def status(plan: Plan, runs: Path, kept: Path, workspace: Path) -> Status:
    """Look where the runs of a plan stand.

    Args:
        plan: Which runs there are to be.
        runs: The run directories.
        kept: Where every finished run is kept.
        workspace: Where unfinished work is kept, and the plans that were written.
    """
    found, here = Status([], [], [], [], [], []), computes_with(plan.compute)
    for name, run in plan.named.items():
        if (runs / name / RECORD).is_file():
            found.finished.append(name)
        elif (kept / name / RECORD).is_file():
            found.kept.append(name)
        elif (path := workspace / name / STATE).is_file():
            mark = here | mark_of_own(own_method(run.settings.method.method))
            if standing := read_saved_run(path, asdict(run.settings), mark):
                found.unfinished.append(standing)
            else:
                found.unreadable.append(path)
                found.not_begun.append(name)
        else:
            found.not_begun.append(name)
    others = [path for path in sorted(workspace.glob(f"*/{STATE}")) if path.parent.name not in plan.named]
    known = earlier_runs(workspace) if others else {}
    for path in others:
        if (runs / path.parent.name / RECORD).is_file():
            continue
        standing = read_saved_run(path, known.get(path.parent.name), here)
        if standing:
            found.elsewhere.append(standing)
        else:
            found.unreadable.append(path)
    return found


def told(found: Status) -> Iterator[str]:
    """Say in a few lines how far runs are."""
    finished, kept = len(found.finished), len(found.kept)
    begun, rest = len(found.unfinished), len(found.not_begun)
    yield (
        f"{finished + kept + begun + rest} runs in the plan: {finished} finished, {begun} unfinished, "
        f"{rest} not begun or not saved yet"
        + (f", {kept} finished in {store_folder()}, from where the workflow takes them" if kept else "")
    )
    yield from _lines("Unfinished", found.unfinished)
    yield from _lines(f"Unfinished in {workspace_folder()}, and not in the plan", found.elsewhere)
    yield from (f"{path} is not a state that its run can go on from: the run starts anew" for path in found.unreadable)


def _lines(title: str, saved_runs: Sequence[SavedRun]) -> Iterator[str]:
    """Say where each of some runs stands, under a title."""
    if saved_runs:
        yield f"{title}, as last saved; what is left is estimated from the speed so far:"
    for run in saved_runs:
        of_tasks, of_iterations = (f" of {number}" if number else "" for number in (run.tasks, run.iterations))
        left = "" if run.left is None else f", about {duration(run.left)} left"
        anew = f" with {run.unlike}: here it starts anew" if run.unlike else ""
        saved = datetime.fromtimestamp(run.saved).strftime("%Y-%m-%d %H:%M")
        yield (
            f"- {run.run}: task {run.task}{of_tasks}, iteration {run.iteration}{of_iterations}; "
            f"{duration(run.seconds)} spent{left}; saved {saved}{anew}"
        )


def computes_with(compute: ComputeSettings) -> dict[str, str]:
    """Return what a job would compute with here, as it marks a state, without importing torch."""
    version = runpy.run_path(str(distribution("torch").locate_file("torch/version.py")))["__version__"]
    device = "cuda" if compute.device != "cpu" and visible_gpus() else "cpu"
    return {"device": device, "torch": version}


def earlier_runs(workspace: Path) -> dict[str, Mapping[str, Any]]:
    """Return the settings of all runs, by name, that plans written here before asked for."""
    named: dict[str, Mapping[str, Any]] = {}
    for path in sorted(workspace.glob("plans/*.json")):
        try:
            named |= read_json(path)["runs"]
        except (UserError, KeyError, TypeError):
            continue  # no plan
    return named


def read_saved_run(path: Path, settings: Mapping[str, Any] | None, here: Mapping[str, str]) -> SavedRun | None:
    """Read where a run stands from the header of its state; None where it is no state of that run.

    Args:
        path: The state, in a folder of the run's name.
        settings: Of the run, where they are known.
        here: What a job would compute with; see `computes_with`.
    """
    try:
        with safe_open(path, framework="np") as file:
            content = json.loads(file.metadata()["state"])
        state, mark = content["state"], content["mark"]
        if mark["run"] != path.parent.name:
            return None
        unlike = [f"{key} {mark.get(key)} and not {value}" for key, value in here.items() if mark.get(key) != value]
        return SavedRun(
            run=path.parent.name,
            task=int(state["task"]),
            iteration=int(state["iteration"]),
            tasks=len(settings["tasks"]) if settings else None,
            iterations=settings["training"]["iterations"] if settings else None,
            seconds=float(state["seconds"]),
            saved=path.stat().st_mtime,
            unlike=", ".join(unlike),
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
