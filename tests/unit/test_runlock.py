"""Locks of a killed run go, those of a living one stay."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from exaggerated_replay.store.lock import hold_folder, holder

HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay.store.lock import hold_folder
lock = hold_folder(Path(sys.argv[1]))
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
    lock = hold_folder(folder)
    assert names(folder) == ["notes.txt"]
    assert not lock.closed
    lock.close()


def test_the_folder_is_made_where_nothing_has_run_yet(tmp_path):
    lock = hold_folder(tmp_path / ".snakemake")
    assert lock is not None
    lock.close()


def test_locks_stay_while_another_run_is_alive_and_go_when_it_was_killed(folder, living_run):
    assert names(folder) == ["notes.txt"]
    (folder / "locks" / "1.input.lock").touch()  # the living run's own
    assert hold_folder(folder) is None
    assert names(folder) == ["1.input.lock", "notes.txt"]
    assert holder(folder).startswith(f"process {living_run.pid}: ")

    living_run.kill()
    living_run.wait()
    lock = hold_folder(folder)
    assert lock is not None
    assert names(folder) == ["notes.txt"]
    lock.close()


def test_a_run_that_has_ended_holds_nothing(folder):
    hold_folder(folder).close()
    (folder / "locks" / "2.input.lock").touch()
    lock = hold_folder(folder)
    assert names(folder) == ["notes.txt"]
    lock.close()


def test_another_that_only_looks_is_waited_for(folder, living_run):
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(hold_folder, folder)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        living_run.kill()
        living_run.wait()
        waiting.result().close()
    assert holder(folder).startswith(f"process {os.getpid()}: ")


def test_one_that_neither_ends_nor_works_is_not_waited_for_forever(folder, living_run):
    assert hold_folder(folder, patience=0.2) is None
