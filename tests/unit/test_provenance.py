"""From the number in a table to its runs, by hand."""

import pandas as pd
import pytest
from studies import made

from exaggerated_replay.analysis.study.provenance import provenance
from exaggerated_replay.errors import UserError

NAMES = {"bir-si": ["bir-s0-aaaaaaaaaa", "bir-s1-bbbbbbbbbb"], "rr-ra": ["exaggeration-s0-cc", "exaggeration-s1-dd"]}
PLAN = {
    "grids": {
        "g": [
            {"cell": "bir-si", "settings": {}, "baseline": None},
            {"cell": "rr-ra", "settings": {"method.f": 5, "training.iterations": 10}, "baseline": "bir-si"},
        ],
        "alone": [{"cell": "rr-ra", "settings": {}, "baseline": "bir-si"}],
    },
    "cells": {
        cell: {
            "runs": [
                {"seed": seed, "digest": name.rpartition("-")[2], "directory": f"results/runs/{name}"}
                for seed, name in enumerate(names)
            ]
        }
        for cell, names in NAMES.items()
    },
    "runs": {name: {"data": "d" * 64, "code": f"core 1, {cell} 1"} for cell, names in NAMES.items() for name in names},
}
RUNS = pd.DataFrame(
    [
        {"digest": name.rpartition("-")[2], "cell": cell, "seed": seed, "device": "cpu", "torch": "2.0", "extra": 1}
        | {"status": "finished"}
        | {"first20": 10 / 3 + seed, "first50": 2.0, "overall": 1.0}
        for cell, names in NAMES.items()
        for seed, name in enumerate(names)
    ]
)


def test_every_row_of_a_table_leads_to_its_runs_and_those_it_is_compared_with():
    found = provenance(made(PLAN, RUNS), "g")
    assert list(found["cell"]) == ["bir-si", "bir-si", "rr-ra", "rr-ra"]
    assert list(found["run"]) == [*NAMES["bir-si"], *NAMES["rr-ra"]]
    assert list(found["baseline_run"][2:]) == NAMES["bir-si"]
    assert found["baseline_run"][:2].isna().all()
    assert list(found["settings"]) == ["", "", *["method.f=5, training.iterations=10"] * 2]
    assert list(found["first20"]) == [3.33, 4.33, 3.33, 4.33]
    assert set(found["data"]) == {"d" * 10}
    assert list(found["code"]) == [*["core 1, bir-si 1"] * 2, *["core 1, rr-ra 1"] * 2]
    assert set(found["torch"]) == {"2.0"}


def test_a_baseline_that_is_no_row_of_the_grid_is_named_too():
    assert list(provenance(made(PLAN, RUNS), "alone")["baseline_run"]) == NAMES["bir-si"]


def test_an_unknown_grid_is_refused():
    with pytest.raises(UserError, match="no grid 'x'"):
        provenance(made(PLAN, RUNS), "x")
