"""Seconds of the default workflow in a throw-away clone, and what share of the cores' time is not jobs' own work."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.ceilings import cores
from bench.clone import throw_away_clone
from bench.jobclock import LOG
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json

WORKFLOW = ["snakemake", "--cores", "all", "--resources", "gpu=2"]  # what `make run` does
REPORT = ["snakemake", "--report", "report.html"]  # and then
QUICK = [
    "study.seeds=1",
    "study.lengths=[2]",
    "study.grids.table1=[{arm: [bir-si, rr-ra]}]",
    "training.iterations=2",
    "training.batch=16",
    "model.units=12",
]  # of the smoke test


def put_clock_in_place(folder: Path, repository: Path) -> dict[str, str]:
    """Write an `exaggerated-replay` that keeps time, and return an environment in which that one is found."""
    programs, log = folder / ".clock" / "bin", folder / ".clock" / "jobs"
    programs.mkdir(parents=True)
    log.mkdir()
    command = programs / "exaggerated-replay"
    command.write_text(f"#!{sys.executable}\nfrom bench.jobclock import main\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    return os.environ | {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(repository)]),
        "CUDA_VISIBLE_DEVICES": "",
        LOG: str(log),
    }


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command and return its seconds.

    Raises:
        UserError: It failed.
    """
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise UserError(f"`{' '.join(command)}` failed in a throw-away clone: {' '.join(last)}")
    return time.perf_counter() - started


def shares(jobs: list[dict[str, Any]], seconds: float, processors: int) -> dict[str, float]:
    """Divide the time of all cores into the jobs' own work and what surrounds it.

    Args:
        jobs: What each job's clock noted.
        seconds: Of the whole workflow.
        processors: Cores that the workflow might use.

    Returns:
        Shares of cores x seconds, which sum to 1: "work" (the jobs' own), "interpreter" and "imports" (of jobs), and
        "snakemake_and_idle" (the rest: Snakemake itself, and cores that wait for it or for the last jobs). Jobs work
        on one thread each.
    """
    found = {
        part: sum(job[part] for job in jobs) / (processors * seconds) for part in ("work", "interpreter", "imports")
    }
    return {**found, "snakemake_and_idle": 1 - sum(found.values())}


def measure(repository: Path, quick: bool) -> dict[str, Any]:
    """Run the default workflow once in a throw-away clone, as `make run` does after the environment is there.

    Args:
        repository: The root of this one.
        quick: Run a tiny study instead of the default one, for a check of the benchmark itself.

    Returns:
        Seconds of the workflow and of its report, number of jobs, and how the cores' time during the workflow divides.
        The start-up share is all of it that is not the jobs' own work.

    Raises:
        UserError: The workflow failed.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "clone")
        folder.mkdir()
        throw_away_clone(repository, folder)
        environment = put_clock_in_place(folder, repository)
        timed(["exaggerated-replay", "compose", *(QUICK if quick else [])], folder, environment)
        log = Path(environment[LOG])
        for note in log.iterdir():
            note.unlink()  # composing is no part of the workflow
        workflow = timed(WORKFLOW, folder, environment)
        jobs = [read_json(note) for note in sorted(log.iterdir())]
        report = timed(REPORT, folder, environment)
    divided = shares(jobs, workflow, cores())
    by_command = Counter(job["command"] for job in jobs)
    return {
        "seconds": workflow + report,
        "workflow_seconds": workflow,
        "report_seconds": report,
        "jobs": dict(sorted(by_command.items())),
        "work_seconds": {
            command: sum(job["work"] for job in jobs if job["command"] == command) for command in sorted(by_command)
        },
        "shares": divided,
        "startup_share": 1 - divided["work"],
    }
