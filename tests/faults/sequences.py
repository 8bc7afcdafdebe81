"""`python -m tests.faults.sequences`: random sequences of what people type, with the real tools.

In a throw-away clone, with its dvc.lock as it is committed, `snakemake`, `dvc repro`, experiments of DVC's in the
folder, in a copy and in the queue, `apply`, `checkout`, `prune`, kills and removed folders follow each other. After
each of them every run that was ever trained to its end must lie in the store, whole, and have been trained once.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bench.clone import throw_away_clone
from exaggerated_replay.store.records import is_complete
from tests.integration.conftest import REPOSITORY, Clone

STUDY = """\
# @package _global_
study:
  name: {name}
  baseline: none
  treatment: er
  seeds: 1
  lengths: [30]
  grids: {{table1: [{{arm: [none]}}, {{arm: [{arms}]}}]}}
training: {{iterations: 30, batch: 16, replay_batch: 16}}
model: {{units: 8, latent: 4}}
compute: {{save_minutes: 0.001, device: cpu}}
"""
STUDIES = {"left": "er", "right": "er, si", "far": "joint"}
TALLIED = "write_json(place / RECORD, sealed(record))  # last: with it, the run is finished"


def fresh(place: Path) -> Clone:
    """Make a clone with small studies, whose training notes in the file TALLY every run that it brought to its end."""
    clone = Clone(place)
    throw_away_clone(REPOSITORY, place)
    for name, arms in STUDIES.items():
        (place / f"conf/study/{name}.yaml").write_text(STUDY.format(name=name, arms=arms))
    note = f"{TALLIED}\n                open(__import__('os').environ['TALLY'], 'a').write(f'{{target.name}}\\n')"
    clone.edit("src/exaggerated_replay/training/job.py", TALLIED, note)
    clone.run(sys.executable, "-m", "compileall", "-q", "src")
    clone.compose("study=left", "focus=none")
    clone.commit("small studies")
    return clone


class Sequence:
    """A clone, and what can be done in it."""

    def __init__(self, clone: Clone, draw: random.Random) -> None:
        self.clone, self.draw, self.experiments = clone, draw, 0
        self.said: list[str] = []

    def steps(self) -> dict[str, Callable[[], None]]:
        return {
            "compose": self.compose,
            "snakemake": lambda: self.run("snakemake", "--cores", "1", "models"),
            "killed snakemake": self.killed,
            "dvc repro": lambda: self.run("dvc", "repro", "models"),
            "dvc exp run": self.experiment,
            "dvc exp run --temp": lambda: self.experiment("--temp"),
            "dvc exp run --queue": self.queue,
            "dvc exp apply": self.apply,
            "dvc checkout": lambda: self.run("dvc", "checkout", "results/runs", fails=True),
            "prune": lambda: self.run("exaggerated-replay", "prune"),
            "rm -rf results/runs": lambda: shutil.rmtree(self.clone.path / "results/runs", ignore_errors=True),
        }

    def run(self, *command: str, fails: bool = False) -> str:
        done = self.clone.run(*command, check=not fails)
        return str(done.output)

    def asked(self) -> list[str]:
        seeds = self.draw.choice([1, 2])
        return [f"study={self.draw.choice([*STUDIES])}", f"study.seeds={seeds}", "focus=none"]

    def compose(self) -> None:
        self.run("exaggerated-replay", "compose", *self.asked())

    def killed(self) -> None:
        """Kill a start, or one of its jobs, after some seconds."""
        process = self.clone.start("snakemake", "--cores", "1", "models")
        time.sleep(self.draw.uniform(1, 15))
        if process.poll() is None:
            jobs = psutil.Process(process.pid).children(recursive=True)
            if jobs and self.draw.random() < 0.5:
                with suppress(psutil.NoSuchProcess):  # it has just ended
                    jobs[-1].kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=600)

    def experiment(self, *how: str) -> None:
        """Run an experiment that names all that it wants; what was composed before is chosen anew by that."""
        self.experiments += 1
        asked = self.asked()
        self.run("exaggerated-replay", "compose", *asked)
        settings = [word for setting in asked for word in ("-S", setting)]
        self.run("dvc", "exp", "run", *how, "-n", f"e{self.experiments}", *settings, "models")

    def queue(self) -> None:
        self.experiment("--queue")
        self.run("dvc", "queue", "start")
        deadline = time.monotonic() + 600
        while any(word in self.run("dvc", "queue", "status") for word in ("Queued", "Running")):
            if time.monotonic() > deadline:
                raise AssertionError("the queue does not end")
            time.sleep(1)

    def apply(self) -> None:
        if self.experiments:
            self.run("dvc", "exp", "apply", f"e{self.draw.randint(1, self.experiments)}", fails=True)


def wrong_with(clone: Clone, tally: Path) -> str:
    """Say what is wrong; an empty text where nothing is."""
    trained = Counter(tally.read_text().split()) if tally.exists() else Counter()
    twice = [f"{run} was trained {times} times" for run, times in trained.items() if times > 1]
    lost = [f"{run} is lost" for run in trained if not is_complete(clone.path / ".store" / run)]
    return "; ".join([*twice, *lost])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sequences", description=__doc__)
    parser.add_argument("--random", type=int, default=200, help="how many sequences")
    parser.add_argument("--steps", type=int, default=6, help="of each")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
    given = parser.parse_args()
    count, failures, started = Counter[str](), [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sequences-") as place:
        first = fresh(Path(place, "first"))
        for number in range(given.random):
            draw = random.Random(f"{given.seed}/{number}")  # noqa: S311
            folder = Path(place, str(number))
            folder.mkdir()
            tally, done, wrong = folder / "tally", [], ""
            os.environ["TALLY"] = str(tally)
            try:
                sequence = Sequence(first.copy(folder / "clone"), draw)
                for _ in range(given.steps):
                    done.append(draw.choice([*sequence.steps()]))
                    count[done[-1]] += 1
                    sequence.steps()[done[-1]]()
                    if wrong := wrong_with(sequence.clone, tally):
                        break
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                failures.append(f"sequence {number} ({', '.join(done)}): {wrong}")
                print(f"FAILED {failures[-1]}", flush=True)
            trained = len(tally.read_text().split()) if tally.exists() else 0
            shutil.rmtree(folder)
            passed = time.monotonic() - started
            print(f"  {number + 1}: {', '.join(done)}; {trained} runs trained, {passed:.0f} s", flush=True)
    told = ", ".join(f"{times} {what}" for what, times in sorted(count.items()))
    print(f"{len(failures)} failures in {given.random} sequences; {told}; {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
