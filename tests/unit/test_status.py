"""How far runs are, from states that runs themselves have saved."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from plans import PLAIN, plan_with, values_with
from studies import LOOKS
from test_job import Place, settings_of

from exaggerated_replay import cli
from exaggerated_replay.errors import Interrupted
from exaggerated_replay.files import write_json
from exaggerated_replay.places import EPOCHS, RECORD, STATE, WORKSPACE
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import Plan, make_plan
from exaggerated_replay.settings.methods import OwnMethod
from exaggerated_replay.states import mark_of, read_state, write_state
from exaggerated_replay.store.status import SavedRun, cost, status, told
from exaggerated_replay.training.resume import Stop

ITERATIONS = 6
SAVED = 1_000_000_000.0


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place to train in, with runs of two tasks; each step takes a minute."""
    monkeypatch.chdir(tmp_path)
    now = iter(range(0, 10**7, 60))
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    return Place(tmp_path)


KEPT = Path("kept")  # a store without any run


def stopped(place, arm, steps, name=None):
    """Train a run for so many steps, as its job does, and interrupt it; it is called as its arm, or as is said."""
    name = name or arm
    stop = Stop()
    seen = []

    def watch(name):
        def step(progress):
            seen.append(progress)
            if len(seen) == steps:
                stop.ask(15)

        return step

    place.watch = watch
    settings = settings_of(arm, iterations=ITERATIONS)
    with pytest.raises(Interrupted):
        place.train(name, stop=stop, **{name.replace("-", "_"): settings})
    os.utime(place.workspace / name / STATE, (SAVED, SAVED))


def written(*arms, iterations=ITERATIONS):
    """A plan as its file holds it, with a cell of one run for each arm, called as the arm."""
    cells = {arm: {"arm": arm, "config": {}, "runs": [arm]} for arm in arms}
    runs = {arm: asdict(settings_of(arm, iterations=iterations)) for arm in arms}
    plan = plan_with(grids={"g": PLAIN}).to_dict()
    looks = {arm: LOOKS[arm] for arm in {*arms, *plan["arms"]}}
    return {**plan, "order": [], "grids": {}, "cells": cells, "runs": runs, "arms": looks}


def plan_of(*arms, iterations=ITERATIONS):
    Path("plan.json").write_text(json.dumps(written(*arms, iterations=iterations)))
    return Plan.read(Path("plan.json"))


def test_each_run_of_a_plan_is_where_it_stands(place, tmp_path):
    place.train("none", "er")
    kept = tmp_path / "kept"
    (kept / "er").mkdir(parents=True)
    (place.runs / "er" / RECORD).rename(kept / "er" / RECORD)
    stopped(place, "bir-si", 8)
    stopped(place, "dgr", 1)
    found = status(plan_of("none", "er", "bir-si", "rr-ra"), place.runs, kept, place.workspace)
    assert (found.finished, found.kept, found.not_begun) == (["none"], ["er"], ["rr-ra"])
    assert [(run.run, run.task, run.tasks, run.iteration, run.iterations) for run in found.unfinished] == [
        ("bir-si", 2, 2, 2, ITERATIONS)
    ]
    assert [(run.run, run.task, run.tasks, run.iteration, run.left) for run in found.elsewhere] == [
        ("dgr", 1, None, 1, None)
    ]
    assert found.unreadable == []
    assert found.unfinished[0].saved == SAVED
    mark = mark_of("bir-si", torch.device("cpu"))
    assert found.unfinished[0].seconds == read_state(place.workspace / "bir-si" / STATE, mark)["seconds"] > 0


def test_a_run_that_an_earlier_plan_named_is_told_with_its_length(place):
    stopped(place, "dgr", 7)
    plans = place.workspace / "plans"
    plans.mkdir()
    (plans / "a.json").write_text("[1]")
    (plans / "b.json").write_text("{")
    (plans / "c.json").write_text(json.dumps(written("dgr")))
    (run,) = status(plan_of("none"), place.runs, KEPT, place.workspace).elsewhere
    assert (run.task, run.tasks, run.iteration, run.iterations) == (2, 2, 1, ITERATIONS)


def other_run(path):
    write_state(path, {"run": "another"}, {"task": 1, "iteration": 2, "seconds": 3.0})


def without_seconds(path):
    write_state(path, {"run": path.parent.name}, {"task": 1, "iteration": 2, "weight": torch.ones(2)})


def cut_short(path):
    without_seconds(path)
    path.write_bytes(path.read_bytes()[:30])


@pytest.mark.parametrize("make", [other_run, without_seconds, cut_short, lambda path: path.write_text("x")])
def test_what_is_no_state_of_a_run_is_named_and_the_run_counts_as_not_begun(make, place):
    path = place.workspace / "none" / STATE
    path.parent.mkdir(parents=True)
    make(path)
    found = status(plan_of("none"), place.runs, KEPT, place.workspace)
    assert (found.unfinished, found.unreadable, found.not_begun) == ([], [path], ["none"])


def test_an_encoder_in_training_is_no_damaged_run(place):
    (place.workspace / "long-36addacad0").mkdir(parents=True)
    (place.workspace / "long-36addacad0" / EPOCHS).write_bytes(b"what its training resumes from")
    found = status(plan_of("none"), place.runs, KEPT, place.workspace)
    assert (found.unreadable, found.elsewhere) == ([], [])


def test_of_a_state_that_this_machine_refuses_it_is_said_why_and_no_time_is_told(place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for name, changed in (("none", {}), ("er", {"device": "cuda"}), ("dgr", {"device": "cuda", "torch": "1.0"})):
        mark = {**mark_of(name, torch.device("cpu")), **changed}
        write_state(place.workspace / name / STATE, mark, {"task": 1, "iteration": 2, "seconds": 3.0})
    found = status(plan_of("none", "er"), place.runs, KEPT, place.workspace)
    like, other = sorted(found.unfinished, key=lambda run: run.run != "none")
    assert (like.unlike, other.unlike) == ("", "device cuda and not cpu")
    assert other.left is None
    assert like.left == pytest.approx(24)  # 3 s for two steps that cost half; 4 of these and 6 whole ones are left
    assert found.elsewhere[0].unlike == f"device cuda and not cpu, torch 1.0 and not {torch.__version__}"
    own, others = (next(line for line in told(found) if line.startswith(f"- {run.run}:")) for run in (like, other))
    assert " left; saved " in own and "anew" not in own
    assert " left" not in others and others.endswith(" with device cuda and not cpu: here it starts anew")


def test_a_state_that_other_code_of_the_users_saved_is_of_no_use(place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    before, now = (OwnMethod("none", Path("mine.py"), 64 * letter) for letter in "ab")
    mark = mark_of("none", torch.device("cpu"), method=before.content)
    write_state(place.workspace / "none" / STATE, mark, {"task": 1, "iteration": 2, "seconds": 3.0})
    for own, unlike in ((before, ""), (now, f"method sha256:{16 * 'a'} and not sha256:{16 * 'b'}")):
        monkeypatch.setattr("exaggerated_replay.store.status.own_method", {"none": own}.get)
        (run,) = status(plan_of("none"), place.runs, KEPT, place.workspace).unfinished
        assert run.unlike == unlike


@pytest.mark.parametrize(
    ("task", "iteration", "left"),
    [
        (1, 0, None),
        (1, 50, 18 * 100),  # half of the first task, a quarter of a task that replays: 1 of 19 such quarters less
        (1, 100, 9 * 200 / 2 * 100 / 100),
        (2, 0, 900),
        (2, 50, 850 * 50 / 50),
        (10, 100, 0),
    ],
)
def test_time_left_follows_from_the_runs_own_speed_the_first_task_at_half_its_cost(task, iteration, left):
    """Ten tasks of 100 iterations: 1 s each, 0.5 s in the first task."""
    seconds = 0.5 * min(100, 100 * (task - 1) + iteration) + max(0, 100 * (task - 2) + iteration if task > 1 else 0)
    standing = SavedRun("r", task, iteration, 10, 100, seconds, SAVED)
    assert standing.left == (None if left is None else pytest.approx(950 - seconds))


def test_steps_of_the_first_task_cost_half():
    assert [cost(steps, 10) for steps in (0, 4, 10, 11, 20)] == [0, 2, 5, 6, 15]


def params_of_two_runs():
    """Write params.yaml with two runs of two tasks, and return their names."""
    changes = {"dataset.tasks": 2, "training.iterations": ITERATIONS, "study.lengths": [], "study.seeds": 1}
    values = values_with({**changes, "compute.device": "cpu"}, grids={"g": [{"arm": ["bir-si", "rr-ra"]}]})
    write_json(Path("params.yaml"), values)
    return [run.name for run in make_plan(check_params(values)).runs]


def test_the_command_tells_it_without_torch(place):
    name, _ = params_of_two_runs()
    place.workspace = WORKSPACE
    stopped(place, "bir-si", 9, name=name)
    code = """
import sys
from exaggerated_replay import cli
assert cli.main(["status"]) == 0
assert "torch" not in sys.modules
"""
    environment = os.environ | {"TZ": "UTC"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    counts, title, run = done.stdout.splitlines()
    assert counts == "2 runs in the plan: 0 finished, 1 unfinished, 1 not begun or not saved yet"
    assert title.startswith("Unfinished, as last saved")
    assert run.startswith(f"- {name}: task 2 of 2, iteration 3 of 6; ")
    assert run.endswith("; saved 2001-09-09 01:46")
    assert " left; " in run


def test_in_a_copy_that_dvc_makes_for_an_experiment_it_tells_of_the_checkouts_unfinished_work(
    place, tmp_path, monkeypatch, capsys
):
    name, _ = params_of_two_runs()
    place.workspace = tmp_path / "checkout" / WORKSPACE
    stopped(place, "bir-si", 9, name=name)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "checkout"))
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    assert cli.main(["status"]) == 0
    assert "0 finished, 1 unfinished, 1 not begun" in capsys.readouterr().out


def test_without_anything_begun_there_is_one_line(place, capsys):
    params_of_two_runs()
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 runs in the plan: 0 finished, 0 unfinished, 2 not begun or not saved yet"
    ]
