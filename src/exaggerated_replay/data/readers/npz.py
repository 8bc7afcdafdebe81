"""A file of the user's: `x_train`, `y_train`, `x_test` and `y_test` in one npz, images (uint8) or features (floats)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import read_npz
from exaggerated_replay.data.readers import only

VERSION = 1
WHITE = 255


def read(files: dict[str, Path]) -> dict[str, np.ndarray]:
    """Read the only file.

    Raises:
        UserError: It is unreadable, or lacks one of the arrays.
    """
    path = only(files)
    return read_npz(path)
