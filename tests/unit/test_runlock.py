"""One run at a time; a killed one holds nothing, and who only looks writes nothing."""

import errno
import os
import subprocess
import sys

import pytest

from exaggerated_replay.errors import UserError
from exaggerated_replay.locks import alone, at_work, hold_folder, is_held

HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay.locks import hold_folder
lock = hold_folder(Path(sys.argv[1]), print)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".snakemake").mkdir()
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


def test_the_folder_is_made_where_nothing_has_run_yet(tmp_path):
    hold_folder(tmp_path / ".snakemake", pytest.fail).close()
    assert (tmp_path / ".snakemake").is_dir()


def test_a_second_run_is_refused_while_the_first_is_alive_and_let_in_when_it_was_killed(folder, living_run):
    with pytest.raises(UserError, match=rf"another run is working in this folder \(process {living_run.pid}: "):
        hold_folder(folder, pytest.fail)
    living_run.kill()
    living_run.wait()
    lock = hold_folder(folder, pytest.fail)
    assert f"process {os.getpid()}: " in at_work(folder)
    lock.close()


def test_a_run_that_has_ended_holds_nothing(folder):
    hold_folder(folder, pytest.fail).close()
    hold_folder(folder, pytest.fail).close()


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


# ---------------------------------------------------------------- file systems without locks


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def without_locks(request, monkeypatch):
    """A file system that has none, as each kind says it."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr("fcntl.flock", refuse)
    return os.strerror(request.param)


def test_an_old_lock_holds_nobody_up_where_there_are_no_locks(folder, without_locks):
    (folder / "run.lock").write_text("left by a run of last year")
    told = []
    for _ in range(2):  # this very process, whose number a container may give again
        hold_folder(folder, told.append).close()
    assert len(told) == 2
    assert f"{folder} lies on a file system without locks ({without_locks})" in told[0]
    assert not is_held(folder)


def test_where_there_are_no_locks_a_living_run_is_believed_and_a_killed_one_is_not(folder, living_run, without_locks):
    told = []
    with pytest.raises(UserError, match=rf"another run is working in this folder \(process {living_run.pid}: "):
        hold_folder(folder, told.append)
    living_run.kill()
    living_run.wait()
    hold_folder(folder, told.append).close()
    assert len(told) == 2
    assert f"process {os.getpid()}: " in at_work(folder)


@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_another_has_is_refused_however_the_file_system_says_so(folder, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(UserError, match=r"another run is working in this folder \(unknown process\)"):
        hold_folder(folder, pytest.fail)
    (folder / "run.lock").touch()
    assert is_held(folder)


def test_nobody_waits_where_folders_cannot_be_locked(tmp_path, without_locks):
    with alone([tmp_path / "run"]), alone([tmp_path / "run"]):
        assert (tmp_path / "run").is_dir()
