"""Locks of a killed run go, those of a living one stay."""

import subprocess
import sys

import pytest

from exaggerated_replay.runlock import clear_stale_locks

HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay.runlock import clear_stale_locks
lock = clear_stale_locks(Path(sys.argv[1]))
print(lock is not None, flush=True)
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
    assert process.stdout.readline() == "True\n"  # it holds the lock now
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def names(folder):
    return sorted(path.name for path in (folder / "locks").iterdir())


def test_locks_of_a_dead_run_are_removed_and_nothing_else(folder):
    lock = clear_stale_locks(folder)
    assert names(folder) == ["notes.txt"]
    assert not lock.closed
    lock.close()


def test_the_folder_is_made_where_nothing_has_run_yet(tmp_path):
    lock = clear_stale_locks(tmp_path / ".snakemake")
    assert lock is not None
    lock.close()


def test_locks_stay_while_another_run_is_alive_and_go_when_it_was_killed(folder, living_run):
    assert names(folder) == ["notes.txt"]
    (folder / "locks" / "1.input.lock").touch()  # the living run's own
    assert clear_stale_locks(folder) is None
    assert names(folder) == ["1.input.lock", "notes.txt"]

    living_run.kill()
    living_run.wait()
    lock = clear_stale_locks(folder)
    assert lock is not None
    assert names(folder) == ["notes.txt"]
    lock.close()


def test_a_run_that_has_ended_holds_nothing(folder):
    clear_stale_locks(folder).close()
    (folder / "locks" / "2.input.lock").touch()
    lock = clear_stale_locks(folder)
    assert names(folder) == ["notes.txt"]
    lock.close()
