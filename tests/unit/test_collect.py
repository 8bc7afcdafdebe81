"""Figures per cell, by hand."""

import json
import math

import pandas as pd
import pytest

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.publishing.summary import focus, summary

KEYS = ["first20", "first50", "overall", "macro_precision", "forgetting"]


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


def test_the_keys_of_the_focus_do_not_depend_on_the_cell(runs):
    assert focus(runs, "a") == {
        "first20": 20,
        "first50": 120,
        "overall": 220,
        "macro_precision": 320,
        "forgetting": 420,
    }
    assert list(focus(runs, "b")) == list(focus(runs, "a")) == KEYS
    assert focus(runs, "b")["first20"] == 7


def test_a_focus_that_is_no_cell_is_named(runs):
    with pytest.raises(UserError, match=r"focus is 'd': choose one of a, b, c"):
        focus(runs, "d")


def test_runs_that_diverged_are_left_out(runs):
    lost = runs.assign(**{key: runs[key].mask(runs["seed"] == 2) for key in KEYS})
    assert summary(lost)["a"]["first20"] == {"mean": 15, "sd": 7.07}  # of 10 and 20
    nothing = runs.assign(**{key: runs[key].mask(runs["cell"] == "b") for key in KEYS})
    assert summary(nothing)["b"]["first20"] == {"mean": None, "sd": None}
    assert focus(nothing, "b")["overall"] is None
