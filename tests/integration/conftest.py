"""Throw-away clones of this repository, in which the real git, dvc and snakemake run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.clone import throw_away_clone

REPOSITORY = Path(__file__).parents[2]

# A study as small as one can be that still has every kind of cell, table and figure.
TINY = """\
# @package _global_
study:
  name: tiny
  baseline: bir-si
  treatment: rr-ra
  seeds: 2
  lengths: [3, 6]
  grids:
    table1: [{arm: [bir-si]}, {arm: [rr-ra], method.f: [5, 20]}]
    convergence: [{arm: [bir-si, rr-ra], training.iterations: "${study.lengths}"}]
training: {iterations: 6, batch: 16, replay_batch: 16}
model: {units: 12, latent: 6}
"""
# What git and dvc never write into: copies of a clone may share it.
SHARED = (".git/objects", ".dvc/cache")


class Clone:
    """A copy of the working tree in a git repository of its own."""

    def __init__(self, path: Path):
        self.path = path

    def run(self, *command, check=True):
        """Run a command in the clone, with the clone's own source and this environment's programs."""
        done = subprocess.run(
            command, cwd=self.path, env=self.environment(), capture_output=True, text=True, check=False
        )
        done.output = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.output[-4000:]}")
        return done

    def environment(self):
        return os.environ | {
            "PYTHONPATH": str(self.path / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def start(self, *command, **options):
        """Start a command in a process group of its own."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        return subprocess.Popen(command, cwd=self.path, env=self.environment(), start_new_session=True, **options)

    def compose(self, *overrides):
        self.run("exaggerated-replay", "compose", *overrides)

    def snakemake(self, *arguments, check=True):
        return self.run("snakemake", "--cores", "2", *arguments, check=check)

    def planned(self, *targets):
        """Return the names of the jobs that snakemake would run now."""
        output = self.run("snakemake", "--cores", "2", "-n", *targets).output
        stats = output.partition("Job stats:")[2].partition("total")[0].splitlines()
        return {words[0] for line in stats if len(words := line.split()) == 2 and words[1].isdigit()}

    def edit(self, name, old, new):
        path = self.path / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    def files(self, folder="."):
        """Return the bytes of every file below a folder, by name."""
        folder = self.path / folder
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def runs(self):
        """Return the bytes of every file below results/runs, by name."""
        return self.files("results/runs")

    def recorded_runs(self, revision):
        """Return the names of the runs in the dvc.lock of a revision or experiment, as DVC's cache lists them."""
        experiments = self.run("git", "for-each-ref", "--format=%(refname)", f"refs/exps/**/{revision}").stdout.split()
        (commit,) = experiments or [revision]
        lock = yaml.safe_load(self.run("git", "show", f"{commit}:dvc.lock").stdout)
        (out,) = lock["stages"]["models"]["outs"]
        listing = self.path / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
        return {entry["relpath"].partition("/")[0] for entry in json.loads(listing.read_text())}

    def plan(self):
        """Return the plan that params.yaml asks for now."""
        return json.loads(self.run("exaggerated-replay", "plan").stdout)

    def commit(self, message):
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def copy(self, path):
        """Copy all of it; what nobody writes into is linked."""
        shared = tuple(str(self.path / name) + os.sep for name in SHARED)

        def copy_or_link(source, target):
            return (os.link if source.startswith(shared) else shutil.copy2)(source, target)

        shutil.copytree(self.path, path, symlinks=True, copy_function=copy_or_link)
        return Clone(path)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """A clone of what git tracks, and would track, in which nothing has run yet."""
    path = tmp_path_factory.mktemp("fresh") / "clone"
    throw_away_clone(REPOSITORY, path)
    (path / "dvc.lock").unlink(missing_ok=True)
    clone = Clone(path)
    (path / "conf/study/tiny.yaml").write_text(TINY)
    clone.edit("conf/config.yaml", "- study: default", "- study: tiny")
    clone.compose()
    clone.commit("tiny study")
    return clone


@pytest.fixture(scope="session")
def finished(fresh, tmp_path_factory):
    """A clone in which the workflow ran to its end; tests that change something take a copy."""
    clone = fresh.copy(tmp_path_factory.mktemp("finished") / "clone")
    clone.first = clone.snakemake("--resources", "gpu=2")
    return clone


@pytest.fixture
def clone(finished, tmp_path):
    """A copy of the finished clone, to be changed."""
    return finished.copy(tmp_path / "clone")


@pytest.fixture(scope="session")
def recorded(finished, tmp_path_factory):
    """The finished clone, recorded by `dvc repro`, committed, and pushed to the storage beside it."""
    clone = finished.copy(tmp_path_factory.mktemp("recorded") / "clone")
    clone.repro = clone.run("dvc", "repro")
    clone.commit("results")
    clone.run("dvc", "push")
    return clone


@pytest.fixture(scope="session")
def pulled(recorded):
    """What was recorded, as on another machine: with git and `dvc pull`, without Snakemake's bookkeeping."""
    place = recorded.path.with_name("pulled")
    recorded.run("git", "clone", "-q", ".", str(place))
    clone = Clone(place)
    clone.run("dvc", "pull")
    return clone


@pytest.fixture
def pull(pulled):
    """Make a copy of the pulled clone beside it, where it finds the same storage."""
    made = []

    def pull():
        made.append(pulled.path.with_name(f"pulled{len(list(pulled.path.parent.iterdir()))}"))
        return pulled.copy(made[-1])

    yield pull
    for place in made:
        shutil.rmtree(place)
