"""Fetching, preparing and splitting data, on handmade files and the real digits."""

import gzip
import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exaggerated_replay.data import fetch as fetching
from exaggerated_replay.data.fetch import fetch, verify
from exaggerated_replay.data.prepare import hold_out, prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.data.splits import class_order, make_split, read_split, relabel, write_split
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import replacing

DIGITS = {"digits.csv.gz": "sha256:09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"}

# How many images of 0, 1, ... 9 the publisher states for these 1,797 digits.
DIGITS_PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


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


# ---------------------------------------------------------------- fetching


class Web:
    """Stands in for torchvision's downloader: serves a dictionary of URLs and remembers what was asked."""

    def __init__(self, pages):
        self.pages = pages
        self.asked = []

    def __call__(self, url, root, filename=None, md5=None, max_redirect_hops=3):
        self.asked.append(url)
        page = self.pages.get(url)
        if callable(page):
            page = page()
        if isinstance(page, Exception):
            raise page
        if page is None:
            raise URLError("host is away")
        path = Path(root, filename)
        if not path.exists():  # like the real one, it takes any file that is there for the download
            path.write_bytes(page)


@pytest.fixture
def web(monkeypatch):
    from torchvision import datasets

    served = Web({})
    monkeypatch.setattr("torchvision.datasets.utils.download_url", served)
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["https://first/", "https://second/"])
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    return served


FILES = {"a.gz": sha256(b"aaa"), "b.gz": "md5:" + hashlib.md5(b"bbb").hexdigest()}


def test_digits_come_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("used the network"))
    fetch("digits", tmp_path / "raw" / "digits", DIGITS)
    assert only_files(tmp_path) == ["raw", "raw/digits", "raw/digits/digits.csv.gz"]
    assert sha256((tmp_path / "raw/digits/digits.csv.gz").read_bytes()) == DIGITS["digits.csv.gz"]
    verify(tmp_path / "raw/digits", DIGITS)


def test_another_scikit_learn_is_noticed(tmp_path):
    with pytest.raises(UserError, match=r"digits\.csv\.gz in the installed scikit-learn.*09f66e6d") as error:
        fetch("digits", tmp_path / "digits", {"digits.csv.gz": "sha256:" + "0" * 64})
    assert "sha256:" + "0" * 64 in str(error.value)
    with pytest.raises(UserError, match=r"its file absent\.csv is not installed"):
        fetch("digits", tmp_path / "digits", {"absent.csv": "md5:" + "0" * 32})
    assert only_files(tmp_path) == []


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_every_torchvision_mirror_is_asked(name, tmp_path, monkeypatch):
    from torchvision import datasets

    served = Web({})
    monkeypatch.setattr("torchvision.datasets.utils.download_url", served)
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    source = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}[name]
    (file, md5), *_ = source.resources
    with pytest.raises(UserError, match=f"data set {name}: could not download {file}"):
        fetch(name, tmp_path / name, {file: f"md5:{md5}"})
    assert source.mirrors
    assert Counter(served.asked) == {mirror + file: fetching.ROUNDS for mirror in source.mirrors}


def test_unreachable_mirrors_give_a_way_out_and_leave_nothing(web, tmp_path):
    web.pages["https://first/a.gz"] = b"aaa"  # the first file arrives, the second never does
    folder = tmp_path / "raw" / "mnist"
    with pytest.raises(UserError) as error:
        fetch("mnist", folder, FILES)
    message = str(error.value)
    for part in (
        "data set mnist",
        "b.gz",
        FILES["b.gz"],
        "https://first/",
        "https://second/",
        "host is away",
    ):
        assert part in message
    assert "another mirror in `dataset.source` (a folder, a URL, or an npz file)" in message
    assert f"by hand in {folder}" in message
    assert only_files(tmp_path) == ["raw"]


def test_flaky_and_lying_mirrors_are_tried_again(web, tmp_path):
    answers = iter([ConnectionResetError("reset"), IncompleteRead(b"a"), b"aaa"])
    web.pages.update(
        {
            "https://first/a.gz": lambda: next(answers),
            "https://second/a.gz": b"not aaa",  # a wrong file must not be taken for the next download
            "https://second/b.gz": b"bbb",
        }
    )
    fetch("mnist", tmp_path / "mnist", FILES)
    assert web.asked == [
        *["https://first/a.gz", "https://second/a.gz"] * 2,
        "https://first/a.gz",
        "https://first/b.gz",
        "https://second/b.gz",
    ]
    assert only_files(tmp_path) == ["mnist", "mnist/a.gz", "mnist/b.gz"]
    assert (tmp_path / "mnist/a.gz").read_bytes() == b"aaa"
    assert (tmp_path / "mnist/b.gz").read_bytes() == b"bbb"


def test_right_files_are_kept_and_wrong_ones_replaced(web, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"aaa")
    (tmp_path / "b.gz").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"the b\.gz there has another checksum"):
        fetch("mnist", tmp_path, FILES)
    assert (tmp_path / "b.gz").read_bytes() == b"damaged"
    web.pages["https://first/b.gz"] = b"bbb"
    fetch("mnist", tmp_path, FILES)
    assert (tmp_path / "b.gz").read_bytes() == b"bbb"
    assert web.asked and not any("a.gz" in url for url in web.asked)
    before = len(web.asked)
    fetch("mnist", tmp_path, FILES)  # all by hand, or fetched before: nothing to ask for
    assert len(web.asked) == before


def test_the_time_limit_reaches_the_download_and_ends_with_it(web, tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(fetching, "TIMEOUT", 7.5)

    before, seen = socket.getdefaulttimeout(), []

    def page():
        seen.append(socket.getdefaulttimeout())
        return b"aaa"

    web.pages["https://first/a.gz"] = page
    fetch("mnist", tmp_path / "mnist", {"a.gz": FILES["a.gz"]})
    assert seen == [7.5]
    assert socket.getdefaulttimeout() == before != 7.5


def test_only_known_names_can_be_fetched(tmp_path):
    with pytest.raises(UserError, match="'npz' cannot be fetched; choose one of digits, mnist, fashion_mnist"):
        fetch("npz", tmp_path / "npz", {})


def test_verify_names_the_file_and_both_digests(tmp_path):
    (tmp_path / "a.gz").write_bytes(b"aaa")
    with pytest.raises(UserError, match=r"b\.gz is missing.*fetch") as error:
        verify(tmp_path, FILES)
    assert str(tmp_path / "b.gz") in str(error.value)
    (tmp_path / "b.gz").write_bytes(b"bbb")
    verify(tmp_path, FILES)
    verify(tmp_path, {name: checksum.upper().replace("SHA", "sha").replace("MD", "md")
                      for name, checksum in FILES.items()})  # fmt: skip
    (tmp_path / "a.gz").write_bytes(b"aab")
    with pytest.raises(UserError, match="delete it and fetch") as error:
        verify(tmp_path, FILES)
    for part in (str(tmp_path / "a.gz"), FILES["a.gz"], sha256(b"aab")):
        assert part in str(error.value)


@pytest.mark.parametrize("checksum", ["sha1:00", "abc", ""])
def test_a_malformed_checksum_is_refused(checksum, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"aaa")
    with pytest.raises(UserError, match=r"a\.gz must read sha256:<hex> or md5:<hex>"):
        verify(tmp_path, {"a.gz": checksum})


# ---------------------------------------------------------------- the digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    fetch("digits", folder / "raw", DIGITS)
    prepare("digits", [folder / "raw/digits.csv.gz"], folder / "digits.npz")
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
    prepare("digits", [digits.parent / "raw/digits.csv.gz"], tmp_path / "again.npz")
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
        prepare("digits", [tmp_path / "digits.csv.gz"], tmp_path / "out.npz")
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


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_idx_files_are_read_in_any_order(name, tmp_path):
    sources = idx_folder(tmp_path)
    prepare(name, sources[::-1], tmp_path / "out" / "x.npz")
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
        ({"x": idx(3, 2, 3, values=bytes(19))}, "announces 18 values but holds 19"),
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
        prepare("mnist", sources, tmp_path / "out.npz")
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
            prepare("mnist", sources, tmp_path / "out.npz")
    with pytest.raises(UserError, match=r"^train-images-idx3-ubyte\.gz is not among"):
        prepare("mnist", sources[1:], tmp_path / "out.npz")
    assert only_files(tmp_path) == before
    sources[0].unlink()
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz does not exist; fetch"):
        prepare("mnist", sources, tmp_path / "out.npz")
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
    prepare("npz", [folder / "own.npz"], folder / "out.npz")
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
    prepare("npz", [tmp_path / "own2.npz"], tmp_path / "out2.npz")
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
        prepare("npz", [tmp_path / "own.npz"], tmp_path / "deep" / "out.npz")
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
            prepare("npz", [tmp_path / file], tmp_path / "out.npz")
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
            prepare("npz", [tmp_path / file], tmp_path / "out.npz")
        assert str(tmp_path / file) in str(error.value)
    assert only_files(tmp_path) == before


def test_wrong_names_and_numbers_of_sources(tmp_path):
    with pytest.raises(
        UserError, match="'cifar' is unknown; choose one of digits, mnist, fashion_mnist, cifar10, cifar100, npz"
    ):
        prepare("cifar", [], tmp_path / "out.npz")
    for sources in ([], [tmp_path / "a", tmp_path / "b"]):
        with pytest.raises(UserError, match=f"npz is made from one file, not {len(sources)}; set dataset.source"):
            prepare("npz", sources, tmp_path / "out.npz")
    assert only_files(tmp_path) == []


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_npz_is_refused_wherever_it_ends(save, tmp_path):
    save(tmp_path / "own.npz", **own())
    whole = (tmp_path / "own.npz").read_bytes()
    assert len(whole) > 500
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"cut\.npz is not a readable \.npz"):
            prepare("npz", [tmp_path / "cut.npz"], tmp_path / "out.npz")
    assert only_files(tmp_path) == ["cut.npz", "own.npz"]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_npz_is_refused_or_harmless(data):
    """Whatever byte flips: either the same arrays come out, or a clear error and no file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "own.npz", **own())
        prepare("npz", [folder / "own.npz"], folder / "good.npz")
        content = bytearray((folder / "own.npz").read_bytes())
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
        (folder / "own.npz").write_bytes(content)
        try:
            prepare("npz", [folder / "own.npz"], folder / "out.npz")
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
    prepare("npz", [tmp_path / "own.npz"], tmp_path / "out.npz", 0.4)
    loaded = load(tmp_path / "out.npz")
    assert loaded.x_test.tolist() == x[[3, 4, 8, 9]].tolist()
    assert loaded.y_train.tolist() == [0, 0, 0, 1, 1, 1]


def test_loading_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"out\.npz does not exist; prepare the data set first"):
        load(tmp_path / "out.npz")
    np.savez(tmp_path / "own.npz", **own())
    with pytest.raises(UserError, match=r"own\.npz has no array scale.*prepare the data set again"):
        load(tmp_path / "own.npz")
    (tmp_path / "out.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"out\.npz is not a readable.*prepare the data set again"):
        load(tmp_path / "out.npz")


# ---------------------------------------------------------------- class order and tasks


@given(classes=st.integers(1, 200), seed=st.integers(0, 2**63))
def test_the_class_order_is_a_permutation_of_plain_integers(classes, seed):
    order = class_order(classes, seed)
    assert sorted(order) == list(range(classes))
    assert all(type(k) is int for k in order)
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
def test_relabel_refuses_classes_outside_the_split(y):
    with pytest.raises(UserError, match=f"has classes {y[0]} to {y[-1]} but the split only 0 to 2"):
        relabel(np.array(y), [2, 0, 1])


@st.composite
def labelled(draw):
    classes = draw(st.integers(2, 12))
    tasks = draw(st.sampled_from([n for n in range(1, classes + 1) if classes % n == 0]))
    extra = st.lists(st.integers(0, classes - 1), max_size=30)
    y_train, y_test = (np.array([*range(classes), *draw(extra)]) for _ in range(2))
    return y_train, y_test, classes, tasks, draw(st.integers(0, 1000))


@given(labelled())
def test_split_counts_by_counting_one_by_one(case):
    y_train, y_test, classes, tasks, seed = case
    split = make_split(y_train, y_test, tasks, seed)
    assert (split["seed"], split["classes"], len(split["tasks"])) == (seed, classes, tasks)
    assert split["class_order"] == class_order(classes, seed)
    assert [label for task in split["tasks"] for label in task["labels"]] == list(range(classes))
    assert [c for task in split["tasks"] for c in task["classes"]] == split["class_order"]
    assert [task["task"] for task in split["tasks"]] == list(range(1, tasks + 1))
    for task in split["tasks"]:
        assert len(task["labels"]) == classes // tasks
        assert task["train"] == sum(1 for y in y_train.tolist() if y in task["classes"])
        assert task["test"] == sum(1 for y in y_test.tolist() if y in task["classes"])
    assert sum(task["train"] for task in split["tasks"]) == len(y_train)
    assert sum(task["test"] for task in split["tasks"]) == len(y_test)


@given(labelled())
def test_the_split_is_the_same_however_it_is_cut(case):
    """The seed alone decides the class order, not the number of tasks or the data."""
    y_train, y_test, classes, tasks, seed = case
    whole = make_split(y_train[:classes], y_test[:classes], 1, seed)
    assert make_split(y_train, y_test, tasks, seed)["class_order"] == whole["class_order"]


def test_the_split_of_the_digits(digits, tmp_path):
    target = tmp_path / "splits" / "3.json"
    write_split(digits, 5, 3, target)
    split = read_split(target)
    assert split["class_order"] == [4, 0, 5, 6, 8, 3, 2, 9, 1, 7]
    test_counts = [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    for task in split["tasks"]:
        a, b = task["classes"]
        assert task["test"] == test_counts[a] + test_counts[b]
        assert task["train"] + task["test"] == DIGITS_PER_CLASS[a] + DIGITS_PER_CLASS[b]
    assert sum(task["train"] for task in split["tasks"]) == 1442


def test_the_split_file_is_readable_and_reproducible(tmp_path):
    prepared(tmp_path)
    write_split(tmp_path / "out.npz", 2, 3, tmp_path / "a.json")
    a, b = class_order(2, 3)
    expected = f"""{{
  "seed": 3,
  "classes": 2,
  "class_order": [{a}, {b}],
  "tasks": [
    {{"task": 1, "labels": [0], "classes": [{a}], "train": 2, "test": 1}},
    {{"task": 2, "labels": [1], "classes": [{b}], "train": 2, "test": 1}}
  ]
}}
"""
    assert (tmp_path / "a.json").read_text() == expected
    assert read_split(tmp_path / "a.json") == json.loads(expected)
    write_split(tmp_path / "out.npz", 2, 3, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == expected
    assert only_files(tmp_path) == ["a.json", "out.npz", "own.npz"]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (12, "dataset.tasks is 12 but the data has only 10 classes; choose one of 1, 2, 5, 10$"),
        (3, "dataset.tasks is 3 but the 10 classes .* do not divide .* choose one of 1, 2, 5, 10$"),
        (0, "dataset.tasks is 0 but must be at least 1; choose one of 1, 2, 5, 10$"),
        (-2, "dataset.tasks is -2 but must be at least 1"),
    ],
)
def test_impossible_numbers_of_tasks(tasks, message, digits, tmp_path):
    with pytest.raises(UserError, match=message):
        write_split(digits, tasks, 1, tmp_path / "split.json")
    assert only_files(tmp_path) == []


def test_a_split_needs_prepared_data(tmp_path):
    with pytest.raises(UserError, match=r"absent\.npz does not exist; prepare"):
        write_split(tmp_path / "absent.npz", 2, 1, tmp_path / "split.json")
    assert only_files(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a split"),
        ("[1, 2]", "is not a split"),
        ('{"classes": 2, "class_order": [0, 1]}', "is not a split"),
        ('{"classes": 2, "class_order": [0, 0], "tasks": [{"labels": [0, 1]}]}', "every class exactly once"),
        ('{"classes": 2, "class_order": [1, 0], "tasks": [{"labels": [0]}]}', "every class exactly once"),
    ],
)
def test_a_damaged_split_is_refused(text, message, tmp_path):
    with pytest.raises(UserError, match=r"split\.json does not exist; make the split first"):
        read_split(tmp_path / "split.json")
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(UserError, match=rf"split\.json .*{message}"):
        read_split(tmp_path / "split.json")


# ---------------------------------------------------------------- the cost of importing


def test_importing_the_data_modules_loads_no_heavy_library():
    code = (
        "import sys\n"
        "from exaggerated_replay.data import fetch, prepare, splits\n"
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
