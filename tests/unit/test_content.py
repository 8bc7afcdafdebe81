"""Data are known by what is in them: the samples, and neither their file nor the order of the test set."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_files import named, own

from exaggerated_replay.data import identity
from exaggerated_replay.data.identity import content_of_file, counts_of_file, in_one_order, remembered
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.readers import cifar, npz
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, read_json
from exaggerated_replay.places import digests_file
from exaggerated_replay.planning.sources import make_source
from exaggerated_replay.settings.data import SourceSettings
from tools.archives import cifar100


def samples(**changes):
    """Two classes, three test samples of each, all of them different."""
    x = np.arange(24, dtype=np.uint8).reshape(6, 2, 2)
    arrays = {"x_train": x[:4], "y_train": np.array([0, 1, 1, 0]), "x_test": x, "y_test": np.array([1, 0, 0, 1, 1, 0])}
    return {**arrays, **changes}


def digest(**changes):
    return in_one_order(samples(**changes), 255)[1]


@given(st.permutations(range(6)))
def test_whatever_the_order_of_the_test_set_the_samples_lie_in_one_and_have_one_digest(order):
    x, y = samples()["x_test"], samples()["y_test"]
    found, name = in_one_order(samples(x_test=x[order], y_test=y[order]), 255)
    expected = sorted(range(6), key=lambda row: (y[row], hashlib.sha256(x[row].tobytes()).hexdigest()))
    assert name == digest()
    assert found["x_test"].tolist() == x[expected].tolist()
    assert found["y_test"].tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"x_train": samples()["x_train"][[1, 0, 2, 3]], "y_train": np.array([1, 0, 1, 0])},
        {"x_train": samples()["x_train"] + 1},
        {"y_train": np.array([0, 1, 0, 1])},
        {"x_test": samples()["x_test"] + 1},
        {"y_test": np.array([0, 1, 0, 1, 1, 0])},
        {"x_train": samples()["x_train"].reshape(4, 4), "x_test": samples()["x_test"].reshape(6, 4)},
        {"x_train": samples()["x_train"] / np.float32(1), "x_test": samples()["x_test"] / np.float32(1)},
    ],
)
def test_other_samples_or_another_order_of_the_training_set_have_another_digest(changes):
    assert digest(**changes) != digest()


def test_pixels_of_another_range_are_other_inputs():
    assert in_one_order(samples(), 16)[1] != in_one_order(samples(), 255)[1]


def test_an_order_that_committed_results_were_made_with_is_kept(monkeypatch):
    plain, name = in_one_order(samples(), 255)
    monkeypatch.setattr(identity, "_kept_order", lambda digest: [2, 1, 0, 3, 5, 4] if digest == name else [])
    kept, same = in_one_order(samples(), 255)
    assert same == name
    assert kept["x_test"].tolist() == plain["x_test"][[2, 1, 0, 3, 5, 4]].tolist()


def test_the_kept_order_of_cifar100_has_each_of_its_test_images_once():
    order = identity._kept_order("b72dd46c2a" + 54 * "0")
    assert sorted(order) == list(range(10_000))
    assert [row // 100 for row in order] == [row // 100 for row in range(10_000)]  # class by class


def archive(folder, seed=1):
    """A published-form archive, and its settings."""
    folder.mkdir(exist_ok=True)
    _, checksum = cifar100(folder, seed=seed)
    return {"files": {"cifar-100-binary.tar.gz": checksum}, "name": "small", "reader": "cifar"}


def test_an_archive_and_any_npz_of_its_pixels_are_the_same_data_to_the_byte(tmp_path):
    settings = archive(tmp_path)
    path = tmp_path / "cifar-100-binary.tar.gz"
    arrays = cifar.read(named(path))
    shuffled = np.random.default_rng(0).permutation(len(arrays["y_test"]))
    odd = {
        **{key: arrays[key][shuffled] for key in ("x_test", "y_test")},
        "x_train": arrays["x_train"],
        "y_train": arrays["y_train"].astype(np.int64),
        "names": np.array(["apple"]),
    }
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "odd.npz", **odd)
    found = {}
    for name in ("plain.npz", "odd.npz"):
        found[name] = make_source(SourceSettings(name="mine", reader="npz", source=str(tmp_path / name)))
        prepare("npz", named(tmp_path / name), tmp_path / f"{name}.out")
    content = found["plain.npz"].content
    found["archive"] = make_source(SourceSettings(**settings, content=content))
    prepare("cifar", named(path), tmp_path / "archive.out", content=content)
    assert {source.digest for source in found.values()} == {content}
    elsewhere = {**settings, "files": {"cifar-100-binary.tar.gz": "md5:another"}, "source": str(path)}
    found["own archive"] = make_source(SourceSettings(**elsewhere, content=content))
    assert found["own archive"].settings.own_file == str(path)
    prepared = {(tmp_path / f"{name}.out").read_bytes() for name in ("plain.npz", "odd.npz", "archive")}
    assert len(prepared) == 1


def test_an_archive_that_holds_other_samples_than_it_should_is_refused(tmp_path):
    archive(tmp_path)
    path = tmp_path / "cifar-100-binary.tar.gz"
    sentence = r"holds other samples than the settings say \(their digest is [0-9a-f]{64}, not 0000"
    with pytest.raises(UserError, match=sentence):
        prepare("cifar", named(path), tmp_path / "out.npz", content="0" * 64)
    assert not (tmp_path / "out.npz").exists()


def test_a_file_given_for_a_data_set_that_it_is_not_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", **own())
    settings = {"name": "cifar100", "title": "CIFAR-100", "reader": "cifar", "source": str(tmp_path / "mine.npz")}
    with pytest.raises(UserError, match=r"mine\.npz does not hold the samples of CIFAR-100: choose dataset=npz"):
        make_source(SourceSettings(**settings, content="0" * 64))
    assert make_source(SourceSettings(**settings)).content == content_of_file(tmp_path / "mine.npz", "npz", "key")


def test_without_their_content_archives_are_known_by_their_checksums_and_the_version_of_their_reader(monkeypatch):
    def found(**changes):
        settings = {"name": "digits", "reader": "digits", "files": {"a": "md5:1"}, **changes}
        return make_source(SourceSettings(**settings))

    before = found()
    assert before.content is None
    assert before.digest == hashlib.sha256(b'{"code":"digits 1","files":{"a":"md5:1"}}').hexdigest()
    assert before.digest == found(name="mine", mirrors=["https://elsewhere.example/"]).digest
    assert len({before.digest, found(reader="idx").digest, found(files={"a": "md5:2"}).digest}) == 3
    monkeypatch.setattr("exaggerated_replay.planning.sources.reader_version", lambda reader: f"{reader} 2")
    assert found().digest != before.digest


def test_what_is_held_out_makes_other_data(tmp_path):
    np.savez(tmp_path / "mine.npz", **own())
    one, other = (
        make_source(SourceSettings(name="own", reader="npz", source=str(tmp_path / "mine.npz"), validation=share))
        for share in (None, 0.5)
    )
    assert one.digest == one.content == other.content
    assert other.digest == digest_of({"data": one.content, "validation": 0.5})


def test_what_makes_data_ready_has_a_version_of_which_the_first_is_in_no_name(monkeypatch):
    content = {"name": "digits", "reader": "digits", "files": {"a": "md5:1"}, "content": 64 * "a"}
    plain, held = SourceSettings(**content), SourceSettings(**content, validation=0.5)
    assert make_source(plain).digest == 64 * "a"
    assert make_source(held).digest == digest_of({"data": 64 * "a", "validation": 0.5})
    monkeypatch.setattr("exaggerated_replay.planning.sources.stated", {"data/prepare.py": 2}.__getitem__)
    assert make_source(plain).digest == digest_of({"data": 64 * "a", "code": "preparing 2"})
    assert make_source(held).digest == digest_of({"data": 64 * "a", "validation": 0.5, "code": "preparing 2"})


def test_what_another_version_of_a_reader_found_is_looked_for_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "mine.npz"
    np.savez(path, **own())
    before = content_of_file(path, "npz", "key")
    assert counts_of_file(path, "npz", "key") == [2, 2]
    monkeypatch.setattr(npz, "read", lambda files: own(y_train=np.array([0, 1, 1, 1])))
    assert content_of_file(path, "npz", "key") == before
    monkeypatch.setattr(npz, "VERSION", 2)
    assert content_of_file(path, "npz", "key") != before
    assert counts_of_file(path, "npz", "key") == [1, 3]


@pytest.mark.parametrize("source", ["missing.npz", "."])
def test_a_file_of_ones_own_that_is_no_file_is_named(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^dataset\.source: there is no file"):
        make_source(SourceSettings(name="own", reader="npz", source=source))


def test_a_digest_is_looked_up_until_the_file_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, seen = tmp_path / "a", []

    def look():
        seen.append(path.read_text())
        return seen[-1]

    path.write_text("one")
    assert [remembered(path, "key", "kind", look) for _ in range(2)] == ["one", "one"]
    path.write_text("three")
    assert remembered(path, "key", "kind", look) == "three"
    assert remembered(path, "key", "other kind", look) == "three"
    assert seen == ["one", "three", "three"]


@pytest.mark.parametrize("damage", ["", "[]", "nonsense", '{"kind of FILE": 3}'])
def test_what_was_remembered_may_be_damaged(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "a"
    path.write_text("one")
    (tmp_path / "exaggerated-replay").mkdir()
    (tmp_path / "exaggerated-replay/digests.json").write_text(damage.replace("FILE", str(path)))
    assert remembered(path, "key", "kind", path.read_text) == "one"


def test_nothing_need_be_remembered_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").write_text("a file in the way")
    (tmp_path / "a").write_text("one")
    assert remembered(tmp_path / "a", "key", "kind", (tmp_path / "a").read_text) == "one"


def test_of_a_user_without_a_home_nothing_is_remembered_in_the_folder_that_happens_to_be_here(monkeypatch):
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda user: {}[user])  # as in a container under a number that nobody has
    assert digests_file() == Path("/~/.cache/exaggerated-replay/digests.json")


def test_files_that_are_gone_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        remembered(tmp_path / name, "key", "kind", lambda: "digest")
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("other")
    remembered(tmp_path / "b", "key", "kind", lambda: "another")
    assert list(read_json(tmp_path / "cache/exaggerated-replay/digests.json")) == [f"kind of {tmp_path / 'b'}"]
