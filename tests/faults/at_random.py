"""The whole workflow, killed at random moments, and given once more."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from bench.clone import throw_away_clone
from tests.faults.study import APART, REPOSITORY
from tests.integration.conftest import Clone

SMALL = """\
# @package _global_
study:
  name: small_faults
  baseline: bir-si
  treatment: rr-ra
  seeds: 1
  lengths: [40]
  grids: {table1: [{arm: [bir-si]}, {arm: [rr-ra]}]}
training: {iterations: 40, batch: 16, replay_batch: 16}
model: {units: 12, latent: 6}
"""
KINDS = ("snakemake", "a job", "both", "dvc repro")
COMMANDS = {"dvc repro": ["dvc", "repro"]}
MAKE = ["snakemake", "--cores", "1"]


def kill_at_random(place: Path, count: Counter[str], tries: int, seconds: float, seed: int = 0) -> list[str]:
    """Kill the workflow at random moments, in four ways in turn, and require that the same command makes all.

    Args:
        place: An empty folder.
        count: Is added to: kills by what was killed.
        tries: How many kills.
        seconds: After so many, no other one is begun.
        seed: Of the moments.
    """
    draw, started, failures = random.Random(seed), time.monotonic(), []  # noqa: S311
    fresh = Clone(place / "fresh")
    throw_away_clone(REPOSITORY, fresh.path)
    (fresh.path / "dvc.lock").unlink(missing_ok=True)
    (fresh.path / "conf/study/faults.yaml").write_text(SMALL)
    fresh.compose("study=faults", "dataset=digits", "compute.save_minutes=0.001", "compute.device=cpu")
    fresh.commit("a study of two runs")
    expected, lasts = {}, {}
    for kind in ("snakemake", "dvc repro"):
        undisturbed = fresh.copy(place / kind.replace(" ", "_"))
        began = time.monotonic()
        undisturbed.run(*COMMANDS.get(kind, MAKE))
        lasts[kind], expected[kind] = time.monotonic() - began, made(undisturbed)
    for number in range(tries):
        if time.monotonic() - started > seconds:
            break
        kind = KINDS[number % len(KINDS)]
        like = kind if kind in lasts else "snakemake"
        clone = fresh.copy(place / f"try{number}")
        moment = draw.uniform(0, lasts[like])
        done = clone.start(*COMMANDS.get(kind, MAKE))
        time.sleep(moment)
        struck = strike(done, kind, draw)
        count[f"random kills: {kind}" if struck else "too late to kill"] += 1
        again = clone.run(*COMMANDS.get(kind, MAKE), check=False)
        found, right = made(clone), expected[like]
        odd = sorted(name for name in found.keys() | right.keys() if found.get(name) != right.get(name))
        if again.returncode:
            failures.append(
                f"{kind} killed after {moment:.1f} s: then status {again.returncode}: {again.output[-1500:]}"
            )
        elif odd:
            failures.append(f"{kind} killed after {moment:.1f} s: {odd[0]} is not as it was undisturbed")
        subprocess.run(["rm", "-rf", str(clone.path)], check=True)
        over, passed = "" if struck else " (was over)", time.monotonic() - started
        print(f"  {kind} after {moment:.1f} s{over}: {len(failures)} wrong so far, {passed:.0f} s", flush=True)
    return failures


def strike(process: subprocess.Popen, kind: str, draw: random.Random) -> bool:
    """Kill one of the processes of a session, or all; tell whether there was one."""
    if process.poll() is not None:
        return False
    jobs = psutil.Process(process.pid).children(recursive=True)
    if kind in ("both", "dvc repro"):
        os.killpg(process.pid, signal.SIGKILL)
    elif kind == "snakemake" or not jobs:
        process.kill()
    else:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            draw.choice(jobs).kill()
    process.wait(timeout=600)
    return True


def made(clone: Clone) -> dict[str, bytes]:
    """Return what the workflow made, but for what says how long it took; the names of all it may have left behind."""
    found = {
        f"{folder}/{name}": content for folder in ("results", "data") for name, content in clone.files(folder).items()
    }
    return {
        name: b"" if Path(name).name in APART or "/timings/" in name else content for name, content in found.items()
    }
