"""Raw files as the readers take them, an .npz file of the user's own, prepared, and what lies in a folder then."""

from pathlib import Path

import numpy as np

from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load


def only_files(folder: Path) -> list[str]:
    """Every file and folder below, hidden and temporary ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def named(*files: Path) -> dict[str, Path]:
    """Raw files as the readers take them."""
    return {file.name: file for file in files}


def own(**changes) -> dict:
    """Four training and two test vectors of three float64 features, classes 0 and 1."""
    arrays = {
        "x_train": np.arange(12.0).reshape(4, 3) - 5,
        "y_train": np.array([0, 1, 1, 0]),
        "x_test": np.full((2, 3), 0.5),
        "y_test": np.array([1, 0]),
    }
    arrays.update(changes)
    return {key: value for key, value in arrays.items() if value is not None}


def prepared(folder: Path, **changes):
    np.savez(folder / "own.npz", **own(**changes))
    prepare("npz", named(folder / "own.npz"), folder / "out.npz")
    return load(folder / "out.npz")
