"""Two cells side by side in the terminal, from records made by hand."""

import json

import pytest
from studies import made, planned, whole
from test_runs import cell, record

from exaggerated_replay.analysis.study.study import finished_so_far
from exaggerated_replay.analysis.words import MEANS
from exaggerated_replay.commands.compare import compare
from exaggerated_replay.errors import UserError

SEEDS = range(6)
CELLS = {name: cell(name, {"method": name}, *((seed, f"{name}{seed}") for seed in SEEDS)) for name in ("old", "new")}
PLAN = {
    "training": {"iterations": 60},
    "grids": {},
    "order": [],
    "cells": CELLS,
    "dataset": {"name": "digits"},
    "study": {"name": "mine"},
    "runs": {run["directory"].rpartition("/")[2]: {} for cell in CELLS.values() for run in cell["runs"]},
}


def counts(right):
    ended = [10 * right, 20, 80, 0]
    return {"correct": [[30, 40, 0, 0], ended], "tested": [100, 50, 100, 10], "predicted": [100, 80, 80, 0]}


RECORDS = {
    run: record(**counts(seed + (4 if cell == "new" else 0) + (seed == 5)))
    for cell in CELLS
    for seed, run in enumerate(run["directory"].rpartition("/")[2] for run in CELLS[cell]["runs"])
}


def test_a_gain_at_every_seed_is_told_with_its_size():
    said = compare(made(PLAN, records=RECORDS), "old", "new")
    row = next(line for line in said.splitlines() if line.startswith("the first 20 %"))
    # Label 0, a hundred images: 0, 10, 20, 30, 40 and 60 right, against forty more at every seed.
    assert row.split("  ")[0] == "the first 20 % of classes"
    assert "26.67" in row
    assert "66.67" in row
    assert "+40.00" in row
    assert "+40.00 to +40.00" in row
    assert row.endswith("helps")
    assert said.startswith("new against old: 6 seeds")


def test_what_a_grid_compares_has_the_verdict_that_it_has_there():
    """By itself: three comparisons, for which six seeds are enough; in a grid of fifteen they are one too few."""
    assert "for all 3 comparisons of no grid of the study, judged by themselves, together." in compare(
        made(PLAN, records=RECORDS), "old", "new"
    )
    many = {name: [{"cell": "new", "baseline": "old", "settings": {}}] for name in ("first", "second")}
    asked = {**PLAN, "grids": many, "order": ["first", "second"], "rules": {"comparisons": 15}}
    said = compare(made(asked, records=RECORDS), "old", "new")
    assert "for all 15 comparisons of the grid first, together." in said
    assert "undecided" in said and "helps" not in said


def test_the_means_are_those_of_all_finished_runs_and_the_difference_that_of_pairs():
    run = CELLS["new"]["runs"][5]["directory"].rpartition("/")[2]
    lost = {**RECORDS, run: whole({"counts": None, "diverged": {"task": 2}})}
    said = compare(made(PLAN, records=lost), "old", "new")
    row = next(line for line in said.splitlines() if line.startswith("the first 20 %"))
    # Of ten images: 0, 1, 2, 3, 4 and 6 by the old, which finished at every seed, and 4, 5, 6, 7, 8 by the new.
    assert "26.67" in row and "60.00" in row and "+40.00" in row
    assert MEANS in said


def test_which_cell_is_the_baseline_decides_nothing_but_the_sign():
    """A comparison of a grid of fifteen is one of fifteen whichever way it is asked for."""
    rows = [{"cell": "new", "baseline": "old", "settings": {}}]
    asked = {**PLAN, "grids": {"first": rows}, "order": ["first"], "rules": {"comparisons": 15}}
    said = compare(made(asked, records=RECORDS), "new", "old")
    assert "for all 15 comparisons of the grid first, together." in said


def test_the_order_decides_the_sign():
    assert "\N{MINUS SIGN}40.00" in compare(made(PLAN, records=RECORDS), "new", "old")


def test_runs_that_are_not_there_yet_are_left_out(tmp_path):
    for run, content in list(RECORDS.items())[:-2]:
        (tmp_path / run).mkdir()
        (tmp_path / run / "record.json").write_text(json.dumps(content))
    said = compare(finished_so_far(planned(PLAN), tmp_path), "old", "new")
    assert said.startswith("new against old: 4 seeds")
    assert "too few seeds" in said  # for an interval that stays valid


def test_cells_that_are_not_there_are_named():
    with pytest.raises(UserError, match=r"nwe is not a cell of the study mine: did you mean new"):
        compare(made(PLAN, records=RECORDS), "old", "nwe")
    with pytest.raises(UserError, match="cannot be compared with itself"):
        compare(made(PLAN, records=RECORDS), "old", "old")
