"""Figures per cell, by hand."""

import json
import math

import pandas as pd
import pytest
from studies import made

from exaggerated_replay.files import write_json
from exaggerated_replay.publishing.summary import focus, summary

KEYS = [
    *("first20", "first50", "overall", "macro_precision", "forgetting"),
    *("average_incremental", "backward_transfer", "new_tasks"),
]


@pytest.fixture
def runs():
    rows = [("a", 0, 10), ("b", 0, 7), ("a", 1, 20), ("a", 2, 30), ("c", 0, 1 / 3), ("c", 1, 2 / 3)]
    frame = pd.DataFrame(rows, columns=["cell", "seed", "first20"])
    for number, key in enumerate(KEYS[1:], start=1):
        frame[key] = frame["first20"] + 100 * number
    return frame.assign(digest="x", task1=0.0, device="cpu")


def test_means_and_deviations_by_hand(runs):
    found = summary(runs)
    assert list(found) == ["a", "b", "c"]
    assert all(list(cell) == KEYS for cell in found.values())
    assert found["a"]["first20"] == {"mean": 20, "sd": 10}  # the sample's: sqrt((100 + 0 + 100) / 2)
    assert found["a"]["forgetting"] == {"mean": 420, "sd": 10}
    # 1/3 and 2/3: mean 0.5, sd 1/3/sqrt(2), to two decimals
    assert found["c"]["first20"] == {"mean": 0.5, "sd": round(1 / 3 / math.sqrt(2), 2)}


def test_a_single_run_has_no_spread_and_that_is_a_number(runs):
    assert summary(runs)["b"]["overall"] == {"mean": 207, "sd": 0}


def test_the_order_of_runs_does_not_matter(runs):
    assert summary(runs.iloc[::-1]) == summary(runs)


def test_the_summary_can_be_written(runs, tmp_path):
    write_json(tmp_path / "metrics.json", summary(runs))
    assert json.loads((tmp_path / "metrics.json").read_text()) == summary(runs)


def plan_of(cell, baseline=None, seeds=(0, 1, 2)):
    """A plan of cells a, b and c, whose runs are told apart by the names that their digests have in the table."""
    cells = {name: {"runs": [{"digest": f"{name}{seed}", "seed": seed} for seed in seeds]} for name in "abc"}
    rows = [{"cell": cell, "baseline": baseline}]
    return {"focus": cell, "cells": cells, "grids": {"one": rows}, "rules": {"alpha": 0.05, "g": 1.0}}


@pytest.fixture
def told_apart(runs):
    return runs.assign(digest=runs["cell"] + runs["seed"].astype(str))


NOTHING = {metric: {"mean": None, "low": None, "high": None} for metric in ("first20", "first50", "overall")}


def test_the_keys_of_the_focus_do_not_depend_on_the_cell(told_apart):
    alone = {"seeds": 3, "baseline": dict.fromkeys(NOTHING), "difference": NOTHING}
    assert focus(made(plan_of("a"), told_apart)) == {key: 20 + 100 * n for n, key in enumerate(KEYS)} | alone
    found = focus(made(plan_of("b", "a"), told_apart))
    assert list(found) == list(focus(made(plan_of("a"), told_apart)))
    assert (found["first20"], found["seeds"]) == (7, 1)
    assert found["baseline"] == {"first20": 20, "first50": 120, "overall": 220}  # over its three seeds
    assert found["difference"]["first20"] == {"mean": -3, "low": None, "high": None}  # at seed 0: 7 against 10


def test_the_difference_is_paired_and_its_interval_that_of_the_formula():
    rows = [(c, s, 50 + s + (2 + s % 2) * (c == "a")) for c in "ab" for s in range(8)]
    runs = pd.DataFrame(rows, columns=["cell", "seed", "first20"]).assign(**dict.fromkeys(KEYS[1:], 0.0))
    runs = runs.assign(digest=runs["cell"] + runs["seed"].astype(str), device="cpu")
    found = focus(made(plan_of("a", "b", range(8)), runs))["difference"]
    # Differences 2, 3, 2, 3, ...: mean 2.5, variance 2/7; E_8(mu) = 60, 20 for each of three comparisons, with
    # 1 + n g = 9 and nu = 7, is solved for t^2.
    ratio = (3 * 3 / 0.05) ** (1 / 4)
    t_squared = 7 * (ratio - 1) / (1 - ratio / 9)
    width = math.sqrt(t_squared / 8 * 2 / 7)
    assert found["first20"] == pytest.approx({"mean": 2.5, "low": 2.5 - width, "high": 2.5 + width}, abs=0.006)
    assert found["overall"]["mean"] == 0


def test_runs_that_diverged_are_left_out(runs):
    lost = runs.assign(**{key: runs[key].mask(runs["seed"] == 2) for key in KEYS})
    assert summary(lost)["a"]["first20"] == {"mean": 15, "sd": 7.07}  # of 10 and 20
    nothing = runs.assign(**{key: runs[key].mask(runs["cell"] == "b") for key in KEYS})
    assert summary(nothing)["b"]["first20"] == {"mean": None, "sd": None}
    apart = nothing.assign(digest=nothing["cell"] + nothing["seed"].astype(str))
    assert focus(made(plan_of("b"), apart))["overall"] is None
    assert focus(made(plan_of("b"), apart))["seeds"] == 0
