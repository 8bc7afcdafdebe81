"""CIFAR-10 and CIFAR-100 as published for C programs: rows of bytes in a gzipped tar file.

A row is one label (CIFAR-10) or the superclass and the class (CIFAR-100), then 32 x 32 pixels of red, green and blue.
The archives for Python hold pickles, which can run code: they are not read.
"""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import check_memory
from exaggerated_replay.data.readers import only
from exaggerated_replay.errors import UserError

VERSION = 1
WHITE = 255
SIDE = 32
PIXELS = 3 * SIDE * SIDE
# Files of the training and of the test set, and the number of labels in a row, by the archive's folder.
LAYOUTS = {
    "cifar-10-batches-bin": ([f"data_batch_{number}.bin" for number in range(1, 6)], ["test_batch.bin"], 1),
    "cifar-100-binary": (["train.bin"], ["test.bin"], 2),
}


def read(files: dict[str, Path]) -> dict[str, np.ndarray]:
    """Read the only archive.

    Returns:
        `x_train`, `x_test`, uint8 (N, 32, 32, 3), and `y_train`, `y_test`, uint8 (N,): of CIFAR-100 the
        100 fine labels.

    Raises:
        UserError: The file is not such an archive.
    """
    path = only(files)
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = {
                member.name.removeprefix("./"): file.read()
                for member in archive
                if _is_wanted(member, path) and (file := archive.extractfile(member))
            }
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(f"{path} is not a whole CIFAR archive; fetch it again") from error
    for folder, (train, test, labels) in LAYOUTS.items():
        if all(f"{folder}/{file}" in members for file in (*train, *test)):
            parts = {"train": train, "test": test}
            rows = {
                part: _rows([members[f"{folder}/{f}"] for f in names], labels, path) for part, names in parts.items()
            }
            return {f"{letter}_{part}": values[i] for part, values in rows.items() for i, letter in enumerate("xy")}
    raise UserError(
        f"{path} does not hold what a CIFAR archive for C programs holds (those for Python are not read); name "
        "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz"
    )


def _is_wanted(member: tarfile.TarInfo, path: Path) -> bool:
    """Tell a file of pictures from the rest; what does not fit into memory is refused before it is read."""
    if not (member.isfile() and member.name.endswith(".bin")):
        return False
    check_memory(member.size, str(path))
    return True


def _rows(contents: list[bytes], labels: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images and the last of their labels."""
    values = np.frombuffer(b"".join(contents), dtype=np.uint8)
    if len(values) == 0 or len(values) % (labels + PIXELS):
        raise UserError(f"{path} has an incomplete row of pixels; fetch it again")
    rows = values.reshape(-1, labels + PIXELS)
    images = rows[:, labels:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, labels - 1].copy()
