"""One run at a time; locks of a killed run go, those of a living one stay, and who only looks writes nothing."""

import os
import subprocess
import sys

import pytest

from exaggerated_replay.errors import UserError
from exaggerated_replay.store.lock import at_work, hold_folder, is_held

HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay.store.lock import hold_folder
lock = hold_folder(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    """Snakemake's folder as a killed run leaves it."""
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock", "notes.txt"):
        (tmp_path / ".snakemake" / "locks" / name).touch()
    return tmp_path / ".snakemake"


@pytest.fixture
def living_run(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / ".snakemake")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def names(folder):
    return sorted(path.name for path in (folder / "locks").iterdir())


def test_locks_of_a_dead_run_are_removed_and_nothing_else(folder):
    lock = hold_folder(folder)
    assert names(folder) == ["notes.txt"]
    lock.release()


def test_the_folder_is_made_where_nothing_has_run_yet(tmp_path):
    hold_folder(tmp_path / ".snakemake").release()
    assert (tmp_path / ".snakemake").is_dir()


def test_locks_stay_while_another_run_is_alive_and_go_when_it_was_killed(folder, living_run):
    assert names(folder) == ["notes.txt"]
    (folder / "locks" / "1.input.lock").touch()  # the living run's own
    with pytest.raises(UserError, match=rf"another run is working in this folder \(process {living_run.pid}: "):
        hold_folder(folder)
    assert names(folder) == ["1.input.lock", "notes.txt"]

    living_run.kill()
    living_run.wait()
    lock = hold_folder(folder)
    assert names(folder) == ["notes.txt"]
    assert f"process {os.getpid()}: " in at_work(folder)
    lock.release()


def test_a_run_that_has_ended_holds_nothing(folder):
    hold_folder(folder).release()
    (folder / "locks" / "2.input.lock").touch()
    lock = hold_folder(folder)
    assert names(folder) == ["notes.txt"]
    lock.release()


def test_whoever_only_looks_is_told_and_writes_nothing(folder, living_run):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert is_held(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    living_run.kill()
    living_run.wait()
    assert not is_held(folder)


def test_where_nothing_ever_ran_nobody_is_at_work(tmp_path):
    assert not is_held(tmp_path / ".snakemake")
    assert list(tmp_path.iterdir()) == []
