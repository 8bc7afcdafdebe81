"""Small archives in the real format of CIFAR, made by the tests."""

import hashlib
import io
import pickle
import tarfile

import numpy as np


def batch(classes, per_class, labels, draw):
    """One pickled batch: colour noise, whose brightest channel and level tell the class."""
    y = np.arange(classes).repeat(per_class)
    x = draw.integers(0, 60, (len(y), 3, 32, 32))
    x[np.arange(len(y)), y % 3] += (60 + 130 * (y // 3) / max(1, classes // 3))[:, None, None].astype(int)
    order = draw.permutation(len(y))
    return {b"data": x[order].reshape(len(y), 3072).astype(np.uint8), labels: y[order].tolist()}


def write_archive(path, members):
    """Write pickled members into a gzipped tar file and return its checksum as conf/ gives it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"


def cifar10(folder, classes=3, per_class=8, seed=0):
    draw = np.random.default_rng(seed)
    members = {f"cifar-10-batches-py/data_batch_{n}": batch(classes, per_class, b"labels", draw) for n in (2, 1, 3)} | {
        "cifar-10-batches-py/test_batch": batch(classes, 2, b"labels", draw),
        "cifar-10-batches-py/batches.meta": {b"label_names": [b"a", b"b"]},
        "cifar-10-batches-py/readme.html": b"<html>",
    }
    return members, write_archive(folder / "cifar-10-python.tar.gz", members)


def cifar100(folder, classes=10, per_class=20, seed=1):
    draw = np.random.default_rng(seed)
    members = {
        "cifar-100-python/train": batch(classes, per_class, b"fine_labels", draw) | {b"coarse_labels": [0]},
        "cifar-100-python/test": batch(classes, 4, b"fine_labels", draw),
        "cifar-100-python/meta": {b"fine_label_names": [b"a"]},
    }
    return members, write_archive(folder / "cifar-100-python.tar.gz", members)
