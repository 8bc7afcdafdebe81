"""Scores against counts made by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.analysis.scores import (
    accuracy_matrix,
    first20_images,
    instruments,
    read_records,
    read_runs,
    runs_table,
    scores,
)
from exaggerated_replay.errors import UserError

COUNTS = {
    "tested": [4, 5, 10, 1],
    "correct": [[3, 4, 0, 0], [1, 2, 8, 0]],
    "predicted": [2, 8, 10, 0],
}


# ---------------------------------------------------------------- scores


def test_two_tasks_of_two_classes_by_hand():
    assert scores(COUNTS, tasks=2) == pytest.approx(
        {
            "first20": 25,  # label 0: 1 of 4
            "first50": 100 / 3,  # labels 0 and 1: 3 of 9
            "overall": 55,  # 11 of 20
            "macro_precision": 38.75,  # (1/2 + 2/8 + 8/10 + 0) / 4: nothing was taken for label 3
            "forgetting": 400 / 9,  # task 1: from 7 of 9 to 3 of 9
            "task1": 100 / 3,
            "task2": 800 / 11,
        }
    )


def test_seven_classes_are_cut_at_a_fifth_and_a_half_of_seven():
    counts = {"tested": [10] * 7, "correct": [[0] * 7] * 6 + [[1, 2, 3, 4, 5, 6, 7]], "predicted": [10] * 7}
    found = scores(counts, tasks=7)
    assert found["first20"] == pytest.approx(15)  # labels below 1.4: 3 of 20
    assert found["first50"] == pytest.approx(25)  # labels below 3.5: 10 of 40
    assert found["overall"] == pytest.approx(40)
    assert [found[f"task{t}"] for t in range(1, 8)] == pytest.approx([10, 20, 30, 40, 50, 60, 70])


@pytest.mark.parametrize(
    ("classes", "first20", "first50"),
    [(2, 1, 1), (3, 1, 2), (4, 1, 2), (5, 1, 3), (6, 2, 3), (9, 2, 5), (10, 2, 5), (11, 3, 6), (100, 20, 50)],
)
def test_how_many_of_the_first_classes_count(classes, first20, first50):
    for label in range(classes):
        hit = [int(label == other) for other in range(classes)]
        found = scores({"tested": [1] * classes, "correct": [hit], "predicted": [1] * classes}, tasks=1)
        assert found["first20"] == pytest.approx(100 / first20 if label < first20 else 0)
        assert found["first50"] == pytest.approx(100 / first50 if label < first50 else 0)


def test_forgetting_is_from_the_best_to_the_last_over_all_tasks_but_the_last():
    counts = {
        "tested": [10, 10, 10],
        "correct": [[8, 0, 0], [9, 7, 0], [5, 6, 4]],  # 8, 9, 5 of task 1; 7, 6 of task 2
        "predicted": [10, 10, 10],
    }
    assert scores(counts, tasks=3)["forgetting"] == pytest.approx((40 + 10) / 2)


def test_what_got_better_was_not_forgotten():
    counts = {"tested": [10, 10], "correct": [[3, 0], [9, 4]], "predicted": [10, 10]}
    assert scores(counts, tasks=2)["forgetting"] == 0


def test_a_single_task_is_not_forgotten():
    assert scores({"tested": [5, 5], "correct": [[1, 2]], "predicted": [5, 5]}, tasks=1)["forgetting"] == 0


def test_accuracy_weighs_images_and_macro_precision_classes():
    counts = {"tested": [90, 10], "correct": [[90, 0]], "predicted": [100, 0]}  # everything taken for label 0
    assert scores(counts, tasks=1)["overall"] == pytest.approx(90)
    assert scores(counts, tasks=1)["macro_precision"] == pytest.approx((90 + 0) / 2)


@st.composite
def runs_counts(draw):
    tasks, per_task = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    classes = tasks * per_task
    tested = draw(st.lists(st.integers(1, 20), min_size=classes, max_size=classes))
    correct = [
        [draw(st.integers(0, n)) if label < t * per_task else 0 for label, n in enumerate(tested)]
        for t in range(1, tasks + 1)
    ]
    predicted = [hits + draw(st.integers(0, 20)) for hits in correct[-1]]
    return {"tested": tested, "correct": correct, "predicted": predicted}, tasks


@given(runs_counts())
def test_scores_of_any_run_are_percentages_that_fit_together(run):
    counts, tasks = run
    found = scores(counts, tasks)
    assert all(-1e-9 <= value <= 100 + 1e-9 for value in found.values())
    by_task = [found[f"task{t}"] for t in range(1, tasks + 1)]
    assert min(by_task) - 1e-9 <= found["overall"] <= max(by_task) + 1e-9
    images = np.array(counts["tested"]).reshape(tasks, -1).sum(1)
    assert found["overall"] == pytest.approx(np.average(by_task, weights=images))


# ---------------------------------------------------------------- the matrix


def test_the_matrix_by_hand():
    matrix = accuracy_matrix(COUNTS, tasks=2)
    assert matrix[0, 0] == pytest.approx(700 / 9)
    assert matrix[1].tolist() == pytest.approx([300 / 9, 800 / 11])
    assert math.isnan(matrix[0, 1])


@given(runs_counts())
def test_the_matrix_is_lower_triangular_and_ends_in_the_final_accuracies(run):
    counts, tasks = run
    matrix = accuracy_matrix(counts, tasks)
    assert matrix.shape == (tasks, tasks)
    known = ~np.isnan(matrix)
    assert [known[i, j] for i in range(tasks) for j in range(tasks)] == [
        j <= i for i in range(tasks) for j in range(tasks)
    ]
    assert matrix[-1].tolist() == [scores(counts, tasks)[f"task{t}"] for t in range(1, tasks + 1)]


# ---------------------------------------------------------------- instruments


def test_reconstruction_is_that_of_the_last_task():
    assert instruments({"reconstruction": [3.0, 2.0, 1.5]}) == {"reconstruction": 1.5, "dropped": None}


def test_dropped_is_the_share_of_competing_samples_that_were_not_repelled():
    # Nobody competes in the first task; 0.5 + 0.7 of the samples do in the next two, and 0.4 + 0.5 are repelled.
    noted = {"competing": [0.0, 0.5, 0.7], "repelled": [0.0, 0.4, 0.5]}
    assert instruments(noted)["dropped"] == pytest.approx(25)
    assert instruments({"competing": [0.0, 0.0], "repelled": [0.0, 0.0]})["dropped"] is None
    assert instruments({}) == {"reconstruction": None, "dropped": None}


# ---------------------------------------------------------------- records and the table


def record(**counts):
    environment = {"device": "cpu", "torch": "2.0"}
    return {"counts": {**COUNTS, **counts}, "environment": environment, "instruments": {}}


def cell(arm, method, *runs):
    config = {"method": method, "training": {"iterations": 30}}
    return {
        "arm": arm,
        "config": config,
        "runs": [{"seed": s, "digest": d, "directory": f"results/runs/x-s{s}-{d}"} for s, d in runs],
    }


PLAN = {
    "dataset": {"tasks": 2},
    "cells": {
        "none": cell("none", {"method": "none"}, (0, "12345e6789"), (1, "0000000002")),
        "mine-f-none": cell("mine", {"f": "none", "lambda_rr": 1e-6, "lambda_ra": 0.0}, (0, "000000000c")),
        "mine-f20": cell("mine", {"f": 20.0, "lambda_rr": 1e-6, "lambda_ra": 0.0}, (0, "000000000d")),
        "twin": cell("twin", {"f": 20.0, "lambda_rr": 1e-6, "lambda_ra": 0.0}, (0, "000000000d")),
    },
}
DIRECTORIES = sorted({run["directory"] for cell in PLAN["cells"].values() for run in cell["runs"]})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder where every run of the plan is finished."""
    monkeypatch.chdir(tmp_path)
    for directory in DIRECTORIES:
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "record.json").write_text(json.dumps(record()))
    return tmp_path


def test_every_run_is_read_once(repository):
    records = read_records(PLAN)
    assert list(records) == DIRECTORIES
    assert len(records) == 4
    assert all(found == record() for found in records.values())


def test_a_missing_record_is_named(repository):
    (repository / DIRECTORIES[2] / "record.json").unlink()
    with pytest.raises(UserError, match=DIRECTORIES[2]):
        read_records(PLAN)


def test_the_table_has_a_row_for_each_cell_and_seed():
    table = runs_table(PLAN, dict.fromkeys(DIRECTORIES, record()))
    assert list(table.columns) == [
        *["digest", "cell", "arm", "seed", "iterations", "f", "lambda_rr", "lambda_ra"],
        *["first20", "first50", "overall", "macro_precision", "forgetting", "task1", "task2"],
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


def test_each_row_has_the_scores_of_its_own_run():
    records = {directory: record(correct=[[0] * 4, [n, 0, 0, 0]]) for n, directory in enumerate(DIRECTORIES)}
    table = runs_table(PLAN, records)
    expected = {directory[-10:]: 100 * n / 20 for n, directory in enumerate(DIRECTORIES)}
    assert table["overall"].tolist() == pytest.approx([expected[digest] for digest in table["digest"]])


def test_the_table_comes_back_from_its_file_with_digests_and_names_as_they_were(tmp_path):
    table = runs_table(PLAN, dict.fromkeys(DIRECTORIES, record()))
    table.to_csv(tmp_path / "runs.csv", index=False)
    back = read_runs(tmp_path / "runs.csv")
    for column in ("digest", "cell", "arm", "seed", "iterations", "device"):
        assert back[column].tolist() == table[column].tolist(), column
    assert back["overall"].tolist() == table["overall"].tolist()
    assert back["f"].isna().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("name", ["none", "NA", "nan", "null", "12", "1e3", "True"])
def test_an_arm_may_have_any_name(tmp_path, name):
    pd.DataFrame([{"digest": "a", "cell": name, "arm": name, "overall": 1.0}]).to_csv(tmp_path / "runs.csv")
    back = read_runs(tmp_path / "runs.csv")
    assert (back["cell"][0], back["arm"][0]) == (name, name)


def test_the_images_of_the_first_fifth_are_those_of_the_labels_below_it(repository):
    assert first20_images(PLAN) == 4  # label 0 of four
    path = repository / DIRECTORIES[0] / "record.json"
    path.write_text(json.dumps(record(tested=[12, 5, 10, 1])))
    assert first20_images(PLAN) == 6  # the mean of 12, 4, 4 and 4


def test_seven_classes_have_two_in_the_first_fifth(repository):
    for directory in DIRECTORIES:
        (repository / directory / "record.json").write_text(json.dumps(record(tested=[1, 2, 4, 8, 16, 32, 64])))
    assert first20_images(PLAN) == 3
