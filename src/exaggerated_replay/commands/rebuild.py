"""A study of results/ built anew: the commit that made it, in a place of its own, trained again and compared."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.commands.agreement import ROUNDING, Agreement, compare_folders, compare_record
from exaggerated_replay.commands.programs import environment_with, run_to_its_end
from exaggerated_replay.data.identity import content_of_file
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, write_text
from exaggerated_replay.git import git
from exaggerated_replay.places import ENCODERS, PROVENANCE, RAW, RECORD, RESULTS, RUNS
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.nested import follow
from exaggerated_replay.store.records import read_record
from exaggerated_replay.strict_yaml import dump_yaml, read_yaml

OWN = ("dataset.source", "dataset.tasks", "encoder.weights", "encoder.images.source")
"""Settings that may name a file or folder of the user's; `dataset.tasks` may stand in grids, too."""


def rebuild(
    folder: Path, seeds: Sequence[int], data: Sequence[Path], keep: Path | None, workflow: Sequence[str]
) -> Agreement:
    """Train a study again from the commit that its provenance names, and compare.

    Args:
        folder: Of the study, for example results/default; its records are what is compared with.
        seeds: Which seeds to train; none means all, and then the folder's other files are compared, too.
        data: Files or folders of the user's own that params.yaml names, since it does not say where they lie; or files
            with the samples of the published data set, so that nothing is downloaded.
        keep: Where to build it; what stands there already goes on. None for a temporary folder.
        workflow: Arguments for Snakemake, for example --cores all.

    Raises:
        UserError: The folder does not say what it was made from, the commit is not here, a file of the user's is
            missing, the commit makes other runs of this params.yaml, or the training fails.
    """
    study = open_study(folder)
    commit, modified = _commit(folder)
    runs = _runs_of(study.plan, seeds, folder)
    params = _params(folder, study.plan, seeds, data, commit)
    with _worktree(commit, keep) as place:
        write_text(place / PARAMS, params)
        planned = json.loads(_run(place, "exaggerated_replay", "plan"))
        _bring_raw_files(planned, place)
        if other := [run for run in runs if run not in planned["runs"]]:
            raise UserError(
                f"commit {commit[:10]} makes other runs of this params.yaml than {folder} has (not {other[0]}): the "
                "study was made with changes that are not committed, or from another file of yours"
            )
        # The target first: an option that takes several words would take it for one of them.
        _run(place, "snakemake", "models" if seeds else "metrics", *workflow, show=True)
        found = Agreement(commit, ROUNDING, modified)
        for run in runs:
            compare_record(found, run, study.records[run], read_record(place / RUNS / run / RECORD))
        if not seeds:
            compare_folders(found, study.plan, folder, place / RESULTS / study.plan.study.name)
        return found


def _commit(folder: Path) -> tuple[str, list[str]]:
    """Return the commit that made a study, and the source files that had been changed since."""
    said = read_json(folder / PROVENANCE)
    commit = said.get("commit") if isinstance(said, dict) else None
    if not isinstance(commit, str):
        raise UserError(f"{folder}/provenance.json does not name the commit of the study")
    if _git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise UserError(f"commit {commit[:10]}, which made {folder}, is not here: `git fetch --unshallow` may bring it")
    return commit, [line.split()[-1] for line in (said.get("modified") or "").splitlines()]


def _runs_of(plan: StudyPlan, seeds: Sequence[int], folder: Path) -> list[str]:
    known = sorted({run.seed for run in plan.runs})
    if unknown := [seed for seed in seeds if seed not in known]:
        raise UserError(f"{folder} has no seed {unknown[0]}: choose among {', '.join(map(str, known))}")
    return sorted(run.name for run in plan.runs if not seeds or run.seed in seeds)


def _params(folder: Path, plan: StudyPlan, seeds: Sequence[int], data: Sequence[Path], commit: str) -> str:
    """Return the study's params.yaml, with the seeds that are asked for and the places of the user's own files."""
    values = read_yaml(folder / PARAMS)
    present = read_yaml(PARAMS) if PARAMS.is_file() else {}

    def placed(named: str, here: Any = None) -> str:
        """Return where a file lies that the study names; what is no file of the user's own stays as it is named."""
        if "://" in named:
            return named
        tracked = not _git("cat-file", "-e", f"{commit}:{named}").returncode
        lying_here = [] if tracked else [Path(named), *([Path(here)] if isinstance(here, str) else [])]
        found = next((p for p in [*data, *lying_here] if p.name == Path(named).name and p.exists()), None)
        if found is None and not tracked:
            raise UserError(f"{folder} was made from {named}, a file of your own: name it with --data FILE")
        return str(found.resolve()) if found else named

    tasks = [cell.config["dataset"]["tasks"] for cell in plan.cells.values()]
    study = _each_text(values["study"], lambda text: placed(text) if Path(text).name in tasks else text)
    changed = {**values, "study": {**study, **({"seeds": sorted(seeds)} if seeds else {})}}
    for key in [*OWN, *(f"methods.{name}" for name in values.get("methods") or {})]:
        named, (above, _, last) = follow(values, key), key.rpartition(".")
        if isinstance(named, str):
            changed = _replaced(changed, key.split("."), placed(named, follow(present, key)))
        elif last == "source" and (found := _of_the_same_samples(follow(values, above), data)):
            changed = _replaced(changed, key.split("."), str(found.resolve()))
    if changed == values:
        return (folder / PARAMS).read_text(encoding="utf-8")
    return dump_yaml(changed)


def _of_the_same_samples(source: Any, data: Sequence[Path]) -> Path | None:
    """Return the first of the user's files that holds the samples of a published data set, so that none is fetched."""
    content = source.get("content") if isinstance(source, dict) else None
    for path in data if content else []:
        reader = "npz" if path.suffix == ".npz" else source["reader"]
        with suppress(UserError):  # it is another file of the study's: of tasks, of an encoder
            if path.is_file() and content_of_file(path, reader, "--data", source.get("white")) == content:
                return path
    return None


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return nested values with every text in them changed."""
    match value:
        case dict():
            return {key: _each_text(inner, change) for key, inner in value.items()}
        case list():
            return [_each_text(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _replaced(values: dict[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    return {**values, first: _replaced(values[first], rest, value) if rest else value}


@contextmanager
def _worktree(commit: str, keep: Path | None) -> Iterator[Path]:
    """Yield the commit's files in a folder of their own, without results: all of them are made anew."""
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        if not (keep / ".git").is_file() or _git("rev-parse", "HEAD", at=keep).stdout.strip() != commit:
            raise UserError(f"{keep} is not a worktree of commit {commit[:10]}: name another folder, or an empty one")
        yield keep
        return
    place = keep or Path(tempfile.mkdtemp(prefix="rebuild-"))
    done = _git("worktree", "add", "--detach", "--force", str(place), commit)
    if done.returncode:
        raise UserError(f"git cannot put commit {commit[:10]} into {place}: {' '.join(done.stderr.split())}")
    try:
        shutil.rmtree(place / RESULTS, ignore_errors=True)
        yield place
    finally:
        if keep is None:
            _git("worktree", "remove", "--force", str(place))


def _bring_raw_files(plan: Mapping[str, Any], place: Path) -> None:
    """Copy the raw files that are here, so that nothing is downloaded twice; the commit checks them itself."""
    files = [RAW / source["name"] / file for source in plan["sources"].values() for file in source["files"]]
    published = (plan.get("encoder") or {}).get("published")
    for raw in [*files, *([ENCODERS / published["file"]] if published else [])]:
        if raw.is_file() and not (place / raw).exists():
            (place / raw).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(raw, place / raw)


def _run(place: Path, program: str, *arguments: str, show: bool = False) -> str:
    """Run a program with the code of the commit, and return what it says where that is not to be shown."""
    command = [sys.executable, "-m", program, *arguments]
    # What is shown goes to stderr: on stdout stands the comparison alone.
    output = sys.stderr if show else subprocess.PIPE
    status, said = run_to_its_end(command, cwd=place, env=environment_with(place / "src"), stdout=output)
    if status:
        raise UserError(
            f"`{program} {' '.join(arguments)}` ended with status {status}: --keep FOLDER keeps where it stands; type "
            "the same command to resume"
        )
    return said


def _git(*what: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return git(*what, at=at)
    except FileNotFoundError:
        raise UserError("git is missing: install it, since a study is rebuilt from its commit") from None
