"""The table of a study's runs, from records made by hand."""

import copy
import io
import json
import re

import pandas as pd
import pytest
from studies import made, planned, whole

from exaggerated_replay.analysis.study.study import load_study, open_study, read_study
from exaggerated_replay.analysis.study.tables import runs_csv, runs_table
from exaggerated_replay.errors import UserError
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import Record

COUNTS = {"tested": [4, 5, 10, 1], "correct": [[3, 4, 0, 0], [1, 2, 8, 0]], "predicted": [2, 8, 10, 0]}


def record(*, seed=0, diverged=None, instruments=None, **counts):
    settings = {"seed": seed, "data": "d" * 64, "code": "c" * 64, "tasks": [[2, 0], [3, 1]]}
    counted = {"counts": None if diverged else {**COUNTS, **counts}, "diverged": diverged}
    return whole({"settings": settings, **counted, "instruments": instruments or {}})


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
PLANNED = planned(PLAN)
RUNS = sorted(PLANNED.named)


def read(**parts):
    return Record.of(record(**parts))


@pytest.fixture
def runs(tmp_path):
    """A folder where every run of the plan is finished."""
    for run in RUNS:
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / "record.json").write_text(json.dumps(record()))
    return tmp_path / "runs"


def test_every_run_is_read_once(runs):
    study = load_study(PLANNED, runs)
    assert list(study.records) == RUNS
    assert len(RUNS) == 4
    assert all(found.written == record() for found in study.records.values())


def test_a_missing_record_is_named(runs):
    (runs / RUNS[2] / "record.json").unlink()
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is missing"):
        load_study(PLANNED, runs)


def test_a_record_that_was_changed_is_named(runs):
    changed = copy.deepcopy(record())
    changed["counts"]["correct"][-1][0] += 1
    (runs / RUNS[2] / "record.json").write_text(json.dumps(changed))
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is not as its run wrote it"):
        load_study(PLANNED, runs)
    (runs / RUNS[2] / "record.json").write_text("[]")
    with pytest.raises(UserError, match=f"{RUNS[2]}/record.json is not as its run wrote it"):
        load_study(PLANNED, runs)


def test_the_file_of_records_is_read_where_the_runs_lack_one(runs, tmp_path):
    (runs / RUNS[2] / "record.json").unlink()
    kept = tmp_path / "records.jsonl"
    write_lines(kept, [Line(run, record(tested=[9, 9, 10, 1])) for run in RUNS[1:3]])
    found = load_study(PLANNED, runs, kept).records
    assert [found[run].counts["tested"][0] for run in RUNS] == [4, 4, 9, 4]
    kept.write_text("<<<<<<< HEAD\n")
    with pytest.raises(UserError, match=r"records\.jsonl is not as it was written"):
        load_study(PLANNED, runs, kept)
    (runs / RUNS[2] / "record.json").write_text(json.dumps(record()))
    assert len(load_study(PLANNED, runs, kept).records) == 4  # nobody needs it


def test_the_table_has_a_row_for_each_cell_and_seed():
    table = runs_table(PLANNED, dict.fromkeys(RUNS, read()))
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
    table = runs_table(PLANNED, dict.fromkeys(RUNS, read())).set_index("cell")
    assert table["method.si.strength"].map(str).to_dict() == {
        "none": "None",
        "mine-f-none": "None",
        "mine-f20": "3",
        "twin": "None",
    }


def test_each_row_has_the_scores_of_its_own_run():
    records = {run: read(correct=[[0] * 4, [n, 0, 0, 0]]) for n, run in enumerate(RUNS)}
    table = runs_table(PLANNED, records)
    expected = {run[-10:]: 100 * n / 20 for n, run in enumerate(RUNS)}
    assert table["overall"].tolist() == pytest.approx([expected[digest] for digest in table["digest"]])


def test_where_all_runs_diverged_the_scores_are_blank():
    lost = read(diverged={"task": 2, "iteration": 7, "term": "repulsion", "loss": 1e9})
    blank, full = (runs_table(PLANNED, dict.fromkeys(RUNS, one)) for one in (lost, read()))
    assert list(blank.columns) == list(full.columns)
    assert blank[["first20", "overall", "task2"]].isna().all(axis=None)


def test_a_run_that_diverged_has_a_row_and_no_scores():
    lost = read(diverged={"task": 2, "iteration": 7, "term": "repulsion", "loss": 1e9})
    table = runs_table(PLANNED, {**dict.fromkeys(RUNS, read()), RUNS[-1]: lost}).set_index("digest")
    row = table.loc[RUNS[-1][-10:]]
    assert row["status"] == "diverged in task 2"
    assert row[["first20", "first50", "overall", "forgetting", "task2"]].isna().all()
    assert (table.drop(row.name)["status"] == "finished").all()


def test_numbers_are_written_with_the_digits_they_have():
    noted = {"reconstruction": [0.5, 0.123456789], "competing": [0.0, 0.3], "repelled": [0.0, 0.1]}
    text = runs_csv(runs_table(PLANNED, dict.fromkeys(RUNS, read(instruments=noted))))
    back = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert (back["digest"][0], back["f"][0], back["f"][3], back["lambda_ra"][0]) == ("12345e6789", "", "20", "")
    assert (back["first50"][0], back["overall"][0]) == ("33.33", "55.0")
    assert (back["reconstruction"][0], back["dropped"][0]) == ("0.1235", "66.67")


@pytest.fixture
def folder(tmp_path):
    """The folder of a study, as the workflow writes it."""
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(PLANNED.to_dict()))
    write_lines(folder / "records.jsonl", [Line(run, record(seed=int(run[3]))) for run in RUNS])
    return folder


def test_a_study_is_read_from_its_folder_alone(folder):
    assert read_study(str(folder))["overall"].tolist() == pytest.approx([55] * 5)
    study = open_study(folder)
    assert study.plan.to_dict() == PLANNED.to_dict()
    assert {run.name: run.seed for run in study.plan.runs} == {run: int(run[3]) for run in RUNS}
    assert {run.name: run.settings.tasks for run in study.plan.runs} == {run: [[2, 0], [3, 1]] for run in RUNS}
    with pytest.raises(UserError, match=r"other is not the folder of a study: choose one of mine"):
        open_study(folder.parent / "other")


def test_a_plan_repeats_nothing_that_records_say():
    written = PLANNED.to_dict()
    assert not {"runs", "compute", "sources", "places"} & written.keys()
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


def test_runs_that_learned_from_different_arrays_are_no_pair():
    def records(of_one):
        digests = dict.fromkeys(RUNS, "a" * 64) | {"x-s0-12345e6789": of_one}
        return {run: {**record(seed=int("-s1-" in run)), "sha256": {"data": digests[run]}} for run in RUNS}

    treated, base = made(PLAN, records=records("a" * 64)).pair("mine-f20", "none")
    assert [*treated.index] == [*base.index] == [0]
    with pytest.raises(UserError, match="'mine-f20' and 'none' learned from different arrays at seed 0"):
        made(PLAN, records=records("b" * 64)).pair("mine-f20", "none")
