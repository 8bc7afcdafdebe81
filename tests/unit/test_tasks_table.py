"""Runs task by task, against counts made by hand."""

import math

import pytest
from studies import made, planned

from exaggerated_replay.analysis.study.tasks import learning_table, reference_of, tasks_table
from exaggerated_replay.settings.methods import use_own


def record(*correct):
    counts = {"tested": [10, 20, 10], "correct": [*correct], "predicted": [9, 20, 11]}
    return {"settings": {"tasks": [[2, 0], [1]]}, "counts": counts}


RECORDS = {
    "er-s0-1": record([8, 10, 0], [5, 5, 9]),  # labels 0 and 1 are task 1: 18 of 30, then 10 of 30 and 9 of 10
    "er-s1-2": record([9, 18, 0], [3, 9, 7]),  # 27 of 30, then 12 of 30 and 7 of 10
    "joint-s0-3": record([9, 15, 0], [8, 16, 8]),  # 24 of 30, then 24 of 30 and 8 of 10
    "joint-s1-4": {"settings": {"tasks": [[2, 0], [1]]}, "counts": None, "diverged": {"task": 1}},
}


def cell(method, *runs, units=10):
    config = {"method": {"method": method}, "model": {"units": units}, "training": {}, "dataset": {}}
    return {
        "config": config,
        "runs": [{"seed": int(run.split("-s")[1][0]), "directory": f"results/runs/{run}"} for run in runs],
    }


STUDY = made(
    {"cells": {"er": cell("er", "er-s0-1", "er-s1-2"), "joint": cell("joint", "joint-s0-3", "joint-s1-4")}},
    records=RECORDS,
)


def test_every_task_after_every_task():
    table = tasks_table(STUDY)
    assert list(table.columns) == ["cell", "seed", "after_task", "on_task", "accuracy", "tested"]
    first = table[(table["cell"] == "er") & (table["seed"] == 0)]
    assert first[["after_task", "on_task", "tested"]].to_numpy().tolist() == [[1, 1, 30], [2, 1, 30], [2, 2, 10]]
    assert first["accuracy"].tolist() == pytest.approx([60, 100 / 3, 90])
    assert set(zip(table["cell"], table["seed"], strict=True)) == {("er", 0), ("er", 1), ("joint", 0)}


def test_what_cells_had_reached_after_each_task():
    table = learning_table(STUDY).set_index(["cell", "after_task"])
    assert table.loc[("er", 1)].to_dict() == pytest.approx(
        # 60 and 90 %; the reference has 80 at seed 0 alone
        {"classes": 2, "seeds": 2, "accuracy": 75, "sd": 21.21, "on_new_task": 75, "intransigence": 20}
    )
    assert table.loc[("er", 2)].to_dict() == pytest.approx(
        # 19 and 19 of 40; 90 and 70 % on the new task, where the reference has 80 at seed 0: a transfer forward
        {"classes": 3, "seeds": 2, "accuracy": 47.5, "sd": 0, "on_new_task": 80, "intransigence": -10}
    )
    assert table.loc[("joint", 2), "intransigence"] == 0
    assert math.isnan(table.loc[("joint", 2), "sd"])


MINE = """
from exaggerated_replay.settings.run import MethodSettings
class Settings(MethodSettings):
    draws_from = "tasks so far"
METHOD = int
"""


def test_the_reference_draws_from_all_tasks_so_far_and_has_the_same_settings(tmp_path):
    other = planned({"cells": {"er": cell("er"), "joint": cell("joint", units=20), "twin": cell("joint")}})
    assert [reference_of(other, name) for name in other.cells] == ["twin", "joint", "twin"]
    other = planned({"cells": {"er": cell("er"), "mine": cell("mine"), "gone": cell("gone")}})
    assert reference_of(other, "er") is None
    (tmp_path / "mine.py").write_text(MINE)
    use_own({"mine": str(tmp_path / "mine.py")})
    assert reference_of(other, "er") == "mine"
    use_own({})
    alone = made({"cells": {"er": cell("er", "er-s0-1")}}, records=RECORDS)
    assert learning_table(alone)["intransigence"].isna().all()
