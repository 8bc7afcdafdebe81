"""Preparing the real digits, and refusing files that are none."""

import gzip

import numpy as np
import pytest
from raw_files import named, only_files

from exaggerated_replay.data.fetch import fetch
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError

DIGITS = {"digits.csv.gz": "sha256:09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"}

# How many images of 0, 1, ... 9 the publisher states for these 1,797 digits.
DIGITS_PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    fetch("digits", folder / "raw", DIGITS, ["package:sklearn/datasets/data"])
    prepare("digits", named(folder / "raw/digits.csv.gz"), folder / "digits.npz")
    return folder / "digits.npz"


def as_a_set(images):
    return sorted(np.asarray(image, dtype=np.uint8).tobytes() for image in images)


def test_digits_are_whole(digits):
    from sklearn.datasets import load_digits

    data = load(digits)
    assert len(data.x_train) + len(data.x_test) == 1797
    assert (data.classes, data.shape, data.inputs, data.scale, data.bounded) == (10, (8, 8), 64, 16.0, True)
    assert data.x_train.dtype == data.x_test.dtype == np.uint8
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert np.bincount(np.concatenate([data.y_train, data.y_test])).tolist() == DIGITS_PER_CLASS
    # Class by class, every fifth image of scikit-learn's own reading of the file is a test image.
    published = load_digits()
    for label in range(10):
        images = list(published.images[published.target == label])
        test = [image for n, image in enumerate(images, start=1) if n % 5 == 0]
        train = [image for n, image in enumerate(images, start=1) if n % 5 != 0]
        assert as_a_set(data.x_test[data.y_test == label]) == as_a_set(test)  # their order counts for nothing
        assert np.array_equal(data.x_train[data.y_train == label], train)


def test_digits_have_355_test_images(digits):
    data = load(digits)
    assert np.bincount(data.y_test).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    assert len(data.y_test) == 355


def test_preparing_again_gives_the_same_bytes(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 2e9)  # no clock may leak into the file
    prepare("digits", named(digits.parent / "raw/digits.csv.gz"), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == digits.read_bytes()
    assert only_files(tmp_path) == ["again.npz"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "64 values from 0 to 16"),
        ("1,2,3\n", "64 values from 0 to 16"),
        (",".join(["17"] * 64) + ",0\n", "64 values from 0 to 16"),
        (",".join(["-1"] * 64) + ",0\n", "64 values from 0 to 16"),
        (",".join(["0"] * 65) + "\n1,2\n", "not a table of integers"),
        ("a,b\n", "not a table of integers"),
        ("9" * 30 + "\n", "not a table of integers"),
    ],
)
def test_a_strange_digits_file_is_refused(text, message, tmp_path):
    (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=message) as error:
        prepare("digits", named(tmp_path / "digits.csv.gz"), tmp_path / "out.npz")
    assert str(tmp_path / "digits.csv.gz") in str(error.value)
    assert only_files(tmp_path) == ["digits.csv.gz"]
