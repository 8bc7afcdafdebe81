"""Reading the published archives of CIFAR: what is in them, and that nothing in them is ever run."""

import io
import pickle
import tarfile

import numpy as np
import pytest
from cifar_archives import cifar10, cifar100, write_archive

from exaggerated_replay.data.cifar import read_cifar
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError


def rows(images):
    """Images as the archive stores them: (N, 3072), one channel after the other."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def test_the_parts_of_cifar10_are_joined_in_their_order(tmp_path):
    members, _ = cifar10(tmp_path)
    found = read_cifar(tmp_path / "cifar-10-python.tar.gz")
    parts = [members[f"cifar-10-batches-py/data_batch_{n}"] for n in (1, 2, 3)]
    np.testing.assert_array_equal(rows(found["x_train"]), np.concatenate([part[b"data"] for part in parts]))
    assert found["y_train"].tolist() == [label for part in parts for label in part[b"labels"]]
    assert found["y_test"].tolist() == members["cifar-10-batches-py/test_batch"][b"labels"]
    assert found["x_test"].shape == (6, 32, 32, 3)


def test_cifar100_has_its_fine_labels(tmp_path):
    members, _ = cifar100(tmp_path)
    found = read_cifar(tmp_path / "cifar-100-python.tar.gz")
    assert found["y_train"].tolist() == members["cifar-100-python/train"][b"fine_labels"]
    np.testing.assert_array_equal(rows(found["x_test"]), members["cifar-100-python/test"][b"data"])


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_an_archive_becomes_a_prepared_data_set(tmp_path, module):
    """The published ones name NumPy's module as it was called when they were made."""
    members, _ = cifar100(tmp_path)
    pickles = {name: pickle.dumps(content, protocol=2) for name, content in members.items()}
    assert any(b"numpy._core.multiarray\n" in content for content in pickles.values())
    renamed = {name: content.replace(b"numpy._core.multiarray", module) for name, content in pickles.items()}
    write_archive(tmp_path / "cifar-100-python.tar.gz", renamed)
    prepare("cifar100", [tmp_path / "cifar-100-python.tar.gz"], tmp_path / "out.npz")
    data = load(tmp_path / "out.npz")
    assert (data.classes, data.shape, data.image_values, data.scale, data.bounded) == (10, (32, 32, 3), 3072, 255, True)


class Mischief:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [open, eval, print, np.load])
def test_a_pickle_that_calls_something_is_refused_and_not_run(tmp_path, function, capsys):
    argument = str(tmp_path / "made") if function is open else "1"
    made = (argument, "w") if function is open else (argument,)
    write_archive(tmp_path / "a.tar.gz", {"x/train": {b"data": Mischief(function, *made), b"labels": [0]}})
    with pytest.raises(UserError, match="has no place in a data set"):
        read_cifar(tmp_path / "a.tar.gz")
    assert not (tmp_path / "made").exists()
    assert capsys.readouterr().out == ""


def hollow(tmp_path, members):
    write_archive(tmp_path / "a.tar.gz", members)
    return tmp_path / "a.tar.gz"


def whole():
    return {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"x/train": whole()},
        {"x/test": whole()},
        {"x/train": whole() | {b"data": np.zeros((2, 3000), np.uint8)}, "x/test": whole()},
        {"x/train": {b"data": np.zeros((2, 3072), np.uint8)}, "x/test": whole()},
        {"x/train": {b"labels": [0, 1]}, "x/test": whole()},
        {"x/train": [1, 2, 3], "x/test": whole()},
        {"x/train": whole() | {b"labels": None}, "x/test": whole()},
        {"x/train": whole() | {b"labels": ["cat", "dog"]}, "x/test": whole()},
        {"x/train": b"no pickle", "x/test": whole()},
        {"x/train": b"", "x/test": whole()},
    ],
)
def test_an_archive_with_other_content_is_named(tmp_path, members):
    path = hollow(tmp_path, members)
    with pytest.raises(UserError, match="CIFAR archive") as error:
        read_cifar(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0, 0.2, 0.6, 0.95])
def test_a_truncated_archive_is_named(tmp_path, share):
    cifar10(tmp_path)
    path = tmp_path / "cifar-10-python.tar.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="CIFAR archive"):
        read_cifar(path)


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "a.tar.gz").write_text("hello")
    with pytest.raises(UserError, match="CIFAR archive"):
        read_cifar(tmp_path / "a.tar.gz")


def test_folders_and_links_in_the_archive_are_passed_over(tmp_path):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("x/train", "x/test"):
            data = pickle.dumps(whole(), protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("x/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        folder = tarfile.TarInfo("train")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    assert read_cifar(path)["y_test"].tolist() == [0, 1]
