"""Rows of tables of mechanism that stay where today's traces say less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import made, planned, whole

from exaggerated_replay.analysis.mechanism.kept import cells_as_before, completed
from exaggerated_replay.store.records import Record


def study(cells, baselines=None, changed=()):
    """A study of cells and the seeds of their runs; runs that are changed say something else."""
    plan = {
        "cells": {
            cell: {"runs": [{"seed": seed, "directory": f"results/runs/{cell}-s{seed}-{cell}"} for seed in seeds]}
            for cell, seeds in cells.items()
        },
        "grids": {"one": [{"cell": cell, "baseline": (baselines or {}).get(cell)} for cell in cells]},
    }
    names = [f"{cell}-s{seed}-{cell}" for cell, seeds in cells.items() for seed in seeds]
    said = {name: {"instruments": {"overflow": [1]}} if name in changed else {} for name in names}
    return made(planned(plan), records={name: Record.of(whole(more)) for name, more in said.items()})


BEFORE = {"base": [0, 1], "new": [0, 1]}


@pytest.mark.parametrize(
    ("now", "baselines", "changed", "holding"),
    [
        (BEFORE, {"new": "base"}, (), {"base", "new"}),
        ({"base": [0, 1, 2], "more": [0], "new": [0, 1, 2]}, {"new": "base", "more": "base"}, (), {"base", "new"}),
        ({"base": [0, 1], "new": [0]}, {"new": "base"}, (), {"base"}),  # a run is gone
        ({"base": [0], "new": [0, 1]}, {"new": "base"}, (), set()),  # and one of the baseline, with all differences
        (BEFORE, {"new": "base"}, ["new-s1-new"], {"base"}),
        (BEFORE, {"new": "base"}, ["base-s0-base"], set()),
        ({"new": [0, 1]}, {}, (), set()),
        (BEFORE, {}, (), {"base"}),  # compared with nothing any more
        ({**BEFORE, "other": [0]}, {"new": "other"}, (), {"base"}),
    ],
)
def test_a_cell_holds_where_its_runs_and_its_baselines_are_there_and_the_same(now, baselines, changed, holding):
    assert cells_as_before(study(now, baselines, changed), study(BEFORE, {"new": "base"})) == holding


TODAY = "cell,task,seeds,x,y\nbase,1,2,0.50,\nbase,2,2,1e-07,3\nnew,1,1,4,5\n"
EARLIER = "cell,task,seeds,x,z\nnew,1,3,0.10,6\nnew,2,3,0.2,7\nold,1,1,8,9\n"


def test_of_each_cell_the_rows_of_more_seeds_are_taken_as_they_are_written():
    order = ["base", "new", "old"]
    assert completed(TODAY, EARLIER, {"new"}, order) == (
        "cell,task,seeds,x,y,z\nbase,1,2,0.50,,\nbase,2,2,1e-07,3,\nnew,1,3,0.10,,6\nnew,2,3,0.2,,7\n"
    )
    assert completed(TODAY, EARLIER, {"base", "old"}, order) == (
        "cell,task,seeds,x,y,z\nbase,1,2,0.50,,\nbase,2,2,1e-07,3,\nnew,1,1,4,5,\nold,1,1,8,,9\n"
    )


@pytest.mark.parametrize(
    "damaged", ["", "cell\n", "\x00", "cell,seeds\nnew,many\n", 'cell,seeds\n"new,3\n', "a,b\n1,2,3\n"]
)
def test_a_table_that_is_damaged_counts_as_empty(damaged):
    assert completed(TODAY, damaged, {"base", "new"}, ["base", "new"]) == TODAY
    assert completed("", damaged, {"new"}, ["new"]) == ""


cells = st.sampled_from("abc")
rows = st.lists(st.tuples(cells, st.integers(1, 4), st.floats(allow_nan=False).map("{:.3g}".format)), max_size=8)


def table(rows):
    seeds = dict((cell, seeds) for cell, seeds, _ in rows)  # a cell's rows speak of as many
    ordered = sorted(rows, key=lambda row: row[0])
    return "cell,seeds,x\n" + "".join(f"{cell},{seeds[cell]},{x}\n" for cell, _, x in ordered) if rows else ""


@given(rows, rows, st.sets(cells))
def test_no_cell_loses_seeds_and_nothing_changes_where_nothing_holds(today, earlier, holding):
    found = completed(table(today), table(earlier), holding, "abc")
    seeds = [
        dict((row.split(",")[0], int(row.split(",")[1])) for row in text.splitlines()[1:])
        for text in (table(today), table(earlier), found)
    ]
    for cell in "abc":
        most = max(seeds[0].get(cell, 0), seeds[1].get(cell, 0) if cell in holding else 0)
        assert seeds[2].get(cell, 0) == most
    assert completed(table(today), table(earlier), set(), "abc") == table(today)
    assert completed(found, found, set("abc"), "abc") == found
