"""What happens before the first job of a run: the plan is written, what is spoilt is named, finished runs are kept."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from exaggerated_replay.aside import move_aside, move_files
from exaggerated_replay.files import digest_of, write_json
from exaggerated_replay.places import DIGITS, RECORD, RUNS, WEIGHTS, WORKSPACE, store_folder, workspace_folder
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.store.keeping import WHOLE, bring_back, clear, finished, take_in
from exaggerated_replay.store.records import FILES
from exaggerated_replay.store.survey import Survey


def plan_path(plan: Plan) -> Path:
    """Return the file of a plan, which is named by what the plan says."""
    return WORKSPACE / "plans" / f"{digest_of(plan.to_dict())[:DIGITS]}.json"


def write_plan(plan: Plan, params: str) -> None:
    """Write the plan for the jobs, with what decides nothing: the places of the user's own files, and params.yaml.

    Args:
        plan: What is asked for.
        params: The text of params.yaml that asks for it, which may be another one before the last job begins.
    """
    write_json(plan_path(plan), {**plan.to_dict(), "places": plan.places, "params": params})


def heal(survey: Survey) -> Iterator[str]:
    """Say in one line each what is wrong and is made again where it is needed: its job writes over it.

    What is wrong with a run is removed, since its job takes files that fit each other for its own. A folder in the
    place of a file may be somebody's: it is moved to `.training/aside/`.
    """
    told, spoilt = set(), survey.spoilt()
    for path, reason in spoilt.items():
        if survey.made_elsewhere(path):
            continue  # whoever writes it decides
        if path.is_dir() and not path.is_symlink():
            yield f"{path} is a folder where a file belongs: moved to {move_aside(path)}"
            continue
        if path.parent.parent == RUNS:
            path.unlink()
        if path.parent not in told:
            yield f"{path} {reason}: made again where it is needed"
        told.add(path.parent if path.name in (RECORD, WEIGHTS) else path)


def anew(names: Sequence[str]) -> Iterator[str]:
    """Move finished runs aside, so that their jobs train them once more; say so in a line."""
    store = store_folder()
    moved: dict[str, Path] = {}
    for name in names:
        for directory in (store / name, RUNS / name):
            if files := [directory / file for file in FILES if (directory / file).is_file()]:
                moved.setdefault(name, move_files(directory, files))
    if moved:
        (first, place), more = next(iter(moved.items())), len(moved) - 1
        yield f"{first}{f' and {more} more' if more else ''}: trained again, as was asked for; moved to {place}"


def keep_and_fill(plan: Plan) -> Iterator[str]:
    """Keep every finished run that lies here, and bring back those of the plan that results/runs/ has lost.

    Lines say what came back, and what could not be kept.
    """
    names, store = [run.name for run in plan.runs], store_folder()
    yield from clear(names, store)
    take_in(RUNS, store)
    if back := bring_back(names, RUNS, store):
        yield f"{len(back)} finished runs that {RUNS} lacked are there again, from {store}"
    for leftover in filter(Path.is_dir, (workspace_folder() / name for name in names)):
        if finished(RUNS / leftover.name) == WHOLE:  # its job was killed between finishing the run and tidying up
            shutil.rmtree(leftover, ignore_errors=True)
