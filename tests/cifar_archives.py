"""Small archives in the real format of CIFAR, made by the tests."""

import hashlib
import io
import tarfile

import numpy as np


def batch(classes, per_class, labels, draw):
    """Rows of one file: colour noise, whose brightest channel and level tell the class."""
    y = np.arange(classes).repeat(per_class)
    x = draw.integers(0, 60, (len(y), 3, 32, 32))
    x[np.arange(len(y)), y % 3] += (60 + 130 * (y // 3) / max(1, classes // 3))[:, None, None].astype(int)
    order = draw.permutation(len(y))
    columns = [y // 5, y][-labels:]  # a superclass and the class, or the class alone
    rows = np.column_stack([*columns, x.reshape(len(y), 3072)])
    return rows[order].astype(np.uint8)


def write_archive(path, members):
    """Write members into a gzipped tar file and return its checksum as conf/ gives it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            data = bytes(content) if isinstance(content, bytes) else content.tobytes()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"


def cifar10(folder, classes=3, per_class=8, seed=0):
    draw = np.random.default_rng(seed)
    members = {
        f"cifar-10-batches-bin/data_batch_{n}.bin": batch(classes, per_class, 1, draw) for n in (2, 1, 3, 5, 4)
    } | {
        "cifar-10-batches-bin/test_batch.bin": batch(classes, 2, 1, draw),
        "cifar-10-batches-bin/batches.meta.txt": b"airplane\n",
        "cifar-10-batches-bin/readme.html": b"<html>",
    }
    return members, write_archive(folder / "cifar-10-binary.tar.gz", members)


def cifar100(folder, classes=10, per_class=20, seed=1):
    draw = np.random.default_rng(seed)
    members = {
        "cifar-100-binary/train.bin": batch(classes, per_class, 2, draw),
        "cifar-100-binary/test.bin": batch(classes, 4, 2, draw),
        "cifar-100-binary/fine_label_names.txt": b"apple\n",
    }
    return members, write_archive(folder / "cifar-100-binary.tar.gz", members)
