"""A user's own .npz file: what it may hold, what is refused, and that nothing in it is run or taken at its word."""

import io
import os
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_files import named, only_files, own, prepared

from exaggerated_replay.data import arrays as arrays_module
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.errors import UserError


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
        ([0.0, 1.0], [0.25, 1.001], True),  # what is tested decides no loss
        ([0.0, 1.0], [-0.001, 0.75], True),
    ],
)
def test_features_are_bounded_where_those_of_the_training_set_lie_within_0_and_1(train, test, bounded, tmp_path):
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
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([0, 1, 1, 0], [0, 1])  # the test set class by class


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


def test_members_that_are_not_named_as_arrays_are_none(tmp_path):
    np.savez(tmp_path / "own.npz", **own())
    with zipfile.ZipFile(tmp_path / "own.npz") as whole, zipfile.ZipFile(tmp_path / "odd.npz", "w") as odd:
        for name in whole.namelist():
            odd.writestr(name.replace("x_train.npy", "x_train"), whole.read(name))
    with pytest.raises(UserError, match=r"odd\.npz has no array x_train, only y_train, x_test, y_test; write it again"):
        prepare("npz", named(tmp_path / "odd.npz"), tmp_path / "out.npz")


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


def test_the_memory_that_is_available_is_a_part_of_what_is_built_in():
    assert 0 < arrays_module.available_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
