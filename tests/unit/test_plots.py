"""What `dvc plots` draws, by hand."""

import pandas as pd
import pytest

from exaggerated_replay.analysis.plots import plot_tables, write_plots
from exaggerated_replay.files import write_json

COUNTS = [
    # Two tasks of two classes, 10 + 10 and 30 + 30 test images.
    {"correct": [[5, 5, 0, 0], [2, 2, 15, 15]], "tested": [10, 10, 30, 30], "predicted": [0] * 4},
    {"correct": [[10, 10, 0, 0], [4, 4, 30, 30]], "tested": [10, 10, 30, 30], "predicted": [0] * 4},
]
PLAN = {
    "focus": "mine",
    "dataset": {"tasks": 2},
    "cells": {
        "mine": {"arm": "mine", "runs": [{"directory": "a"}, {"directory": "b"}]},
        "mine-iterations5": {"arm": "mine", "runs": []},
        "other": {"arm": "other", "runs": []},
    },
}
RECORDS = [{"counts": count} for count in COUNTS]
RUNS = pd.DataFrame(
    [("mine", 10, 1.0), ("mine", 10, 2.0), ("mine", 5, 0.5), ("other", 5, 9.0)],
    columns=["arm", "iterations", "overall"],
).assign(first20=3.0, first50=4.0)


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A folder with the records of the cell in focus, and of no other."""
    monkeypatch.chdir(tmp_path)
    for directory, record in zip("ab", RECORDS, strict=True):
        write_json(tmp_path / directory / "record.json", record)
    return tmp_path


def test_the_tables_by_hand():
    tables = plot_tables(PLAN, RECORDS, RUNS)
    assert tables["task_accuracy"].to_dict("list") == {"task": [1, 2], "accuracy": [30, 75]}
    # After task 2: 20 images at 30 %, 60 at 75 %.
    assert tables["learning"].to_dict("list") == {"after_task": [1, 2], "accuracy": [75, 63.75]}
    assert tables["accuracy_matrix"].to_dict("list") == {
        "after_task": [1, 2, 2],
        "on_task": [1, 1, 2],
        "accuracy": [75, 30, 75],
    }
    assert tables["convergence"].to_dict("list") == {
        "iterations": [5, 10],
        "first20": [3, 3],
        "first50": [4, 4],
        "overall": [0.5, 1.5],
    }


def test_each_file_holds_the_table_of_its_name(finished):
    targets = [finished / "deep" / f"{name}.csv" for name in ("learning", "convergence")]
    write_plots(PLAN, RUNS, targets)
    assert pd.read_csv(targets[0])["accuracy"].tolist() == [75, 63.75]
    assert pd.read_csv(targets[1])["overall"].tolist() == [0.5, 1.5]


def test_unknown_names_are_a_mistake_of_the_caller(finished):
    with pytest.raises(KeyError):
        write_plots(PLAN, RUNS, [finished / "other.csv"])
    assert not (finished / "other.csv").exists()
