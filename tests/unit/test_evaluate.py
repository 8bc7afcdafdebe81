"""Scores against counts made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import made, whole

from exaggerated_replay.analysis.study.scores import (
    accuracy_matrix,
    instruments,
    scores,
)
from exaggerated_replay.store.records import Record
from exaggerated_replay.wording import significant

COUNTS = {
    "tested": [4, 5, 10, 1],
    "correct": [[3, 4, 0, 0], [1, 2, 8, 0]],
    "predicted": [2, 8, 10, 0],
}


# ---------------------------------------------------------------- scores


def test_two_tasks_of_two_classes_by_hand():
    assert scores(COUNTS, [2, 2]) == pytest.approx(
        {
            "first20": 25,  # label 0: 1 of 4
            "first50": 100 / 3,  # labels 0 and 1: 3 of 9
            "overall": 55,  # 11 of 20
            "macro_precision": 38.75,  # (1/2 + 2/8 + 8/10 + 0) / 4: nothing was taken for label 3
            "forgetting": 400 / 9,  # task 1: from 7 of 9 to 3 of 9
            "average_incremental": (700 / 9 + 55) / 2,  # 7 of 9, then 11 of 20
            "backward_transfer": -400 / 9,
            "new_tasks": (700 / 9 + 800 / 11) / 2,
            "task1": 100 / 3,
            "task2": 800 / 11,
        }
    )


def test_transfer_and_incremental_accuracy_on_a_matrix_made_by_hand():
    # Three tasks of a class each; after task 1, 2, 3 in percent: 80 | 50 90 | 50 60 90, and of all 80 | 23/30 | 26/40.
    counts = {"tested": [10, 20, 10], "correct": [[8, 0, 0], [5, 18, 0], [5, 12, 9]], "predicted": [9, 20, 11]}
    found = scores(counts, [1, 1, 1])
    assert found["average_incremental"] == pytest.approx((80 + 100 * 23 / 30 + 65) / 3)
    assert found["backward_transfer"] == pytest.approx(((50 - 80) + (60 - 90)) / 2)
    assert found["new_tasks"] == pytest.approx((80 + 90 + 90) / 3)


def test_what_later_tasks_add_to_an_earlier_one_is_a_transfer_and_forgetting_below_zero():
    counts = {"tested": [10, 10], "correct": [[4, 0], [7, 9]], "predicted": [10, 10]}
    found = scores(counts, [1, 1])
    assert (found["backward_transfer"], found["forgetting"]) == (pytest.approx(30), pytest.approx(-30))


def test_one_task_transfers_nothing():
    found = scores({"tested": [4, 4], "correct": [[1, 2]], "predicted": [4, 4]}, [2])
    assert (found["backward_transfer"], found["average_incremental"], found["new_tasks"]) == (0, 37.5, 37.5)


def test_seven_classes_are_cut_at_a_fifth_and_a_half_of_seven():
    counts = {"tested": [10] * 7, "correct": [[0] * 7] * 6 + [[1, 2, 3, 4, 5, 6, 7]], "predicted": [10] * 7}
    found = scores(counts, [1] * 7)
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
        found = scores({"tested": [1] * classes, "correct": [hit], "predicted": [1] * classes}, [classes])
        assert found["first20"] == pytest.approx(100 / first20 if label < first20 else 0)
        assert found["first50"] == pytest.approx(100 / first50 if label < first50 else 0)
        assert found["macro_precision"] == pytest.approx(100 / classes)  # each was taken for a label of its own


def test_forgetting_is_from_the_best_before_the_last_task_to_the_end_over_all_tasks_but_the_last():
    counts = {
        "tested": [10, 10, 10],
        "correct": [[8, 0, 0], [9, 7, 0], [5, 9, 4]],  # 8, 9, 5 of task 1: 4 lost; 7, 9 of task 2: 2 gained
        "predicted": [10, 10, 10],
    }
    assert scores(counts, [1, 1, 1])["forgetting"] == pytest.approx((40 - 20) / 2)


def test_of_a_single_task_nothing_is_forgotten():
    assert scores({"tested": [10, 10], "correct": [[3, 4]], "predicted": [10, 10]}, [2])["forgetting"] == 0


def test_a_single_task_is_not_forgotten():
    assert scores({"tested": [5, 5], "correct": [[1, 2]], "predicted": [5, 5]}, [2])["forgetting"] == 0


def test_accuracy_weighs_images_and_macro_precision_classes():
    counts = {"tested": [90, 10], "correct": [[90, 0]], "predicted": [100, 0]}  # everything taken for label 0
    assert scores(counts, [2])["overall"] == pytest.approx(90)
    assert scores(counts, [2])["macro_precision"] == pytest.approx((90 + 0) / 2)


@st.composite
def runs_counts(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    classes, ends = sum(sizes), np.cumsum(sizes)
    tested = draw(st.lists(st.integers(1, 20), min_size=classes, max_size=classes))
    correct = [[draw(st.integers(0, n)) if label < end else 0 for label, n in enumerate(tested)] for end in ends]
    predicted = [hits + draw(st.integers(0, 20)) for hits in correct[-1]]
    return {"tested": tested, "correct": correct, "predicted": predicted}, sizes


@given(runs_counts())
def test_scores_of_any_run_are_percentages_that_fit_together(run):
    counts, sizes = run
    found = scores(counts, sizes)
    forgetting = found.pop("forgetting")
    assert -100 - 1e-9 <= forgetting <= 100 + 1e-9
    assert -forgetting - 1e-9 <= found.pop("backward_transfer") <= 100 + 1e-9
    assert all(-1e-9 <= value <= 100 + 1e-9 for value in found.values())
    by_task = [found[f"task{t}"] for t in range(1, len(sizes) + 1)]
    assert min(by_task) - 1e-9 <= found["overall"] <= max(by_task) + 1e-9
    starts = [sum(sizes[:t]) for t in range(len(sizes))]
    images = [sum(counts["tested"][start : start + size]) for start, size in zip(starts, sizes, strict=True)]
    assert found["overall"] == pytest.approx(np.average(by_task, weights=images))


def test_tasks_of_different_sizes_by_hand():
    counts = {
        "tested": [10] * 5,
        "correct": [[9, 7, 5, 0, 0], [3, 3, 3, 6, 0], [2, 1, 0, 5, 10]],  # tasks of 3, 1 and 1 classes
        "predicted": [10] * 5,
    }
    found = scores(counts, [3, 1, 1])
    assert (found["task1"], found["task2"], found["task3"]) == pytest.approx((10, 50, 100))
    assert found["forgetting"] == pytest.approx((70 - 10 + 60 - 50) / 2)
    assert found["first20"] == pytest.approx(20)  # label 0: by classes, whatever the tasks
    assert found["first50"] == pytest.approx(10)  # labels 0, 1, 2
    assert accuracy_matrix(counts, [3, 1, 1])[1, :2].tolist() == pytest.approx([30, 60])


# ---------------------------------------------------------------- the matrix


def test_the_matrix_by_hand():
    matrix = accuracy_matrix(COUNTS, [2, 2])
    assert matrix[0, 0] == pytest.approx(700 / 9)
    assert matrix[1].tolist() == pytest.approx([300 / 9, 800 / 11])
    assert math.isnan(matrix[0, 1])


@given(runs_counts())
def test_the_matrix_is_lower_triangular_and_ends_in_the_final_accuracies(run):
    counts, sizes = run
    tasks = len(sizes)
    matrix = accuracy_matrix(counts, sizes)
    assert matrix.shape == (tasks, tasks)
    known = ~np.isnan(matrix)
    assert [known[i, j] for i in range(tasks) for j in range(tasks)] == [
        j <= i for i in range(tasks) for j in range(tasks)
    ]
    assert matrix[-1].tolist() == [scores(counts, sizes)[f"task{t}"] for t in range(1, tasks + 1)]


# ---------------------------------------------------------------- instruments


def test_reconstruction_is_that_of_the_last_task():
    assert instruments({"reconstruction": [3.0, 2.0, 1.5]}) == {"reconstruction": 1.5, "dropped": None}


def test_dropped_is_the_share_of_competing_samples_that_were_not_repelled():
    # Nobody competes in the first task; 0.5 + 0.7 of the samples do in the next two, and 0.4 + 0.5 are repelled.
    noted = {"competing": [0.0, 0.5, 0.7], "repelled": [0.0, 0.4, 0.5]}
    assert instruments(noted)["dropped"] == pytest.approx(25)
    assert instruments({"competing": [0.0, 0.0], "repelled": [0.0, 0.0]})["dropped"] is None
    assert instruments({}) == {"reconstruction": None, "dropped": None}
    assert instruments({"competing": [0.0, 0.5]})["dropped"] is None  # a method that notes no more than this


def test_numbers_keep_the_digits_that_every_processor_agrees_on():
    assert [significant(x) for x in (0.000123456, 123456.0, -9.99999)] == [0.0001235, 123500, -10]
    assert math.isnan(significant(math.nan))


def counted(tested):
    return Record.of(whole({"counts": {"correct": [tested], "tested": tested, "predicted": tested}}))


def test_one_image_is_what_the_smallest_test_set_makes_of_it():
    lost = Record.of(whole({"diverged": {"task": 1}}))
    records = [counted(tested) for tested in ([4, 5, 10, 1], [12, 5, 10, 1])]
    assert made({}, records=dict(enumerate(records)) | {"x": lost}).one_image["first20"] == 25  # label 0 of four: 4
    assert made({}, records={"a": counted([1, 2, 4, 8, 16, 32, 64])}).one_image["first20"] == 100 / 3  # seven have two
    assert made({}, records={"a": counted([1, 2, 4, 8, 16, 32])}).one_image["first20"] == 100 / 3  # and so have six
    assert made({}).one_image["first20"] == 0
