import pandas as pd
import pytest
from studies import made, planned

from exaggerated_replay.errors import UserError


@pytest.fixture
def plan():
    cells = {"base": ["b0", "b1"], "treated": ["t0", "t1"], "twin": ["u0"], "waiting": ["w0"]}
    return {
        "grids": {"small": [{"cell": "base", "baseline": None}, {"cell": "treated", "baseline": "base"}]},
        "cells": {name: {"runs": [{"digest": digest} for digest in runs]} for name, runs in cells.items()},
    }


@pytest.fixture
def runs():
    rows = [("t1", "treated", 1, "cpu"), ("b0", "base", 0, "cpu"), ("t0", "treated", 0, "cpu")]
    rows += [("b1", "base", 1, "cpu"), ("u0", "twin", 0, "cuda")]
    return pd.DataFrame(rows, columns=["digest", "cell", "seed", "device"])


def test_runs_of_a_cell_are_its_own_by_seed(plan, runs):
    assert list(made(plan, runs).cell_runs("treated")["digest"]) == ["t0", "t1"]
    assert list(made(plan, runs).cell_runs("twin")["digest"]) == ["u0"]
    with pytest.raises(UserError, match="'waiting'"):
        made(plan, runs).cell_runs("waiting")


def test_a_comparison_never_mixes_devices(plan, runs):
    treated, base = made(plan, runs).pair("treated", "base")
    assert list(treated.index) == list(base.index) == [0, 1]
    runs.loc[runs["digest"] == "t1", "device"] = "cuda"
    with pytest.raises(UserError, match=r"cpu \(as .*\) and cuda \(as "):
        made(plan, runs).pair("treated", "base")


def test_a_device_outside_the_common_seeds_does_no_harm(plan, runs):
    runs.loc[runs["digest"] == "t1", ["seed", "device"]] = [7, "cuda"]
    treated, base = made(plan, runs).pair("treated", "base")
    assert list(treated["digest"]) == ["t0"]
    assert list(base["digest"]) == ["b0"]


def test_an_unknown_grid_is_answered_with_the_known_ones(plan):
    assert [row.cell for row in planned(plan).grid("small")] == ["base", "treated"]
    with pytest.raises(UserError, match="'large': choose one of small"):
        planned(plan).grid("large")


def test_a_run_that_diverged_takes_its_partner_out_of_the_comparison_and_is_counted(plan, runs):
    runs["overall"] = [40.0, 50.0, float("nan"), 51.0, 60.0]  # t1, b0, t0, b1, u0
    treated, base = made(plan, runs).pair("treated", "base")
    assert list(treated["digest"]) == ["t1"]
    assert list(base["digest"]) == ["b1"]
    assert made(plan, runs).left_out("treated", "base") == 1
    runs["overall"] = float("nan")
    treated, base = made(plan, runs).pair("treated", "base")
    assert treated.empty
    assert made(plan, runs).left_out("treated", "base") == 2


def test_cells_without_a_seed_in_common_are_refused(plan, runs):
    runs["seed"] = runs["seed"].where(runs["cell"] == "base", runs["seed"] + 10)
    with pytest.raises(UserError, match="cells 'treated' and 'base' have no finished seed in common"):
        made(plan, runs).pair("treated", "base")


def test_a_seed_that_occurs_twice_in_a_cell_is_refused(plan, runs):
    runs.loc[runs["digest"] == "t1", "seed"] = 0
    with pytest.raises(UserError, match="seed 0 occurs twice in cell 'treated'"):
        made(plan, runs).cell_runs("treated")
