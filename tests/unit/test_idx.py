"""Preparing idx files, the format of MNIST, on handmade ones: whole, damaged, or absent."""

import gzip
from pathlib import Path

import pytest
from raw_files import named, only_files

from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError
from tools.archives import idx


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


def test_an_idx_file_never_unpacks_to_more_than_it_announces(tmp_path, monkeypatch):
    sources = idx_folder(tmp_path, x=idx(3, 2, 3, values=bytes(10**6)))
    with pytest.raises(UserError, match="announces 18 values but holds more"):
        prepare("idx", named(*sources), tmp_path / "out.npz")
    idx_folder(tmp_path, x=idx(2**31, 2**31, 3, values=b""))
    with pytest.raises(UserError, match="GB of memory"):
        prepare("idx", named(*sources), tmp_path / "out.npz")
