"""Two runs in one folder: the second is refused and told why, and nothing is damaged."""

import os
import shutil
import signal
import subprocess
import time

import pytest


@pytest.fixture
def at_work(clone, tmp_path):
    """A clone in which `dvc repro` trains for as long as the test needs; and that process."""
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


def test_a_second_run_in_the_same_folder_is_refused_with_a_sentence(at_work, finished):
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
    clone.run("dvc", "repro", "models")
    assert clone.runs() == finished.runs()
