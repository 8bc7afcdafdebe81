"""Small files in the formats that readers take, with the checksums that conf/ would give."""

import gzip
import hashlib
import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def checksum(path: Path) -> str:
    """Return a file's checksum as conf/ gives it."""
    return f"md5:{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"


# ---------------------------------------------------------------- CIFAR

Members = dict[str, np.ndarray | bytes]


def batch(classes: int, per_class: int, labels: int, draw: np.random.Generator) -> np.ndarray:
    """Rows of one file: colour noise, whose brightest channel and level tell the class."""
    y = np.arange(classes).repeat(per_class)
    x = draw.integers(0, 60, (len(y), 3, 32, 32))
    x[np.arange(len(y)), y % 3] += (60 + 130 * (y // 3) / max(1, classes // 3))[:, None, None].astype(int)
    order = draw.permutation(len(y))
    columns = [y // 5, y][-labels:]  # a superclass and the class, or the class alone
    rows = np.column_stack([*columns, x.reshape(len(y), 3072)])
    return rows[order].astype(np.uint8)


def write_archive(path: Path, members: Mapping[str, np.ndarray | bytes]) -> str:
    """Write members into a gzipped tar file and return its checksum."""
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.tobytes()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return checksum(path)


def cifar10(folder: Path, classes: int = 3, per_class: int = 8, seed: int = 0) -> tuple[Members, str]:
    """Write an archive in the format of CIFAR-10 and return what is in it, and its checksum."""
    draw = np.random.default_rng(seed)
    rows = {f"cifar-10-batches-bin/data_batch_{n}.bin": batch(classes, per_class, 1, draw) for n in (2, 1, 3, 5, 4)}
    members: Members = {
        **rows,
        "cifar-10-batches-bin/test_batch.bin": batch(classes, 2, 1, draw),
        "cifar-10-batches-bin/batches.meta.txt": b"airplane\n",
        "cifar-10-batches-bin/readme.html": b"<html>",
    }
    return members, write_archive(folder / "cifar-10-binary.tar.gz", members)


def cifar100(folder: Path, classes: int = 10, per_class: int = 20, seed: int = 1) -> tuple[Members, str]:
    """Write an archive in the format of CIFAR-100 and return what is in it, and its checksum."""
    draw = np.random.default_rng(seed)
    members: Members = {
        "cifar-100-binary/train.bin": batch(classes, per_class, 2, draw),
        "cifar-100-binary/test.bin": batch(classes, 4, 2, draw),
        "cifar-100-binary/fine_label_names.txt": b"apple\n",
    }
    return members, write_archive(folder / "cifar-100-binary.tar.gz", members)


# ---------------------------------------------------------------- idx

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def idx(*shape: int, values: bytes, kind: int = 8) -> bytes:
    """Return values in the format of MNIST; of kind 8 they are bytes."""
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def write_idx(folder: Path, classes: int = 4, per_class: int = 6, seed: int = 2) -> dict[str, str]:
    """Write four files of random images of 4 x 4 pixels and return their checksums by name."""
    draw = np.random.default_rng(seed)
    contents = []
    for count in (per_class, 2):
        y = np.arange(classes, dtype=np.uint8).repeat(count)
        contents += [idx(len(y), 4, 4, values=draw.bytes(16 * len(y))), idx(len(y), values=y.tobytes())]
    for name, content in zip(IDX_FILES, contents, strict=True):
        (folder / name).write_bytes(gzip.compress(content, mtime=0))
    return {name: checksum(folder / name) for name in IDX_FILES}


# ---------------------------------------------------------------- npz


def write_images(path: Path, classes: int = 4, per_class: int = 20, seed: int = 3) -> None:
    """Write an .npz file of random colour images of 32 x 32 pixels, a little brighter with every class."""
    draw = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for part, count in (("train", per_class), ("test", 4)):
        y = np.arange(classes).repeat(count)
        arrays[f"y_{part}"] = y
        arrays[f"x_{part}"] = (draw.integers(0, 60, (len(y), 32, 32, 3)) + 40 * y[:, None, None, None]).astype(np.uint8)
    np.savez(path, **arrays)
