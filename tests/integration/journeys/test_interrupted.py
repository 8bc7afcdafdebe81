"""Runs that are killed, asked to stop, or met by a second one: the same command goes on, and nothing is damaged."""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.integration.outputs import OUTPUTS, VARYING, digests


def test_a_killed_run_goes_on_with_the_same_command(fresh, finished, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    moments = (
        lambda: list((clone.path / "data/prepared").glob("*.npz")),  # nothing is trained yet
        lambda: list((clone.path / ".store").glob("*/record.json")),  # in the middle of a training job
    )
    for reached in moments:
        process = clone.start("snakemake", "--cores", "1")
        deadline = time.monotonic() + 240
        while not reached():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    clone.snakemake()
    assert clone.runs() == finished.runs()
    assert digests(clone, set(OUTPUTS) - VARYING) == digests(finished, set(OUTPUTS) - VARYING)
    assert {path.name for path in (clone.path / ".training").iterdir()} == {"plans", "params.json", "drift.json"}


def test_a_request_to_stop_reaches_the_training_job_and_the_same_command_goes_on(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    clone.compose("training.iterations=100000")
    reached = steps_of_first_runs(clone)
    assert list((clone.path / ".training").glob("*-s0-*/*"))
    for log in clone.path.glob("logs/train_*.log"):
        log.unlink()
    again = steps_of_first_runs(clone)
    assert {*again} == {*reached}  # the same runs
    assert all(again[name][0] >= reached[name][-1] for name in reached), (reached, again)


def steps_of_first_runs(clone):
    """Start the workflow, stop it when a run says how far it is, and return the steps that each run has told."""
    process = clone.start("snakemake", "--cores", "1")
    try:
        deadline = time.monotonic() + 240
        while not (told(clone) and (trainings := jobs_in(clone, "exaggerated-replay train"))):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=240)
        assert not any(os.path.exists(f"/proc/{pid}") for pid in trainings)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return told(clone)


def told(clone):
    """Return the steps of the first task that logs tell, by run; a run does not leave that task during this test."""
    steps = {}
    for path in clone.path.glob("logs/train_*.log"):
        for name, step in re.findall(r"^(\S+)  task 1/\d+  iteration (\d+)/", path.read_text(), re.MULTILINE):
            steps.setdefault(name, []).append(int(step))
    return steps


def jobs_in(clone, command):
    """Return the processes that run a command in the clone's folder."""
    folder, found = os.path.realpath(clone.path), []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it ended meanwhile, or is another user's
            if command in " ".join(process.cmdline()) and process.cwd() == folder:
                found.append(process.pid)
    return found


@pytest.fixture
def at_work(recorded, tmp_path):
    """A clone in which `dvc repro` trains for as long as the test needs; and that process."""
    clone = recorded.copy(tmp_path / "clone")
    clone.compose("training.iterations=1000000")
    shutil.rmtree(clone.path / "logs")  # of the runs before
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            ["dvc", "repro"], cwd=clone.path, env=clone.environment(), start_new_session=True, stdout=log, stderr=log
        )
    yield clone, process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_second_run_in_the_same_folder_is_refused_with_a_sentence(at_work):
    clone, process = at_work
    deadline = time.monotonic() + 300
    while not list((clone.path / "logs").glob("train_*.log")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)

    second = clone.snakemake(check=False)
    assert second.returncode == 2
    assert "exaggerated-replay: another run is working in this folder (process " in second.output
    assert "snakemake --cores all models): wait until it ends, or stop it" in second.output
    looked = clone.snakemake("-n")
    assert "Another run is working in this folder" in looked.output

    second = clone.run("dvc", "repro", check=False)
    assert second.returncode != 0
    assert f"blocked by:\n  (PID {process.pid})" in second.output
    assert process.poll() is None

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    clone.run("git", "checkout", "-q", "params.yaml")
    clone.run("dvc", "repro")
    assert clone.run("git", "status", "--porcelain").output == ""
