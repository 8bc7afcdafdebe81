"""Throw-away clones of this repository, in which the real git, dvc and snakemake run."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from bench.clone import throw_away_clone
from exaggerated_replay.git import environment

REPOSITORY = Path(__file__).parents[2]
DRAWS_ONCE = Path(__file__).with_name("pictures")

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
# What dvc adds files to and never writes into: copies may share what is there. Git dates the objects that it meets.
SHARED = (".dvc/cache/", "exaggerated-replay-storage/")


def copy_or_link(source, target):
    """Copy a file, or give one that nobody writes into a second name."""
    return (os.link if any(place in source for place in SHARED) else shutil.copy2)(source, target)


def copy_folder(source, target):
    shutil.copytree(source, target, symlinks=True, copy_function=copy_or_link)


LONGEST = 900  # seconds that a command may take before it counts as hanging


class Clone:
    """A copy of the working tree in a git repository of its own."""

    def __init__(self, path: Path):
        self.path = path

    def run(self, *command, check=True):
        """Run a command in the clone, with the clone's own source and this environment's programs."""
        told = {"capture_output": True, "text": True, "check": False}
        done = subprocess.run(command, cwd=self.path, env=self.environment(), timeout=LONGEST, **told)
        done.output = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.output[-4000:]}")
        return done

    def environment(self):
        return environment() | {
            "PYTHONPATH": os.pathsep.join([str(self.path / "src"), str(DRAWS_ONCE)]),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONDONTWRITEBYTECODE": "",  # so that a clone's source is compiled once
        }

    def start(self, *command, **options):
        """Start a command in a process group of its own, which heeds Ctrl-C though a shell let the tests ignore it."""
        heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": heeding} | options
        return subprocess.Popen(command, cwd=self.path, env=self.environment(), start_new_session=True, **options)

    def compose(self, *overrides):
        self.run("exaggerated-replay", "compose", *overrides)

    def snakemake(self, *arguments, check=True):
        return self.run("snakemake", "--cores", "2", *arguments, check=check)

    def planned(self, *targets):
        """Return the names of the jobs that snakemake would run now."""
        return {*self.counted(*targets)}

    def counted(self, *arguments):
        """Return how many jobs of each rule snakemake would run now."""
        stats = self.snakemake("-n", *arguments).output.partition("Job stats:")[2].partition("total")[0]
        rows = [line.split() for line in stats.splitlines()]
        return Counter({row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()})

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

    def trained_at(self):
        """Return when each run was trained, by its name: seconds that two trainings took may be the same."""
        return {path.stem: path.stat().st_mtime_ns for path in (self.path / "results/timings").iterdir()}

    def trained_since(self, before):
        """Return the names of the runs that were trained since `trained_at` told of them."""
        return {name for name, moment in self.trained_at().items() if before.get(name) != moment}

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
        copy_folder(self.path, path)
        return Clone(path)


@pytest.fixture(scope="session")
def common(tmp_path_factory):
    """A folder of all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def pictures(common):
    """Where the figures of studies are kept that were drawn already."""
    place = common / "pictures"
    place.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICTURES", str(place))
        yield


@pytest.fixture(scope="session")
def once(common, tmp_path_factory):
    """Make a clone once for all processes of a test run; each of them works with a copy of its own."""

    def once(name, make):
        """Return a clone; `said` is what making it returned. What lies beside it is copied as well."""
        first = common / f"first-{name}"
        with FileLock(f"{first}.lock"):
            if not (first / "said").exists():
                shutil.rmtree(first, ignore_errors=True)  # of a process that failed
                first.mkdir()
                said = make(first / "clone")
                (first / "said").write_text(said)
        place = tmp_path_factory.mktemp(name) / "place"
        copy_folder(first, place)
        clone = Clone(place / "clone")
        clone.said = (place / "said").read_text()
        return clone

    return once


@pytest.fixture(scope="session")
def fresh(once):
    """A clone of what git tracks, and would track, in which nothing has run yet."""

    def make(path):
        throw_away_clone(REPOSITORY, path)
        (path / "dvc.lock").unlink(missing_ok=True)
        clone = Clone(path)
        (path / "conf/study/tiny.yaml").write_text(TINY)
        clone.edit("conf/config.yaml", "- study: default", "- study: tiny")
        clone.run(sys.executable, "-m", "compileall", "-q", "src")
        clone.compose()
        clone.run("dvc", "remote", "add", "--default", "storage", "../exaggerated-replay-storage")
        clone.commit("tiny study")
        return ""

    return once("fresh", make)


@pytest.fixture(scope="session")
def finished(fresh, once):
    """A clone in which the workflow ran to its end, which said so; tests that change something take a copy."""
    return once("finished", lambda path: fresh.copy(path).snakemake("--resources", "gpu=2").stdout)


@pytest.fixture
def clone(finished, tmp_path):
    """A copy of the finished clone, to be changed."""
    return finished.copy(tmp_path / "clone")


@pytest.fixture(scope="session")
def recorded(finished, once):
    """The finished clone, recorded by `dvc repro`, which said so, committed, and pushed to the storage beside it."""

    def make(path):
        clone = finished.copy(path)
        said = clone.run("dvc", "repro").output
        clone.commit("results")
        clone.run("dvc", "push")
        return said

    return once("recorded", make)


@pytest.fixture(scope="session")
def pulled(recorded, once):
    """What was recorded, as on another machine: with git and `dvc pull`, without Snakemake's bookkeeping."""

    def make(path):
        copy_folder(recorded.path.with_name("exaggerated-replay-storage"), path.with_name("exaggerated-replay-storage"))
        recorded.run("git", "clone", "-q", ".", str(path))
        return Clone(path).run("dvc", "pull").output

    return once("pulled", make)


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
