"""The handwritten digits that scikit-learn brings along: a table of 64 pixels and a label per row, 8 x 8 pixels.

There is no official split: of each class, every fifth image in the order of the file is a test image.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from exaggerated_replay.data.readers import only
from exaggerated_replay.errors import UserError

VERSION = 1
WHITE = 16
MOST_BYTES = 10**7  # the file has 264,712


def read(files: dict[str, Path]) -> dict[str, np.ndarray]:
    """Read the only file.

    Returns:
        `x_train`, `x_test`, uint8 (N, 8, 8) of values 0 ... 16, and `y_train`, `y_test`, int64 (N,).

    Raises:
        UserError: It is not such a table.
    """
    path = only(files)
    try:
        with gzip.open(path) as file:
            text = file.read(MOST_BYTES).decode("ascii")
        table = np.loadtxt(text.splitlines(), delimiter=",", dtype=np.int64, ndmin=2)
    except (OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise UserError(f"{path} is not a table of integers; delete it and fetch it again") from error
    if table.shape[1] != 65 or table[:, :64].min() < 0 or table[:, :64].max() > WHITE:
        raise UserError(
            f"{path} must hold 64 values from 0 to 16 and a label in every row; delete it and fetch it again"
        )
    x, y = table[:, :64].astype(np.uint8).reshape(-1, 8, 8), table[:, 64]
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        test[np.flatnonzero(y == label)[4::5]] = True
    return {"x_train": x[~test], "y_train": y[~test], "x_test": x[test], "y_test": y[test]}
