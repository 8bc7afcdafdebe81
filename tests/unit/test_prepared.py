"""Prepared data, whatever they were made from: the part held out, and what is loaded is what was written."""

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_files import named, only_files, own, prepared

from exaggerated_replay.data import arrays as arrays_module
from exaggerated_replay.data.prepare import hold_out, prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError


def test_a_format_of_one_file_takes_no_other_number(tmp_path):
    (tmp_path / "a").touch(), (tmp_path / "b").touch()
    for reader in ("npz", "digits", "cifar"):
        for files in ([], [tmp_path / "a", tmp_path / "b"]):
            with pytest.raises(UserError, match=rf"dataset\.files names {len(files)} files, but .* in one file"):
                prepare(reader, named(*files), tmp_path / "out.npz")
    assert only_files(tmp_path) == ["a", "b"]


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


# ---------------------------------------------------------------- what is loaded is what was written


def test_loading_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"out\.npz does not exist; run the workflow, which makes it"):
        load(tmp_path / "out.npz")
    np.savez(tmp_path / "own.npz", **own())
    with pytest.raises(UserError, match=r"own\.npz has no array scale.*run the workflow again"):
        load(tmp_path / "own.npz")
    (tmp_path / "out.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"out\.npz is not a readable.*run the workflow again"):
        load(tmp_path / "out.npz")


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
