"""Seconds of the default workflow in a throw-away clone."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.clone import throw_away_clone
from exaggerated_replay.errors import UserError

COMMANDS = {
    "workflow": ["snakemake", "--cores", "all", "--resources", "gpu=2"],  # what `make run` does
    "nothing_to_do": ["snakemake", "-n"],
}
TINY = [
    "study.seeds=1",
    "study.grids.table1=[{arm: [bir-si, rr-ra]}]",
    "~study.grids.convergence",
    "~study.grids.dose",
    "training.iterations=2",
    "training.batch=16",
    "model.units=12",
]  # a study for a check of the benchmark itself


def timed(command: list[str], folder: Path) -> float:
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
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise UserError(f"`{' '.join(command)}` failed in a throw-away clone: {' '.join(last)}")
    return time.perf_counter() - started


def measure(repository: Path, overrides: list[str]) -> dict[str, float]:
    """Return the seconds of each of COMMANDS, one after the other.

    Args:
        repository: The root of this one.
        overrides: Of the default study.

    Raises:
        UserError: A command failed.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "clone")
        folder.mkdir()
        throw_away_clone(repository, folder)
        timed(["exaggerated-replay", "compose", *overrides], folder)
        return {name: timed(command, folder) for name, command in COMMANDS.items()}
