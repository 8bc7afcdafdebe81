"""A committed study is built anew from the commit that it names, and compared number by number."""

import copy
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from exaggerated_replay.store.lines import Line, read_records, write_lines
from exaggerated_replay.store.records import sealed
from tests.integration.conftest import REPOSITORY, Clone


@pytest.fixture(scope="module")
def committed(fresh, tmp_path_factory):
    """A clone with a study of four runs, committed; no run directory, no data: what `git clone` brings."""
    clone = fresh.copy(tmp_path_factory.mktemp("committed") / "clone")
    clone.compose("~study.grids.convergence", "study.grids.table1=[{arm: [bir-si, rr-ra]}]", "model.units=8")
    clone.commit("a study")
    clone.snakemake("metrics")
    clone.commit("its results")
    for folder in ("results/runs", "data/prepared", "data/splits", ".snakemake", ".training"):
        clone.run("rm", "-rf", folder)
    return clone


def rebuild(clone, *arguments):
    return clone.run(
        "exaggerated-replay", "rebuild", "results/tiny", "--workflow", "--cores 2", *arguments, check=False
    )


def test_all_of_it_is_the_same_to_the_byte(committed):
    before = committed.files()
    done = rebuild(committed)
    assert done.returncode == 0, done.output
    commit, same, *rest = done.stdout.strip().splitlines()
    assert commit == f"Commit {json.loads(before['results/tiny/provenance.json'])['commit'][:10]}, built anew."
    tracked = committed.run("git", "ls-files", "results/tiny").stdout.split()
    told_apart = {"params.yaml", "plan.json", "provenance.json", "records.jsonl", "README.md"}
    assert told_apart < {Path(name).name for name in tracked}
    records = len(before["results/tiny/records.jsonl"].splitlines())
    assert same == f"The same to the byte: {len(tracked) - len(told_apart) + records} records and files."
    assert rest == []
    after = {name: content for name, content in committed.files().items() if not name.startswith(".git/")}
    assert after == {name: content for name, content in before.items() if not name.startswith(".git/")}
    assert len(committed.run("git", "worktree", "list").stdout.splitlines()) == 1


def test_what_was_changed_by_hand_is_named_and_one_seed_is_trained_alone(committed, tmp_path):
    clone = committed.copy(tmp_path / "clone")
    path = clone.path / "results/tiny/records.jsonl"
    records = {name: copy.deepcopy(record.written) for name, record in read_records(path).items()}
    one, two, *_ = sorted(name for name in records if "-s1-" in name)
    for name, share in ((one, 1.0), (two, 0.0)):
        record = records[name]
        # All right, or as many as there were but from another machine.
        record["counts"]["correct"][-1] = record["counts"]["tested"] if share else record["counts"]["correct"][-1]
        record["environment"]["torch"] = "2.0"
        records[name] = sealed(record)
    write_lines(path, [Line(name, record) for name, record in records.items()])
    done = rebuild(clone, "--seeds", "1", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 1, done.output
    _, same, near, far = done.stdout.strip().splitlines()
    runs = [path.name for path in (tmp_path / "kept/results/runs").iterdir()]
    assert all("-s1-" in name for name in runs)
    assert same == f"The same to the byte: {len(runs) - 2} records and files."
    assert near == f"Within 1 percentage points, as on another processor: 1 records (at most 0.00, in {two})."
    assert far.startswith(f"Differs: {one} has ") and " 100.00 % there (cpu, torch 2.0) and " in far
    kept = Clone(tmp_path / "kept")
    trained = kept.trained_at()
    again = rebuild(clone, "--seeds", "1", "--keep", str(kept.path))
    assert again.stdout == done.stdout
    assert kept.trained_at() == trained != {}


def test_what_cannot_be_rebuilt_is_said_before_anything_is_trained(committed, tmp_path):
    clone = committed.copy(tmp_path / "clone")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine").write_text("mine")
    for arguments, told in (
        (["--seeds", "7"], "results/tiny has no seed 7: choose among 0, 1"),
        (["--seeds", "x"], "--seeds is 'x', but must be numbers, as in 0,1"),
        (["--keep", str(tmp_path / "taken")], "is not a worktree of commit"),
    ):
        done = rebuild(clone, *arguments)
        assert done.returncode == 2 and told in done.output and "Traceback" not in done.output
    clone.edit("results/tiny/params.yaml", "  source: null", "  source: mine.npz")
    done = rebuild(clone)
    assert done.returncode == 2
    assert "results/tiny was made from mine.npz, a file of your own: name it with --data FILE" in done.output
    clone.run("git", "checkout", "-q", "results/tiny")
    clone.edit("results/tiny/params.yaml", "  units: 8", "  units: 9")
    assert "makes other runs of this params.yaml than results/tiny has" in rebuild(clone).output
    clone.run("git", "checkout", "-q", "results/tiny")
    said = json.loads((clone.path / "results/tiny/provenance.json").read_text())
    (clone.path / "results/tiny/provenance.json").write_text(json.dumps({**said, "commit": "0" * 40}))
    assert "commit 0000000000, which made results/tiny, is not here" in rebuild(clone).output
    assert (tmp_path / "taken/mine").read_text() == "mine"


def test_a_file_of_tasks_that_a_grid_names_is_rebuilt_from_and_its_place_is_published_nowhere(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    mine = tmp_path / "a place of mine/t.yaml"
    mine.parent.mkdir()
    mine.write_text("[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]")
    rows = f"[{{arm: [bir-si, rr-ra], dataset.tasks: ['{mine}']}}]"
    clone.compose("~study.grids.convergence", f"study.grids.table1={rows}", "study.seeds=1", "focus=rr-ra-tasks-t.yaml")
    clone.snakemake("metrics")
    clone.run("git", "checkout", "-q", "params.yaml")
    clone.commit("a study")
    published = clone.files("results/tiny")
    assert b"t.yaml" in published["params.yaml"]
    assert [name for name, content in published.items() if mine.parent.name.encode() in content] == []
    assert "results/tiny was made from t.yaml, a file of your own: name it with --data FILE" in rebuild(clone).output
    done = rebuild(clone, "--data", str(mine))
    assert done.returncode == 0, done.output
    assert "The same to the byte: " in done.stdout and "Differs" not in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_stops_the_workflow_and_removes_what_it_built(committed, tmp_path, number):
    clone = committed.copy(tmp_path / "clone")
    process = clone.start("exaggerated-replay", "rebuild", "results/tiny", "--workflow", "--cores 1")
    deadline = time.monotonic() + 240
    started = []
    while not started:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.2)
        below = psutil.Process(process.pid).children(recursive=True)
        started = below if any("snakemake" in " ".join(_command(child)) for child in below) else []
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    assert process.wait(timeout=120) == 128 + number
    assert not [child for child in started if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert len(clone.run("git", "worktree", "list").stdout.splitlines()) == 1


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_commit_that_a_committed_study_names_makes_its_runs(tmp_path):
    """Nothing is trained: the code of that commit reads the study's params.yaml, and plans what the study holds."""
    place = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", str(REPOSITORY), str(place)], check=True)
    clone = Clone(place)
    studies = sorted(path.parent for path in (REPOSITORY / "results").glob("*/plan.json"))
    for folder in sorted(studies, key=commit_of):
        clone.run("git", "checkout", "-q", "--force", commit_of(folder))
        shutil.copy(folder / "params.yaml", place / "params.yaml")
        planned = clone.run("python", "-m", "exaggerated_replay", "plan").stdout
        assert {*json.loads(planned)["runs"]} == {*read_records(folder / "records.jsonl")}, folder.name


def commit_of(folder):
    return json.loads((folder / "provenance.json").read_text())["commit"]
