"""Which classes each task brings: numbers, sizes, files, orders, superclasses."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from exaggerated_replay.data.facts import classes_of, image_values_of
from exaggerated_replay.data.prepared import relabel
from exaggerated_replay.data.tasks import class_order, tasks_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.data import DatasetSettings


def dataset(**changes):
    values = {
        "name": "own",
        "reader": "idx",
        "files": {"a.gz": "md5:1"},
        "tasks": 2,
        "classes": 4,
        "image_values": 9,
    }
    return DatasetSettings(**{**values, **changes})


def npz(folder, classes=4, name="own.npz", **changes):
    y = np.arange(classes).repeat(3)
    arrays = {"x_train": np.zeros((len(y), 5), np.float32), "y_train": y, "x_test": np.zeros((classes, 5), np.float32)}
    np.savez(folder / name, **{**arrays, "y_test": np.arange(classes), **changes})
    return folder / name


# ---------------------------------------------------------------- the order of classes


@given(classes=st.integers(1, 200), seed=st.integers(0, 2**63))
def test_the_class_order_is_a_permutation_of_plain_integers(classes, seed):
    order = class_order(classes, seed)
    assert sorted(order) == list(range(classes))
    assert all(type(c) is int for c in order)
    assert order == class_order(classes, seed)


def test_class_orders_are_pinned():
    # Every published number hangs on these: a change here makes old and new runs incomparable.
    assert class_order(10, 0) == [5, 9, 4, 6, 3, 8, 0, 1, 2, 7]
    assert class_order(10, 3) == [4, 0, 5, 6, 8, 3, 2, 9, 1, 7]


def test_seeds_give_different_orders_that_favour_no_class():
    orders = [class_order(10, seed) for seed in range(1000)]
    assert len({tuple(order) for order in orders}) == 1000
    # Each of the 100 (class, place) pairs is expected 100 times, give or take 9.5: allow five deviations.
    counts = Counter((order[place], place) for order in orders for place in range(10))
    assert len(counts) == 100
    assert min(counts.values()) > 52 and max(counts.values()) < 148


def test_nothing_else_shifts_the_class_order():
    np.random.seed(1)
    first = class_order(10, 5)
    np.random.seed(2)
    np.random.random(7)
    assert class_order(10, 5) == first


# ---------------------------------------------------------------- tasks


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
def test_a_number_of_tasks_cuts_the_drawn_order_equally(tasks, size, seed):
    found = tasks_of(dataset(tasks=tasks, classes=tasks * size), tasks * size, seed)
    assert [len(task) for task in found] == [size] * tasks
    assert list(chain(*found)) == class_order(tasks * size, seed)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_sizes_cut_the_drawn_order_as_they_say(sizes, seed):
    found = tasks_of(dataset(tasks=sizes, classes=sum(sizes)), sum(sizes), seed)
    assert [len(task) for task in found] == sizes
    assert list(chain(*found)) == class_order(sum(sizes), seed)


def test_an_order_of_ones_own_holds_for_every_seed():
    own = dataset(tasks=[1, 3], class_order=[3, 1, 0, 2])
    assert tasks_of(own, 4, 0) == tasks_of(own, 4, 7) == [[3], [1, 0, 2]]


@pytest.mark.parametrize("name", ["tasks.yaml", "tasks.json"])
def test_a_file_gives_tasks_for_every_seed(name, tmp_path):
    (tmp_path / name).write_text("[[3, 0], [2], [1]]")
    own = dataset(tasks=str(tmp_path / name))
    assert tasks_of(own, 4, 0) == tasks_of(own, 4, 7) == [[3, 0], [2], [1]]


def test_a_file_may_be_written_as_people_write_yaml(tmp_path):
    (tmp_path / "t.yaml").write_text("# two tasks\n- [3, 0]\n-\n  - 2\n  - 1\n")
    assert tasks_of(dataset(tasks=str(tmp_path / "t.yaml")), 4, 0) == [[3, 0], [2, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[0, 1], [2]]", "class 3 is missing"),
        ("[[0, 1], [2, 3, 1]]", "class 1 occurs twice"),
        ("[[0, 1], [2, 3, 4]]", "class 4 does not exist"),
        ("[[0, 1], [2, -3, 3]]", "class -3 does not exist"),
        ("[[0, 1], []]", "must be a list of tasks"),
        ("[]", "must be a list of tasks"),
        ("{a: 1}", "must be a list of tasks"),
        ("[[0, 1], [true, 3]]", "name classes by their numbers"),
        ("[[0, 1], [2.0, 3]]", "name classes by their numbers"),
        ("[[0, 1", "is not valid YAML"),
        ("a: 1\na: 2", "line 2, column 1: the key a stands twice"),
        ("[" * 5000, "is nested too deeply"),
        ("!!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
        ("- &all [0, 1]\n- *all", "aliases are not read, write the value out"),
    ],
)
def test_a_file_with_something_else_is_named(text, message, tmp_path):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        tasks_of(dataset(tasks=str(tmp_path / "t.yaml")), 4, 0)
    assert str(error.value).startswith("dataset.tasks: ")
    assert "t.yaml" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.json").write_bytes(b"\xff\xfe")
    for name, message in (
        ("absent.yaml", "there is no file"),
        (".", "cannot be read"),
        ("latin.json", "is not text in UTF-8: byte 1 is wrong"),
    ):
        with pytest.raises(UserError, match=message):
            tasks_of(dataset(tasks=str(tmp_path / name)), 4, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": 3}, r"dataset\.tasks is 3, but the 10 classes .* choose one of 1, 2, 5, 10, or give a list"),
        ({"tasks": 12}, r"dataset\.tasks is 12, but the 10 classes"),
        ({"tasks": [5, 4]}, "sizes that add up to 9, but there are 10 classes"),
        ({"class_order": [0, 1]}, r"dataset\.class_order must name every class from 0 to 9 .* class 2 is missing"),
        ({"class_order": [*range(9), 10]}, "class 9 is missing"),
        ({"class_order": [*range(10), 10]}, "class 10 does not exist"),
        ({"class_order": [*range(10), 3]}, "class 3 occurs twice"),
        ({"class_order": "apart", "superclasses": [[0, 1]]}, r"dataset\.superclasses must name .* class 2 is missing"),
    ],
)
def test_what_does_not_fit_the_classes_is_said(changes, message):
    with pytest.raises(UserError, match=message):
        tasks_of(dataset(**{"classes": 10, **changes}), 10, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": 0}, "greater than or equal to 1"),
        ({"tasks": [2, 0]}, "greater than or equal to 1"),
        ({"tasks": True}, "tasks"),
        ({"tasks": 2.5}, "tasks"),
        ({"tasks": "t.yaml", "class_order": [0, 1, 2, 3]}, "tasks is a file"),
        ({"class_order": "together"}, "needs superclasses"),
        ({"class_order": "shuffled"}, "class_order"),
        ({"class_order": [0, -1]}, "greater than or equal to 0"),
        ({"image_values": 0}, "greater than or equal to 1"),
        ({"image_values": None}, "image_values is missing: it can be left out only for a file of your own"),
        ({"classes": None}, "classes is missing: it can be left out only for a file of your own"),
        ({"name": "a/b"}, "use letters, digits, dashes and underscores"),
        ({"name": "$(touch x)"}, "use letters, digits"),
        ({"name": ""}, "use letters, digits"),
        ({"reader": "nowhere"}, "choose one of cifar, digits, idx, npz"),
        ({"reader": "__init__"}, "choose one of"),
        ({"files": {"../a": "md5:1"}}, "not the plain name of a file"),
        ({"reader": "npz", "files": {}}, "source is missing"),
    ],
)
def test_settings_out_of_bounds(changes, message):
    values = {"name": "own", "reader": "idx", "files": {"a": "md5:1"}, "tasks": 2, "classes": 4, "image_values": 9}
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(DatasetSettings).validate_python({**values, **changes})


# ---------------------------------------------------------------- superclasses


@st.composite
def grouped(draw):
    """Superclasses of any size over shuffled classes, and sizes of tasks that hold them all."""
    groups_of = draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    classes = draw(st.permutations(range(sum(groups_of))))
    groups, first = [], 0
    for size in groups_of:
        groups.append(classes[first : first + size])
        first += size
    sizes = []
    while sum(sizes) < len(classes):
        sizes.append(draw(st.integers(1, len(classes) - sum(sizes))))
    return groups, sizes


def placed(groups, sizes, way, seed):
    own = dataset(tasks=sizes, classes=sum(sizes), class_order=way, superclasses=groups)
    return tasks_of(own, sum(sizes), seed)


def shares(groups, tasks):
    """How many members of each superclass each task has."""
    return [[len(set(group) & set(task)) for task in tasks] for group in groups]


@given(grouped(), st.sampled_from(["together", "apart"]), st.integers(0, 99))
def test_every_class_once_in_tasks_of_the_sizes_asked_for(case, way, seed):
    groups, sizes = case
    tasks = placed(groups, sizes, way, seed)
    assert [len(task) for task in tasks] == sizes
    assert sorted(chain(*tasks)) == list(range(sum(sizes)))
    assert tasks == placed(groups, sizes, way, seed)


@given(grouped(), st.integers(0, 99))
def test_together_divides_at_most_one_superclass_per_border(case, seed):
    groups, sizes = case
    divisions = sum(
        sum(count > 0 for count in row) - 1 for row in shares(groups, placed(groups, sizes, "together", seed))
    )
    assert divisions <= len(sizes) - 1


@given(st.integers(1, 4), st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(0, 99))
def test_together_divides_none_where_sizes_allow(size, multiples, seed):
    classes = size * sum(multiples)
    groups = [list(range(first, first + size)) for first in range(0, classes, size)]
    tasks = placed(groups, [size * m for m in multiples], "together", seed)
    assert all(sorted(row) == [0] * (len(tasks) - 1) + [size] for row in shares(groups, tasks))


def fewest_pairs(groups, sizes):
    """The least number of pairs of one superclass in one task, by trying every way to share out the members."""
    best = [float("inf")]

    def share(left, task, pairs):
        if pairs >= best[0]:
            return
        if task == len(sizes):
            best[0] = pairs
            return

        def pick(index, counts, free):
            if index == len(left):
                if free == 0:
                    more = sum(c * (c - 1) // 2 for c in counts)
                    share([n - c for n, c in zip(left, counts, strict=True)], task + 1, pairs + more)
                return
            for count in range(min(free, left[index]) + 1):
                pick(index + 1, [*counts, count], free - count)

        pick(0, [], sizes[task])

    share([len(group) for group in groups], 0, 0)
    return best[0]


@given(st.integers(1, 3), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 9))
def test_apart_has_no_more_pairs_in_one_task_than_the_best_of_all_ways(size, sizes, seed):
    """Superclasses of one size, as CIFAR-100's are."""
    number = -(-sum(sizes) // size)
    sizes = [*sizes, number * size - sum(sizes)] if number * size > sum(sizes) else sizes
    groups = [list(range(first, first + size)) for first in range(0, number * size, size)]
    pairs = sum(c * (c - 1) // 2 for row in shares(groups, placed(groups, sizes, "apart", seed)) for c in row)
    assert pairs == fewest_pairs(groups, sizes)


@pytest.mark.parametrize("sizes", [[10] * 10, [50, 10, 10, 10, 10, 10], [5] * 20])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cifar_100s_superclasses_in_tasks_of_several_sizes(sizes, seed):
    groups = [list(range(5 * n, 5 * n + 5)) for n in range(20)]
    apart = shares(groups, placed(groups, sizes, "apart", seed))
    for task, size in enumerate(sizes):
        counts = [row[task] for row in apart]
        assert max(counts) - min(counts) <= 1 and sum(counts) == size
    together = shares(groups, placed(groups, sizes, "together", seed))
    assert all(max(row) == 5 for row in together)


def test_seeds_differ():
    groups = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    for way in ("together", "apart"):
        assert len({str(placed(groups, [3, 3, 3], way, seed)) for seed in range(20)}) > 10


# ---------------------------------------------------------------- what a user's file is asked


def test_a_users_file_says_what_the_settings_leave_out(tmp_path):
    own = dataset(reader="npz", files={}, source=str(npz(tmp_path)), classes=None, image_values=None)
    assert (classes_of(own), image_values_of(own)) == (4, 5)


def test_settings_are_believed_where_there_is_no_file_and_checked_where_there_is(tmp_path):
    assert (classes_of(dataset()), image_values_of(dataset())) == (4, 9)
    own = dataset(reader="npz", files={}, source=str(npz(tmp_path, 5)))
    with pytest.raises(UserError, match=r"dataset\.classes is 4, but .*own\.npz has 5"):
        classes_of(own)
    assert image_values_of(own) == 9  # feature vectors stand for images of another size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.arange(12) % 4 + 0.5}, "has dtype float64"),
        ({"y_train": np.array([2**60])}, "must hold every label"),
        ({"y_train": np.zeros(12, int), "y_test": np.zeros(4, int)}, "only the label 0"),
    ],
)
def test_labels_are_checked_when_planning(changes, message, tmp_path):
    own = dataset(reader="npz", files={}, source=str(npz(tmp_path, **changes)), classes=None)
    with pytest.raises(UserError, match=message):
        classes_of(own)
    with pytest.raises(UserError, match=r"there is no file .*absent\.npz"):
        classes_of(dataset(reader="npz", files={}, source=str(tmp_path / "absent.npz")))


# ---------------------------------------------------------------- labels


def test_relabel_by_hand():
    # Class 2 is seen first, then class 0, then class 1.
    labels = relabel(np.array([0, 1, 2, 2, 0]), [2, 0, 1])
    assert labels.tolist() == [1, 2, 0, 0, 1]
    assert labels.dtype == np.int64
    assert relabel(np.zeros(0, int), [2, 0, 1]).tolist() == []


@given(order=st.integers(1, 50).flatmap(lambda n: st.permutations(range(n))), data=st.data())
def test_relabel_is_the_inverse_of_the_class_order(order, data):
    assert sorted(relabel(np.arange(len(order)), order).tolist()) == list(range(len(order)))
    y = data.draw(st.lists(st.integers(0, len(order) - 1), min_size=1))
    assert [order[label] for label in relabel(np.array(y), order)] == y


@pytest.mark.parametrize("y", [[0, 1, 3], [-1, 0, 1]])
def test_relabel_refuses_classes_outside_the_tasks(y):
    with pytest.raises(UserError, match=f"have classes {y[0]} to {y[-1]}, but the tasks only 0 to 2"):
        relabel(np.array(y), [2, 0, 1])
