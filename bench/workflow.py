"""Seconds of the default workflow in a throw-away clone."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.clone import throw_away_clone
from exaggerated_replay.errors import UserError

RUN = "snakemake --cores all --resources gpu=2"  # what `make run` does
DRY = "snakemake -n"
LARGE = (1_000, 10_000)  # new runs of a study, which is not trained
TINY = [
    "study.seeds=1",
    "study.grids.table1=[{arm:[bir-si,rr-ra]}]",
    "~study.grids.convergence",
    "~study.grids.dose",
    "training.iterations=2",
    "training.batch=16",
    "model.units=12",
]  # a study for a check of the benchmark itself


def timed(command: str, folder: Path) -> float:
    """Run a command in a clone, without GPUs and with the clone's own source, and return its seconds.

    Raises:
        UserError: It failed.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    started = time.perf_counter()
    done = subprocess.run(command.split(), cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise UserError(f"`{command}` failed in a throw-away clone: {' '.join(last)}")
    return time.perf_counter() - started


def measure(repository: Path, overrides: Sequence[str] = (), large: Sequence[int] = LARGE) -> dict[str, float]:
    """Return the seconds of commands, one after the other, by what was typed.

    Args:
        repository: The root of this one.
        overrides: Of the default study.
        large: How many new runs other studies have, which are planned only.

    Raises:
        UserError: A command failed.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "clone")
        folder.mkdir()
        throw_away_clone(repository, folder)
        timed(" ".join(["exaggerated-replay compose", *overrides]), folder)
        found = {command: timed(command, folder) for command in (RUN, DRY)}
        for runs in large:
            timed(f"exaggerated-replay compose study=one study.name=large study.seeds={runs // 2}", folder)
            found[f"{DRY}, {runs:,} new runs"] = timed(DRY, folder)
        return found
