"""The table of a study's runs, from records made by hand."""

import copy
import io
import json
import re

import pandas as pd
import pytest
from exaggerated_replay.analysis.study.runs import load_study, open_study, read_study, runs_csv, runs_table
from exaggerated_replay.analysis.study.written_plan import slim

from exaggerated_replay.errors import UserError
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import sealed

COUNTS = {"tested": [4, 5, 10, 1], "correct": [[3, 4, 0, 0], [1, 2, 8, 0]], "predicted": [2, 8, 10, 0]}


def record(*, seed=0, diverged=None, instruments=None, **counts):
    return sealed(
        {
            "settings": {"seed": seed, "data": "d" * 64, "code": "c" * 64, "tasks": [[2, 0], [3, 1]]},
            "counts": None if diverged else {**COUNTS, **counts},
            "diverged": diverged,
            "environment": {"device": "cpu", "torch": "2.0"},
            "instruments": instruments or {},
            "sha256": {},
        }
    )


def cell(arm, method, *runs):
    training = {"iterations": 30, "batch": 8, "replay_batch": 8}
    config = {"method": method, "training": training, "model": {"units": 10}}
    return {
        "arm": arm,
        "config": config,
        "runs": [{"seed": s, "digest": d, "directory": f"results/runs/x-s{s}-{d}"} for s, d in runs],
    }


PLAN = {
    "training": {"iterations": 60},
    "order": ["g"],
    "grids": {
        "g": [
            {"cell": "none", "settings": {"method.si.strength": 3}, "baseline": None},
            {"cell": "mine-f20", "settings": {"method.f": 20, "training.batch": 8}, "baseline": "none"},
        ]
    },
    "cells": {
        "none": cell("none", {"method": "none"}, (0, "12345e6789"), (1, "0000000002")),
        "mine-f-none": cell("mine", {"f": "none", "lambda_rr": 1e-6, "lambda_ra": 0.0}, (0, "000000000c")),
        "mine-f20": cell("mine", {"f": 20, "lambda_rr": 1e-6, "si": {"strength": 3}}, (0, "000000000d")),
        "twin": cell("twin", {"f": 20, "lambda_rr": 1e-6, "si": None}, (0, "000000000d")),
    },
}
PLAN["runs"] = {run["directory"].rpartition("/")[2]: {} for cell in PLAN["cells"].values() for run in cell["runs"]}
RUNS = sorted(PLAN["runs"])


@pytest.fixture
def runs(tmp_path):
    """A folder where every run of the plan is finished."""
    for run in RUNS:
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / "record.json").write_text(json.dumps(record()))
    return tmp_path / "runs"


def test_every_run_is_read_once(runs):
    study = load_study(PLAN, runs)
    assert list(study.records) == RUNS
    assert len(RUNS) == 4
    assert all(found == record() for found in study.records.values())


def test_a_missing_record_is_named(runs):
    (runs / RUNS[2] / "record.json").unlink()
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is missing"):
        load_study(PLAN, runs)


def test_a_record_that_was_changed_is_named(runs):
    changed = copy.deepcopy(record())
    changed["counts"]["correct"][-1][0] += 1
    (runs / RUNS[2] / "record.json").write_text(json.dumps(changed))
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is not as its run wrote it"):
        load_study(PLAN, runs)
    (runs / RUNS[2] / "record.json").write_text("[]")
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is not as its run wrote it"):
        load_study(PLAN, runs)


def test_the_file_of_records_is_read_where_the_runs_lack_one(runs, tmp_path):
    (runs / RUNS[2] / "record.json").unlink()
    kept = tmp_path / "records.jsonl"
    write_lines(kept, [Line(run, record(tested=[9, 9, 10, 1])) for run in RUNS[1:3]])
    found = load_study(PLAN, runs, kept).records
    assert [found[run]["counts"]["tested"][0] for run in RUNS] == [4, 4, 9, 4]
    kept.write_text("<<<<<<< HEAD\n")
    with pytest.raises(UserError, match=r"records\.jsonl is not as it was written"):
        load_study(PLAN, runs, kept)
    (runs / RUNS[2] / "record.json").write_text(json.dumps(record()))
    assert len(load_study(PLAN, runs, kept).records) == 4  # nobody needs it


def test_the_table_has_a_row_for_each_cell_and_seed():
    table = runs_table(PLAN, dict.fromkeys(RUNS, record()))
    assert list(table.columns) == [
        *["digest", "cell", "arm", "seed", "status", "iterations", "f", "lambda_rr", "lambda_ra"],
        *["method.si.strength", "training.batch"],
        *["first20", "first50", "overall", "macro_precision", "forgetting"],
        *["average_incremental", "backward_transfer", "new_tasks", "task1", "task2"],
        *["reconstruction", "dropped"],
        *["device", "torch"],
    ]
    assert list(zip(table["cell"], table["seed"], table["digest"], strict=True)) == [
        ("none", 0, "12345e6789"),
        ("none", 1, "0000000002"),
        ("mine-f-none", 0, "000000000c"),
        ("mine-f20", 0, "000000000d"),
        ("twin", 0, "000000000d"),
    ]
    assert table["overall"].tolist() == pytest.approx([55] * 5)
    assert set(table["iterations"]) == {30}
    assert set(table["training.batch"]) == {8}


def test_a_setting_that_an_arm_does_not_have_is_blank():
    table = runs_table(PLAN, dict.fromkeys(RUNS, record())).set_index("cell")
    assert table["method.si.strength"].map(str).to_dict() == {
        "none": "None",
        "mine-f-none": "None",
        "mine-f20": "3",
        "twin": "None",
    }


def test_each_row_has_the_scores_of_its_own_run():
    records = {run: record(correct=[[0] * 4, [n, 0, 0, 0]]) for n, run in enumerate(RUNS)}
    table = runs_table(PLAN, records)
    expected = {run[-10:]: 100 * n / 20 for n, run in enumerate(RUNS)}
    assert table["overall"].tolist() == pytest.approx([expected[digest] for digest in table["digest"]])


def test_where_all_runs_diverged_the_scores_are_blank():
    lost = record(diverged={"task": 2, "iteration": 7, "term": "repulsion", "loss": 1e9})
    blank, full = (runs_table(PLAN, dict.fromkeys(RUNS, one)) for one in (lost, record()))
    assert list(blank.columns) == list(full.columns)
    assert blank[["first20", "overall", "task2"]].isna().all(axis=None)


def test_a_run_that_diverged_has_a_row_and_no_scores():
    lost = record(diverged={"task": 2, "iteration": 7, "term": "repulsion", "loss": 1e9})
    table = runs_table(PLAN, {**dict.fromkeys(RUNS, record()), RUNS[-1]: lost}).set_index("digest")
    row = table.loc[RUNS[-1][-10:]]
    assert row["status"] == "diverged in task 2"
    assert row[["first20", "first50", "overall", "forgetting", "task2"]].isna().all()
    assert (table.drop(row.name)["status"] == "finished").all()


def test_numbers_are_written_with_the_digits_they_have():
    noted = {"reconstruction": [0.5, 0.123456789], "competing": [0.0, 0.3], "repelled": [0.0, 0.1]}
    text = runs_csv(runs_table(PLAN, dict.fromkeys(RUNS, record(instruments=noted))))
    back = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert (back["digest"][0], back["f"][0], back["f"][3], back["lambda_ra"][0]) == ("12345e6789", "", "20", "")
    assert (back["first50"][0], back["overall"][0]) == ("33.33", "55.0")
    assert (back["reconstruction"][0], back["dropped"][0]) == ("0.1235", "66.67")


@pytest.fixture
def folder(tmp_path):
    """The folder of a study, as the workflow writes it."""
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(slim(PLAN)))
    write_lines(folder / "records.jsonl", [Line(run, record(seed=int(run[3]))) for run in RUNS])
    return folder


def test_a_study_is_read_from_its_folder_alone(folder):
    assert read_study(str(folder))["overall"].tolist() == pytest.approx([55] * 5)
    study = open_study(folder)
    assert study.plan["cells"] == PLAN["cells"]
    assert study.plan["grids"] == PLAN["grids"]
    assert {run: settings["seed"] for run, settings in study.plan["runs"].items()} == {run: int(run[3]) for run in RUNS}
    with pytest.raises(UserError, match=r"other is not the folder of a study: choose one of mine"):
        open_study(folder.parent / "other")


def test_a_plan_repeats_nothing_that_records_say():
    written = slim(PLAN | {"compute": {}, "splits": {}, "sources": {}, "prepared": "x", "varied": []})
    assert set(written) == {"training", "grids", "cells", "order"}
    assert written["cells"]["none"]["runs"] == ["x-s0-12345e6789", "x-s1-0000000002"]
    assert set(written["cells"]["none"]) == {"arm", "config", "runs"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("plan.json", "<<<<<<< HEAD\n{}\n", "plan.json is not valid JSON"),
        ("plan.json", "[]", "plan.json is not as the workflow writes it"),
        ("plan.json", '{"cells": {"a": {"runs": [3]}}}', "no record of 3"),
        ("plan.json", '{"cells": {"a": {"runs": [{}]}}}', "plan.json is not as the workflow writes it"),
        ("plan.json", '{"cells": {"a": {"runs": ["gone"]}}}', "no record of gone"),
        ("records.jsonl", "", "no record of x-s0"),
        ("records.jsonl", "=======\n", "records.jsonl is not as it was written"),
    ],
)
def test_a_folder_that_is_damaged_is_told(folder, name, text, told):
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=re.escape(told)):
        open_study(folder)
