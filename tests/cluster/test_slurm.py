"""The workflow on a real Slurm: jobs are killed and preempted, the node is drained, and the bytes are the same.

`make cluster` runs it in some minutes and prints when what happened. It skips, and says why, where Slurm cannot be had.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.cluster.one_machine import CannotInstall, OneMachineCluster, install

# Runs of some ten seconds, one to a job: long enough to be hit in the middle, and saved every three seconds.
STUDY = """\
# @package _global_
study:
  name: cluster
  baseline: bir-si
  treatment: rr-ra
  seeds: 2
  grids:
    cluster: [{arm: [bir-si, rr-ra]}]
training: {iterations: 800}
compute: {runs_per_job: 1, save_minutes: 0.05}
"""


@pytest.fixture(scope="module")
def cluster():
    try:
        install()
    except CannotInstall as reason:
        pytest.skip(f"no Slurm: {reason}")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, OneMachineCluster(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def study(fresh, tmp_path_factory):
    """A clone that is to train four runs, and has trained none."""
    clone = fresh.copy(tmp_path_factory.mktemp("cluster") / "clone")
    (clone.path / "conf/study/cluster.yaml").write_text(STUDY)
    clone.compose("study=cluster")
    clone.commit("cluster study")
    return clone


class Diary:
    """What happened when, in seconds since the start; printed, and so in the log of the test."""

    def __init__(self):
        self.start = time.monotonic()

    def note(self, what):
        print(f"{time.monotonic() - self.start:7.1f} s  {what}", file=sys.stderr, flush=True)


def saved(clone):
    """Return the runs that have saved their state, and when they last did."""
    return {path.parent.name: path.stat().st_mtime_ns for path in clone.path.glob(".training/*/state.safetensors")}


def restarts(cluster, job):
    found = re.search(r"Restarts=(\d+)", cluster.state_of(job))
    return int(found[1]) if found else 0


@pytest.mark.slurm
def test_a_study_on_slurm_survives_kills_preemption_and_a_drained_node_byte_for_byte(cluster, study, tmp_path):
    local = study.copy(tmp_path / "local")
    diary = Diary()
    local.snakemake()
    diary.note("local run finished, two jobs at a time")

    diary.start = time.monotonic()
    with (tmp_path / "snakemake.log").open("w") as log:
        workflow = subprocess.Popen(
            ["snakemake", "--profile", "profiles/slurm", "--slurm-status-command", "squeue",
             "--slurm-init-seconds-before-status-checks", "5", "--seconds-between-status-checks", "5",
             "--default-resources", "slurm_partition=batch", "mem_mb=1000", "runtime=60"],
            cwd=study.path, env=study.environment() | cluster.environment_of(study.environment()),
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip

        def alive():
            assert workflow.poll() is None, (tmp_path / "snakemake.log").read_text()[-4000:]
            return True

        cluster.wait_for("two training jobs have saved their state", lambda: alive() and len(saved(study)) == 2, 240)
        diary.note("two jobs train, both have saved")

        victim = cluster.jobs()[0]
        cluster.run("scancel", "--signal=KILL", "--full", victim)
        cluster.wait_for("the killed job is gone", lambda: victim not in cluster.jobs())
        diary.note(f"job {victim} killed with SIGKILL")
        cluster.wait_for("two jobs train again", lambda: alive() and len(cluster.jobs()) == 2, 240)
        diary.note("two jobs run again; the killed one is back in the queue")

        before = cluster.jobs()
        host = cluster.host
        urgent = cluster.run(
            "sbatch", "--parsable", "--partition=urgent", f"--cpus-per-task={os.cpu_count()}", "--output=/dev/null",
            "--wrap", "sleep 5",
        ).strip()  # fmt: skip
        cluster.wait_for("the urgent job runs", lambda: alive() and urgent in cluster.jobs())
        diary.note(f"an urgent job took the node: jobs {', '.join(before)} preempted")
        cluster.wait_for("a preempted job runs again", lambda: any(restarts(cluster, job) for job in before), 240)
        diary.note("preempted jobs are back in the queue or at work")

        cluster.run("scontrol", "update", f"nodename={host}", "state=drain", "reason=test")
        diary.note("node drained")
        time.sleep(3)
        assert alive()
        cluster.run("scontrol", "update", f"nodename={host}", "state=resume")
        diary.note("node back")

        status = workflow.wait(timeout=900)
    diary.note(f"study finished with status {status}")
    assert status == 0, (tmp_path / "snakemake.log").read_text()[-4000:]
    assert study.runs() == local.runs()
    assert saved(study) == {}
    diary.note("every record and checkpoint is byte for byte that of the local run")
