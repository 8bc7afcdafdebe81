"""Runs under two owners: whatever Snakemake, DVC and hands do in whatever order, none is trained twice or lost.

DVC is played here: it keeps copies of what it recorded, and makes results/runs be what a lock file names, no more and
no less. Training is played as well, by copying. The store and all that moves runs about are the real ones.
"""

import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exaggerated_replay.store.keeping import bring_back, clear, set_aside, take_in
from exaggerated_replay.store.records import FILES, is_complete, put_run
from tests.bad_input.place import lay_out

PLANS = st.sets(st.integers(0, 3), min_size=1)
KILLED = st.none() | st.integers(0, 12)
"""After so many files that get their place; or not at all."""


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_after(calls):
    """Let whatever happens inside end after so many files that got their place."""
    replace, left = os.replace, [calls]

    def counted(source, target):
        if left[0] is not None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
        replace(source, target)

    try:
        with patch("os.replace", counted):
            yield
    except Killed:
        pass


class Life(RuleBasedStateMachine):
    """A checkout with a plan, results/runs, the store, and what DVC recorded."""

    finished: Path

    def __init__(self):
        super().__init__()
        self.before, self.place = Path.cwd(), Path(tempfile.mkdtemp(prefix="life-"))
        os.chdir(self.place)
        self.runs, self.store, self.cache = Path("results/runs"), Path(".store"), Path("cache")
        self.runs.mkdir(parents=True)
        self.names = sorted(path.name for path in self.finished.iterdir())
        self.plan = set(self.names)
        self.trained, self.seen = Counter(), set()
        self.locked, self.experiments = set(), []

    def teardown(self):
        os.chdir(self.before)
        shutil.rmtree(self.place)

    @initialize(recorded=st.booleans())
    def clone(self, recorded):
        """A clone may bring runs that were recorded on another machine."""
        if recorded:
            shutil.copytree(self.finished, self.cache)
            self.locked = {*self.names[:2]}
            self.dvc_checkout()

    @rule(plan=PLANS)
    def compose(self, plan):
        self.plan = {self.names[number] for number in plan}

    @rule(killed=KILLED)
    def snakemake(self, killed):
        with killed_after(killed):
            self.work(self.runs)

    def work(self, runs):
        """What a start does, and its one job: finish every run in the store, then put all where they belong."""
        assert not [*clear(self.plan, self.store)]
        take_in(runs, self.store)
        self.seen |= {path.name for path in runs.iterdir() if is_complete(path)}
        bring_back(sorted(self.plan), runs, self.store)
        missing = [name for name in sorted(self.plan) if not is_complete(runs / name)]
        for name in missing:
            if not is_complete(self.store / name):
                self.train(name)
        for name in missing:
            put_run(self.store / name, runs / name)
        assert all(is_complete(runs / name) for name in self.plan)

    def train(self, name):
        assert name not in self.seen
        (self.store / name).mkdir(parents=True, exist_ok=True)
        for file in FILES:
            if (self.finished / name / file).is_file():
                shutil.copyfile(self.finished / name / file, "new")
                os.replace("new", self.store / name / file)
        self.trained[name] += 1

    @rule(killed=KILLED, copies=st.booleans())
    def dvc_repro(self, killed, copies):
        with killed_after(killed):
            self.stage(self.runs)
            self.record(self.runs, copies)
            self.locked = {*self.plan}

    @rule(killed=KILLED, copies=st.booleans())
    def dvc_exp_run(self, killed, copies):
        """DVC first makes the folder what the lock file says."""
        self.dvc_checkout()
        with killed_after(killed):
            self.stage(self.runs)
            self.record(self.runs, copies)
            self.experiments.append({*self.plan})

    @rule(killed=KILLED)
    def dvc_exp_run_in_a_copy(self, killed):
        """As `--temp` and `--queue` do; whatever becomes of it, the copy goes."""
        copy = Path("copy/results/runs")
        self.check_out(self.locked, copy)
        with killed_after(killed):
            self.stage(copy)
            self.record(copy)
            self.experiments.append({*self.plan})
        shutil.rmtree("copy")

    def stage(self, runs):
        self.work(runs)
        out, told = set_aside(self.plan, runs, self.store)
        assert not told and not {*out} & self.plan

    def record(self, runs, copies=False):
        """DVC keeps copies, and may put others of them in the place of what was there."""
        for path in sorted(runs.glob("*/*")):
            kept = self.cache / path.relative_to(runs)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
            if copies:
                path.unlink()
                shutil.copyfile(kept, path)

    @rule(number=st.integers(0, 9))
    def dvc_exp_apply(self, number):
        if self.experiments:
            self.locked = self.experiments[number % len(self.experiments)]
            self.dvc_checkout()

    @rule()
    def dvc_checkout(self):
        self.check_out(self.locked, self.runs)

    def check_out(self, names, runs):
        shutil.rmtree(runs, ignore_errors=True)
        runs.mkdir(parents=True)
        for name in names:
            shutil.copytree(self.cache / name, runs / name)

    @rule()
    def prune(self):
        set_aside(self.plan, self.runs, self.store)

    @rule()
    def remove_all(self):
        shutil.rmtree(self.runs)
        self.runs.mkdir()

    @rule(number=st.integers(0, 3))
    def remove_one(self, number):
        shutil.rmtree(self.runs / self.names[number], ignore_errors=True)

    @invariant()
    def no_finished_run_is_trained_twice(self):
        assert all(times == 1 for times in self.trained.values()), self.trained

    @invariant()
    def no_finished_run_is_lost(self):
        assert all(is_complete(self.store / name) for name in {*self.trained, *self.seen})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    lay_out(folder, seeds=2)
    return folder / ".store"


def test_no_finished_run_is_trained_twice_or_lost(finished):
    sizes = settings(max_examples=60, stateful_step_count=20, deadline=None, derandomize=True)
    run_state_machine_as_test(type("LifeOfRuns", (Life,), {"finished": finished}), settings=sizes)
