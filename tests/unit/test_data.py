"""Preparing data, on handmade files and the real digits."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exaggerated_replay.data import arrays as arrays_module
from exaggerated_replay.data.fetch import fetch
from exaggerated_replay.data.prepare import hold_out, prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import replacing

DIGITS = {"digits.csv.gz": "sha256:09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"}

# How many images of 0, 1, ... 9 the publisher states for these 1,797 digits.
DIGITS_PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def only_files(folder: Path) -> list[str]:
    """Every file and folder below, hidden and temporary ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# ---------------------------------------------------------------- files that appear whole or not at all


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "new folder" / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert only_files(tmp_path) == ["new folder", "new folder/a.txt"]


def named(*files: Path) -> dict[str, Path]:
    """Raw files as the readers take them."""
    return {file.name: file for file in files}


# ---------------------------------------------------------------- the digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    fetch("digits", folder / "raw", DIGITS, ["package:sklearn/datasets/data"])
    prepare("digits", named(folder / "raw/digits.csv.gz"), folder / "digits.npz")
    return folder / "digits.npz"


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
        assert np.array_equal(data.x_test[data.y_test == label], test)
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


# ---------------------------------------------------------------- idx files


def idx(*shape: int, values: bytes, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def idx_folder(folder: Path, **changes: bytes) -> list[Path]:
    """Three training and two test images of 2x3 pixels, classes 0 and 1."""
    contents = {
        "train-images-idx3-ubyte.gz": idx(3, 2, 3, values=bytes(range(18))),
        "train-labels-idx1-ubyte.gz": idx(3, values=bytes([1, 0, 1])),
        "t10k-images-idx3-ubyte.gz": idx(2, 2, 3, values=bytes(range(244, 256))),
        "t10k-labels-idx1-ubyte.gz": idx(2, values=bytes([0, 1])),
    }
    short = {"x": "train-images-idx3-ubyte.gz", "y": "train-labels-idx1-ubyte.gz"}
    contents.update({short[key]: content for key, content in changes.items()})
    for name, content in contents.items():
        (folder / name).write_bytes(gzip.compress(content))
    return [folder / name for name in contents]


def test_idx_files_are_read_in_any_order(tmp_path):
    sources = idx_folder(tmp_path)
    prepare("idx", named(*sources[::-1]), tmp_path / "out" / "x.npz")
    data = load(tmp_path / "out" / "x.npz")
    assert data.x_train.tolist() == [
        [[0, 1, 2], [3, 4, 5]],
        [[6, 7, 8], [9, 10, 11]],
        [[12, 13, 14], [15, 16, 17]],
    ]
    assert data.x_test.tolist() == [
        [[244, 245, 246], [247, 248, 249]],
        [[250, 251, 252], [253, 254, 255]],
    ]
    assert data.y_train.tolist() == [1, 0, 1]
    assert data.y_test.tolist() == [0, 1]
    assert (data.classes, data.shape, data.inputs, data.scale, data.bounded) == (2, (2, 3), 6, 255.0, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": b""}, "not an idx file"),
        ({"x": b"\0\0\x08"}, "not an idx file"),
        ({"x": b"\0\0\x08\x03\0\0"}, "not an idx file"),
        ({"x": b"\0\0\x08\x00"}, "not an idx file"),
        ({"x": idx(3, 2, 3, values=bytes(18), kind=13)}, "not an idx file"),
        ({"x": b"\1" + idx(3, 2, 3, values=bytes(18))[1:]}, "not an idx file"),
        ({"x": idx(3, 2, 3, values=bytes(17))}, "announces 18 values but holds 17"),
        ({"x": idx(3, 2, 3, values=bytes(19))}, "announces 18 values but holds more"),
        ({"x": idx(2, 2, 3, values=bytes(12))}, "x_train .* has length 2 but y_train 3"),
        ({"x": idx(3, 3, 2, values=bytes(18))}, r"x_train is uint8 of shape \(3, 2\) .* shape \(2, 3\)"),
        ({"x": idx(0, 2, 3, values=b"")}, "x_train .* is empty"),
        ({"y": idx(3, 1, 2, values=bytes(6))}, r"y_train .* has shape \(3, 1, 2\)"),
        ({"y": idx(3, values=bytes([1, 1, 1]))}, "y_train .* missing 0"),
    ],
)
def test_a_damaged_idx_file_is_refused(changes, message, tmp_path):
    sources = idx_folder(tmp_path, **changes)
    before = only_files(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        prepare("idx", named(*sources), tmp_path / "out.npz")
    assert str(tmp_path) in str(error.value)
    assert only_files(tmp_path) == before


def test_a_damaged_or_absent_gzip_file_is_named(tmp_path):
    sources = idx_folder(tmp_path)
    before = only_files(tmp_path)
    whole = sources[0].read_bytes()
    # Cut short, no gzip at all, and (byte 10, where the compressed data begins) no valid compression.
    for damaged in (whole[:-9], whole[:5], b"plain text", whole[:10] + b"\xff" + whole[11:]):
        sources[0].write_bytes(damaged)
        with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is not"):
            prepare("idx", named(*sources), tmp_path / "out.npz")
    with pytest.raises(UserError, match=r"^train-images-idx3-ubyte\.gz is not among"):
        prepare("idx", named(*sources[1:]), tmp_path / "out.npz")
    assert only_files(tmp_path) == before
    sources[0].unlink()
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz does not exist; fetch"):
        prepare("idx", named(*sources), tmp_path / "out.npz")
    assert "out.npz" not in only_files(tmp_path)


# ---------------------------------------------------------------- a user's own .npz


def own(**changes) -> dict:
    """Four training and two test vectors of three float64 features, classes 0 and 1."""
    arrays = {
        "x_train": np.arange(12.0).reshape(4, 3) - 5,
        "y_train": np.array([0, 1, 1, 0]),
        "x_test": np.full((2, 3), 0.5),
        "y_test": np.array([1, 0]),
    }
    arrays.update(changes)
    return {key: value for key, value in arrays.items() if value is not None}


def prepared(folder: Path, **changes):
    np.savez(folder / "own.npz", **own(**changes))
    prepare("npz", named(folder / "own.npz"), folder / "out.npz")
    return load(folder / "out.npz")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4", ">f8"])
def test_features_become_float32(dtype, tmp_path):
    changes = {key: np.asfortranarray(own()[key].astype(dtype)) for key in ("x_train", "x_test")}
    data = prepared(tmp_path, **changes)
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.x_train.tolist() == [[-5, -4, -3], [-2, -1, 0], [1, 2, 3], [4, 5, 6]]
    assert data.x_test.tolist() == [[0.5] * 3] * 2
    assert (data.shape, data.inputs, data.scale, data.bounded) == ((3,), 3, 1.0, False)


@pytest.mark.parametrize(
    ("train", "test", "bounded"),
    [
        ([0.0, 1.0], [0.25, 0.75], True),
        ([-0.001, 1.0], [0.25, 0.75], False),
        ([0.0, 1.001], [0.25, 0.75], False),
        ([0.0, 1.0], [0.25, 1.001], False),
        ([0.0, 1.0], [-0.001, 0.75], False),
    ],
)
def test_features_within_0_and_1_are_bounded(train, test, bounded, tmp_path):
    x = {"x_train": np.repeat(train, 2)[:, None], "x_test": np.array(test)[:, None]}
    assert prepared(tmp_path, **x).bounded is bounded


def test_images_with_channels_keep_their_shape(tmp_path):
    x = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    data = prepared(tmp_path, x_train=x, x_test=x[:2])
    assert np.array_equal(data.x_train, x) and data.x_train.dtype == np.uint8
    assert (data.shape, data.inputs, data.scale, data.bounded) == ((2, 2, 3), 12, 255.0, True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, ">i4", np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_of_any_integer_type(dtype, shape, tmp_path):
    y_train, y_test = (np.array(y, dtype=dtype).reshape(shape) for y in ([0, 1, 1, 0], [1, 0]))
    data = prepared(tmp_path, y_train=y_train, y_test=y_test)
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([0, 1, 1, 0], [1, 0])


def test_equal_arrays_give_equal_bytes_however_they_were_stored(tmp_path):
    first = prepared(tmp_path)
    content = (tmp_path / "out.npz").read_bytes()
    np.savez_compressed(tmp_path / "own2.npz", **dict(reversed(own().items())), extra=np.zeros(3))
    prepare("npz", named(tmp_path / "own2.npz"), tmp_path / "out2.npz")
    assert (tmp_path / "out2.npz").read_bytes() == content
    prepared(tmp_path, x_train=np.asfortranarray(own()["x_train"]), y_train=own()["y_train"][:, None])
    assert (tmp_path / "out.npz").read_bytes() == content
    assert not np.array_equal(prepared(tmp_path, x_train=own()["x_train"] + 1).x_train, first.x_train)
    assert (tmp_path / "out.npz").read_bytes() != content


NAN, INF = np.full((4, 3), np.nan), np.where(np.eye(4, 3) > 0, -np.inf, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "has no array y_test, only x_train, y_train, x_test;"),
        ({"x_train": None}, "has no array x_train, only y_train, x_test, y_test;"),
        ({"x_train": np.zeros((5, 3))}, "x_train .* has length 5 but y_train 4"),
        ({"y_test": np.array([0, 1, 1])}, "x_test .* has length 2 but y_test 3"),
        ({"x_test": np.zeros((2, 4))}, r"x_train is float32 of shape \(3,\) .* float32 of shape \(4,\)"),
        ({"x_test": np.zeros((2, 3), np.uint8)}, r"x_train is float32 .* is uint8"),
        ({"x_train": np.zeros((4, 3), np.int64)}, "x_train .* has dtype int64; store images as uint8"),
        ({"x_test": np.zeros((2, 3), bool)}, "x_test .* has dtype bool"),
        ({"x_test": np.zeros((2, 3), complex)}, "x_test .* has dtype complex128"),
        ({"x_test": np.array([["a"], ["b"]])}, "x_test .* has dtype <U1"),
        ({"x_train": np.zeros(4)}, r"x_train .* has shape \(4,\); make it \(N, F\)"),
        ({"x_train": np.zeros((4, 1, 1, 1, 1))}, r"x_train .* has shape \(4, 1, 1, 1, 1\)"),
        ({"x_train": NAN}, "x_train .* has 12 values that are not finite"),
        ({"x_train": INF}, "x_train .* has 3 values that are not finite"),
        ({"x_test": np.full((2, 3), 1e300)}, "x_test .* has 6 values that are not finite as float32"),
        ({"x_train": np.zeros((0, 3)), "y_train": np.zeros(0, int)}, "x_train .* is empty"),
        ({"x_train": np.zeros((4, 0))}, "x_train .* is empty"),
        ({"x_test": np.zeros((0, 3)), "y_test": np.zeros(0, int)}, "x_test .* is empty"),
        ({"y_test": np.zeros(0, int)}, "y_test .* is empty"),
        ({"y_train": np.array([0.0, 1, 1, 0])}, "y_train .* has dtype float64; store labels as integers"),
        ({"y_train": np.array([0, 1, 1, 0], bool)}, "y_train .* has dtype bool"),
        ({"y_train": np.eye(4, 2, dtype=int)}, r"y_train .* has shape \(4, 2\)"),
        ({"y_train": np.array(1)}, r"y_train .* has shape \(\)"),
        ({"y_train": np.array([0, 1, 1, 2])}, "y_test .* from 0 to 2, .* missing 2$"),
        ({"y_train": np.array([1, 1, 1, 1])}, "y_train .* from 0 to 1, .* missing 0$"),
        ({"y_train": np.array([1, 2, 2, 1]), "y_test": np.array([1, 2])}, "missing 0 and unexpected 2$"),
        ({"y_train": np.array([0, 1, 1, 3])}, "y_train .* from 0 to 2, .* missing 2 and unexpected 3$"),
        ({"y_train": np.array([0, 1, 1, -1])}, "y_train .* missing 2 and unexpected -1$"),
        ({"y_test": np.array([0, 2**64 - 1], np.uint64)}, "y_train .* missing 2$"),
        (
            {"y_train": np.array([0, 1, 2**64 - 1, 0], np.uint64), "y_test": np.array([0, 1])},
            "y_train .* missing 2 and unexpected 18446744073709551615$",
        ),
        ({"y_train": np.zeros(4, int), "y_test": np.zeros(2, int)}, "only the label 0; at least two classes"),
        (
            {"x_train": np.zeros((20, 3)), "y_train": np.arange(20) * 1000},
            "missing 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 10 more and unexpected 1000, 2000, .* and 9 more$",
        ),
        ({"x_train": np.array([[object()]] * 4)}, r"is not a readable \.npz of plain numbers"),
        ({"y_train": np.array([None, 1, 2, 3])}, r"is not a readable \.npz of plain numbers"),
    ],
)
def test_a_faulty_npz_is_named_and_nothing_written(changes, message, tmp_path):
    np.savez(tmp_path / "own.npz", **own(**changes))
    with pytest.raises(UserError, match=message) as error:
        prepare("npz", named(tmp_path / "own.npz"), tmp_path / "deep" / "out.npz")
    assert str(tmp_path / "own.npz") in str(error.value)
    assert "\n" not in str(error.value)
    assert only_files(tmp_path) == ["own.npz"]


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_no_pickle_is_ever_run(tmp_path):
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    np.savez(tmp_path / "inside.npz", **own(x_train=np.array([[Trap(tmp_path / "sprung")]] * 4)))
    for file in ("raw.npz", "inside.npz"):
        with pytest.raises(UserError, match=f"{file} is not a readable"):
            prepare("npz", named(tmp_path / file), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["inside.npz", "raw.npz"]
    pickle.loads((tmp_path / "raw.npz").read_bytes())
    assert (tmp_path / "sprung").exists(), "the trap itself must work"


def test_files_that_are_no_npz(tmp_path):
    for name, content in {"empty.npz": b"", "text.npz": b"x_train,1,2,3"}.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "single.npy", np.zeros(3))
    np.savez(tmp_path / "hollow.npz")
    before = only_files(tmp_path)
    for file, message in {
        "empty.npz": "is not a readable",
        "text.npz": "is not a readable",
        "single.npy": "is a single array",
        "hollow.npz": "has no array x_train, only no array at all",
        "absent.npz": "does not exist; set dataset.source",
        ".": "does not exist; set dataset.source",
    }.items():
        with pytest.raises(UserError, match=message) as error:
            prepare("npz", named(tmp_path / file), tmp_path / "out.npz")
        assert str(tmp_path / file) in str(error.value)
    assert only_files(tmp_path) == before


def test_a_format_of_one_file_takes_no_other_number(tmp_path):
    (tmp_path / "a").touch(), (tmp_path / "b").touch()
    for reader in ("npz", "digits", "cifar"):
        for files in ([], [tmp_path / "a", tmp_path / "b"]):
            with pytest.raises(UserError, match=rf"dataset\.files names {len(files)} files, but .* in one file"):
                prepare(reader, named(*files), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_npz_is_refused_wherever_it_ends(save, tmp_path):
    save(tmp_path / "own.npz", **own())
    whole = (tmp_path / "own.npz").read_bytes()
    assert len(whole) > 500
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"cut\.npz is not a readable \.npz"):
            prepare("npz", named(tmp_path / "cut.npz"), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["cut.npz", "own.npz"]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_npz_is_refused_or_harmless(data):
    """Whatever byte flips: either the same arrays come out, or a clear error and no file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "own.npz", **own())
        prepare("npz", named(folder / "own.npz"), folder / "good.npz")
        content = bytearray((folder / "own.npz").read_bytes())
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
        (folder / "own.npz").write_bytes(content)
        try:
            prepare("npz", named(folder / "own.npz"), folder / "out.npz")
        except UserError as error:
            assert "own.npz" in str(error)
            assert only_files(folder) == ["good.npz", "own.npz"]
        else:
            assert (folder / "out.npz").read_bytes() == (folder / "good.npz").read_bytes()


@given(st.integers(2, 5), st.integers(4, 30), st.floats(0.15, 0.8), st.randoms(use_true_random=False))
def test_what_is_held_out_is_the_end_of_each_class_and_nothing_is_lost(classes, per_class, share, random):
    y = [label for label in range(classes) for _ in range(per_class)]
    random.shuffle(y)
    y, x = np.array(y), np.arange(len(y), dtype=np.float32)[:, None]
    held = hold_out({"x_train": x, "y_train": y, "x_test": x[:0], "y_test": y[:0]}, share)
    count = round(share * per_class)
    for label in range(classes):
        own = np.flatnonzero(y == label).tolist()
        assert held["x_train"][held["y_train"] == label, 0].tolist() == own[:-count]
        assert held["x_test"][held["y_test"] == label, 0].tolist() == own[-count:]


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_share_that_empties_a_class_is_refused(share):
    arrays = {"x_train": np.zeros((8, 2)), "y_train": np.arange(2).repeat(4)}
    with pytest.raises(UserError, match=rf"dataset.validation is {share}, which leaves [04] of the 4 training samples"):
        hold_out(arrays, share)


def test_a_prepared_file_can_hold_validation_data_in_place_of_the_test_set(tmp_path):
    x, y = np.arange(20, dtype=np.uint8).reshape(10, 2), np.arange(2).repeat(5)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x[::5] + 100, y_test=y[::5])
    prepare("npz", named(tmp_path / "own.npz"), tmp_path / "out.npz", 0.4)
    loaded = load(tmp_path / "out.npz")
    assert loaded.x_test.tolist() == x[[3, 4, 8, 9]].tolist()
    assert loaded.y_train.tolist() == [0, 0, 0, 1, 1, 1]


def test_loading_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"out\.npz does not exist; run the workflow, which makes it"):
        load(tmp_path / "out.npz")
    np.savez(tmp_path / "own.npz", **own())
    with pytest.raises(UserError, match=r"own\.npz has no array scale.*run the workflow again"):
        load(tmp_path / "own.npz")
    (tmp_path / "out.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"out\.npz is not a readable.*run the workflow again"):
        load(tmp_path / "out.npz")


# ---------------------------------------------------------------- what is loaded is what was written


def rewritten(path: Path, **changes) -> None:
    """Write a prepared file again with other entries under the old digests."""
    with np.load(path) as archive:
        np.savez(path, **{**archive, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"y_train": np.array([1, 0, 1, 0])},
        {"x_test": np.full((2, 3), 0.25, np.float32)},
        {"x_train": np.zeros((4, 3), np.float32)},
        {"x_train": np.arange(12, dtype=np.float32).reshape(2, 6) - 5},
        {"scale": np.float32(2)},
        {"bounded": np.bool_(True)},
        {"content": np.str_("0" * 64)},
    ],
)
def test_what_is_not_what_was_written_is_noticed(changes, tmp_path):
    prepared(tmp_path)
    rewritten(tmp_path / "out.npz", **changes)
    with pytest.raises(UserError, match=r"out\.npz is damaged.*run the workflow again, which makes it again"):
        load(tmp_path / "out.npz")


def test_data_of_another_origin_are_refused(tmp_path):
    np.savez(tmp_path / "own.npz", **own())
    prepare("npz", named(tmp_path / "own.npz"), tmp_path / "out.npz", made_from="a" * 64)
    data = load(tmp_path / "out.npz", "a" * 64)
    assert data.made_from == "a" * 64
    assert data.content == load(tmp_path / "out.npz").content
    with pytest.raises(UserError, match=r"out\.npz was made from other data than this study's; run the workflow again"):
        load(tmp_path / "out.npz", "b" * 64)


def test_the_content_digest_by_hand(tmp_path):
    """Name, type, shape and bytes of each array, in the order of names."""
    arrays = {"b": np.array([[1, 2]], "<i8"), "a": np.asfortranarray([[1, 2], [3, 4]], dtype=np.uint8)}
    text = b"a |u1 (2, 2)\n" + bytes([1, 2, 3, 4]) + b"b <i8 (1, 2)\n" + struct.pack("<2q", 1, 2)
    assert arrays_module.content_digest(arrays) == hashlib.sha256(text).hexdigest()


# ---------------------------------------------------------------- sizes that do not fit


def npz_claiming(path: Path, shape: tuple[int, ...], held: int = 8, **other) -> None:
    """An npz file whose x_train has a header of its own choice and a few bytes behind it."""
    np.savez(path, **{key: value for key, value in own().items() if key != "x_train"})
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape, **other})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header.getvalue() + bytes(held))


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((500_000_000_000_000,), {}),  # 4 PB
        ((2**62, 2**62), {}),
        ((-1, 3), {}),
        ((3,), {"descr": "|O"}),
        ((1,), {"descr": [("a", "<f4"), ("b", "|O")]}),
    ],
)
def test_a_header_that_claims_more_than_is_there_is_refused_at_once(shape, other, tmp_path):
    npz_claiming(tmp_path / "own.npz", shape, **other)
    with pytest.raises(UserError, match=r"own\.npz is not a readable \.npz"):
        prepare("npz", named(tmp_path / "own.npz"), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["own.npz"]


def test_a_whole_file_that_does_not_fit_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "own.npz", **own(x_train=np.zeros((4, 10**6))))
    assert (tmp_path / "own.npz").stat().st_size < 10**6
    monkeypatch.setattr(arrays_module, "available_memory", lambda: 10**7)
    with pytest.raises(UserError, match=r"own\.npz needs 0\.032 GB of memory, but 0\.01 GB are available"):
        prepare("npz", named(tmp_path / "own.npz"), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["own.npz"]


def test_an_idx_file_never_unpacks_to_more_than_it_announces(tmp_path, monkeypatch):
    sources = idx_folder(tmp_path, x=idx(3, 2, 3, values=bytes(10**6)))
    with pytest.raises(UserError, match="announces 18 values but holds more"):
        prepare("idx", named(*sources), tmp_path / "out.npz")
    idx_folder(tmp_path, x=idx(2**31, 2**31, 3, values=b""))
    with pytest.raises(UserError, match="GB of memory"):
        prepare("idx", named(*sources), tmp_path / "out.npz")


def test_the_memory_that_is_available_is_a_part_of_what_is_built_in():
    assert 0 < arrays_module.available_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# ---------------------------------------------------------------- the cost of importing


def test_importing_the_data_modules_loads_no_heavy_library():
    code = (
        "import sys\n"
        "from exaggerated_replay.data import facts, fetch, prepare, tasks\n"
        "print(sorted({'torch', 'torchvision', 'sklearn'} & set(sys.modules)), 'numpy' in sys.modules)"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] True"
