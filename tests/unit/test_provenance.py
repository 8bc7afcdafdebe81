"""From the number in a table to its runs, and the model that is published: by hand."""

import hashlib
import json

import pandas as pd
import pytest
from studies import made, planned
from test_exchange import record, settings

from exaggerated_replay.analysis.audit.provenance import provenance
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.planning.runs import run_name
from exaggerated_replay.store.focus import copy_focus
from exaggerated_replay.store.records import sealed

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


# ---------------------------------------------------------------- the model in focus


@pytest.fixture
def focused(tmp_path, monkeypatch):
    """A plan whose cell in focus has two finished runs."""
    monkeypatch.chdir(tmp_path)
    runs = []
    for seed in (0, 1):
        name, weights = run_name(settings(seed)), f"weights of seed {seed}".encode()
        whole = record(seed)
        whole["sha256"]["model.safetensors"] = hashlib.sha256(weights).hexdigest()
        write_json(tmp_path / "results/runs" / name / "record.json", sealed(whole))
        (tmp_path / "results/runs" / name / "model.safetensors").write_bytes(weights)
        runs.append({"seed": seed, "directory": f"results/runs/{name}"})
    return planned({"focus": "er", "cells": {"er": {"runs": runs}}})


def test_the_first_seeds_checkpoint_and_record_are_copied(focused, tmp_path):
    copy_focus(focused, tmp_path / "focus")
    assert (tmp_path / "focus/model.safetensors").read_bytes() == b"weights of seed 0"
    assert json.loads((tmp_path / "focus/record.json").read_text())["settings"]["seed"] == 0
    assert len(list((tmp_path / "focus").iterdir())) == 2


def test_a_damaged_checkpoint_is_not_copied(focused, tmp_path):
    run = tmp_path / focused.runs[0].directory
    (run / "model.safetensors").write_bytes(b"weights of seed 1")
    with pytest.raises(UserError, match=f"{run.name} is not whole"):
        copy_focus(focused, tmp_path / "focus")
    assert not (tmp_path / "focus").exists()
