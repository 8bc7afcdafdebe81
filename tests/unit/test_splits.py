"""The split of a seed as a file."""

import json

import numpy as np
import pytest

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.data.splits import read_split, split_path, write_split
from exaggerated_replay.errors import UserError

TASKS = [[2, 0, 3], [1]]
DATA = "d" * 64


@pytest.fixture
def prepared():
    x = np.zeros((10, 2), dtype=np.float32)
    y = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    return Prepared(x_train=x, y_train=y, x_test=x[:5], y_test=np.array([0, 1, 2, 3, 3]), scale=1.0, bounded=True)


@pytest.fixture
def written(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = split_path(DATA, "cards", 7, TASKS)
    write_split(prepared, DATA, 7, TASKS, path)
    return path


def test_labels_follow_the_order_of_being_seen_and_samples_are_counted(written):
    first, second = read_split(written)["tasks"]
    # By hand: classes 2, 0, 3 have 4 + 3 + 1 training and 1 + 1 + 2 test samples; class 1 has 2 and 1.
    assert first == {"task": 1, "labels": [0, 1, 2], "classes": [2, 0, 3], "train": 8, "test": 4}
    assert second == {"task": 2, "labels": [3], "classes": [1], "train": 2, "test": 1}


def test_the_name_says_data_set_and_seed_and_changes_with_all_that_it_says():
    path = split_path(DATA, "cards", 7, TASKS)
    assert path.parent.name == "cards" and path.name.startswith("seed7-")
    others = [split_path("e" * 64, "cards", 7, TASKS), split_path(DATA, "cards", 7, [[2, 0], [3, 1]])]
    assert len({path.name, *(other.name for other in others)}) == 3


@pytest.mark.parametrize("key", ["classes", "labels"])
def test_a_reordered_split_is_refused(written, key):
    split = json.loads(written.read_text())
    split["tasks"][0][key].reverse()
    written.write_text(json.dumps(split))
    with pytest.raises(UserError, match="does not say what its name says"):
        read_split(written)


@pytest.mark.parametrize("text", ["{}", "[]", '{"tasks": 3}', "no JSON"])
def test_what_is_not_a_split_is_refused(written, text):
    written.write_text(text)
    with pytest.raises(UserError, match="seed7-"):
        read_split(written)
