"""Reading the published archives of CIFAR: what is in them, and that only rows of bytes are taken from them."""

import io
import pickle
import tarfile

import numpy as np
import pytest

from exaggerated_replay.data import arrays
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.data.readers import cifar
from exaggerated_replay.errors import UserError
from tools.archives import cifar10, cifar100, write_archive


def read(path):
    return cifar.read({path.name: path})


def rows(images):
    """Images as the archive stores them: (N, 3072), one channel after the other."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def test_the_parts_of_cifar10_are_joined_in_their_order(tmp_path):
    members, _ = cifar10(tmp_path)
    found = read(tmp_path / "cifar-10-binary.tar.gz")
    parts = [members[f"cifar-10-batches-bin/data_batch_{n}.bin"] for n in (1, 2, 3, 4, 5)]
    np.testing.assert_array_equal(rows(found["x_train"]), np.concatenate([part[:, 1:] for part in parts]))
    assert found["y_train"].tolist() == [label for part in parts for label in part[:, 0]]
    assert found["y_test"].tolist() == members["cifar-10-batches-bin/test_batch.bin"][:, 0].tolist()
    assert found["x_test"].shape == (6, 32, 32, 3)


def test_cifar100_has_its_fine_labels(tmp_path):
    members, _ = cifar100(tmp_path)
    found = read(tmp_path / "cifar-100-binary.tar.gz")
    assert found["y_train"].tolist() == members["cifar-100-binary/train.bin"][:, 1].tolist()
    np.testing.assert_array_equal(rows(found["x_test"]), members["cifar-100-binary/test.bin"][:, 2:])


def test_a_pixel_by_hand(tmp_path):
    """The first row of red comes first, then the others, then green and blue."""
    row = np.zeros(3074, np.uint8)
    row[:2] = 3, 7
    row[2 + 1024 + 32 * 5 + 4] = 99  # green, row 5, column 4
    write_archive(tmp_path / "a.tar.gz", {f"cifar-100-binary/{part}.bin": row for part in ("train", "test")})
    found = read(tmp_path / "a.tar.gz")
    assert found["x_train"][0, 5, 4].tolist() == [0, 99, 0]
    assert found["x_train"].sum() == 99
    assert found["y_train"].tolist() == [7]


def test_an_archive_becomes_a_prepared_data_set(tmp_path):
    cifar100(tmp_path)
    path = tmp_path / "cifar-100-binary.tar.gz"
    prepare("cifar", {path.name: path}, tmp_path / "out.npz")
    data = load(tmp_path / "out.npz")
    assert (data.classes, data.shape, data.scale, data.bounded) == (10, (32, 32, 3), 255, True)


WHOLE = np.zeros((2, 3074), np.uint8)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"cifar-100-binary/train.bin": WHOLE},
        {"cifar-100-binary/test.bin": WHOLE},
        {"x/train.bin": WHOLE, "x/test.bin": WHOLE},
        {"cifar-100-binary/train.bin": WHOLE[:, :-1], "cifar-100-binary/test.bin": WHOLE},
        {"cifar-100-binary/train.bin": b"", "cifar-100-binary/test.bin": WHOLE},
        {"cifar-100-python/train": pickle.dumps({b"data": WHOLE}), "cifar-100-python/test": pickle.dumps({})},
    ],
)
def test_an_archive_with_other_content_is_named(tmp_path, members):
    path = tmp_path / "a.tar.gz"
    write_archive(path, members)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert ("those for Python are not read" in str(error.value)) == ("incomplete row" not in str(error.value))


@pytest.mark.parametrize("share", [0, 0.2, 0.6, 0.95])
def test_a_truncated_archive_is_named(tmp_path, share):
    cifar10(tmp_path)
    path = tmp_path / "cifar-10-binary.tar.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="CIFAR archive"):
        read(path)


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "a.tar.gz").write_text("hello")
    with pytest.raises(UserError, match="CIFAR archive"):
        read(tmp_path / "a.tar.gz")


def test_a_member_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    cifar100(tmp_path)
    monkeypatch.setattr(arrays, "available_memory", lambda: 1000)
    with pytest.raises(UserError, match="GB of memory"):
        read(tmp_path / "cifar-100-binary.tar.gz")


def test_folders_and_links_in_the_archive_are_passed_over(tmp_path):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-100-binary/secret.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        folder = tarfile.TarInfo("cifar-100-binary")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name in ("train.bin", "test.bin"):
            info = tarfile.TarInfo(f"./cifar-100-binary/{name}")
            info.size = WHOLE.size
            archive.addfile(info, io.BytesIO(WHOLE.tobytes()))
    assert read(path)["y_test"].tolist() == [0, 0]
