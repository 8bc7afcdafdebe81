"""The four gzipped idx files in which MNIST and its successors are published."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import check_memory
from exaggerated_replay.errors import UserError

VERSION = 1
WHITE = 255
FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def read(files: dict[str, Path]) -> dict[str, np.ndarray]:
    """Read the four files, which are known by their names.

    Returns:
        `x_train`, `x_test`, `y_train` and `y_test`, uint8 of the shapes that the files give.

    Raises:
        UserError: One is missing or damaged.
    """
    for file in FILES.values():
        if file not in files:
            raise UserError(f"{file} is not among dataset.files: name all of {', '.join(FILES.values())}")
    return {key: read_idx(files[file]) for key, file in FILES.items()}


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file of bytes.

    The header: two zero bytes, the type of the values (8: unsigned bytes), the number of axes, and the length
    of each axis as a big-endian 32-bit integer.

    Raises:
        UserError: It is not such a file.
    """
    try:
        with gzip.open(path) as file:
            start = file.read(4)
            axes = start[3] if start[:3] == b"\0\0\x08" and len(start) == 4 else 0
            lengths = file.read(4 * axes)
            if axes == 0 or len(lengths) < 4 * axes:
                raise UserError(f"{path} is not an idx file of bytes; delete it and fetch it again")
            shape = struct.unpack(f">{axes}I", lengths)
            count = math.prod(shape)
            check_memory(count, str(path))
            values = file.read(count + 1)  # never more than was announced, however much the file would unpack to
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file; delete it and fetch it again") from error
    if len(values) != count:
        held = "more" if len(values) > count else len(values)
        raise UserError(f"{path} announces {count} values but holds {held}; delete it and fetch it again")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)
