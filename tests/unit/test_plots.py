"""What `dvc plots` draws, by hand."""

from studies import made

from exaggerated_replay.publishing.plots import plot_tables

COUNTS = [
    # Two tasks of two classes, 10 + 10 and 30 + 30 test images.
    {"correct": [[5, 5, 0, 0], [2, 2, 15, 15]], "tested": [10, 10, 30, 30], "predicted": [0] * 4},
    {"correct": [[10, 10, 0, 0], [4, 4, 30, 30]], "tested": [10, 10, 30, 30], "predicted": [0] * 4},
]


def study(counts=COUNTS, tasks=([3, 1], [0, 2])):
    """Return a study whose cell in focus has runs with these counts, and other cells, two of the same arm."""
    names = [("mine", 10, f"a{seed}", count) for seed, count in enumerate(counts)]
    names += [("mine-iterations5", 5, "b0", COUNTS[1]), ("other", 5, "c0", COUNTS[1]), ("mine-f9", 5, "d0", COUNTS[0])]
    cells, records = {}, {}
    for cell, iterations, run, count in names:
        config = {"method": {"f": 9} if cell == "mine-f9" else {}, "training": {"iterations": iterations}}
        described = cells.setdefault(cell, {"arm": cell.partition("-")[0], "config": config, "runs": []})
        described["runs"].append({"seed": len(described["runs"]), "digest": run, "directory": f"results/runs/{run}"})
        records[run] = {
            "settings": {"tasks": tasks},
            "counts": count,
            "diverged": None if count else {"task": 1},
            "instruments": {},
            "environment": {"device": "cpu", "torch": "2"},
        }
    return made({"focus": "mine", "cells": cells}, records=records)


def test_the_tables_by_hand():
    tables = plot_tables(study())
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
        "first20": [40, 30],  # label 0: 4 of 10; 2 and 4 of 10
        "first50": [40, 30],
        "overall": [85, 63.75],  # 68 of 80; 34 and 68 of 80
    }


def test_tasks_may_differ_in_size():
    counts = [{**count, "correct": [[one[0], 0, 0, 0], last]} for count in COUNTS for one, last in [count["correct"]]]
    tables = plot_tables(study(counts, tasks=([3], [0, 1, 2])))
    assert tables["task_accuracy"].to_dict("list") == {"task": [1, 2], "accuracy": [30, 68.57]}  # 3 of 10; 48 of 70
    assert tables["learning"]["accuracy"].tolist() == [75, 63.75]  # 51 of 80


def test_seeds_whose_tasks_have_other_numbers_of_test_images_count_alike():
    counts = [
        {"correct": [[10, 0], [5, 45]], "tested": [10, 90], "predicted": [0] * 2},  # 50 % in the end
        {"correct": [[90, 0], [90, 0]], "tested": [90, 10], "predicted": [0] * 2},  # 90 %
    ]
    assert plot_tables(study(counts, tasks=([1], [0])))["learning"]["accuracy"].tolist() == [100, 70]


def test_runs_that_diverged_are_left_out():
    tables = plot_tables(study([COUNTS[1], None]))
    assert tables["task_accuracy"]["accuracy"].tolist() == [40, 100]
    assert tables["convergence"]["overall"].tolist() == [85, 85]
    assert plot_tables(study([None, None]))["learning"].empty
