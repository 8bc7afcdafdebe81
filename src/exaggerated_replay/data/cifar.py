"""The published CIFAR archives: pickled rows of pixels in a gzipped tar file, read without running anything."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay.errors import UserError

SIDE = 32
LABELS = (b"fine_labels", b"labels")  # of CIFAR-100 and of CIFAR-10


class PlainUnpickler(pickle.Unpickler):
    """Reads pickles of arrays and lists; anything else a pickle could call is refused."""

    ALLOWED = (
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    )

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names, if it is on the list.

        Raises:
            pickle.UnpicklingError: It is not.
        """
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a data set")
        return super().find_class(module, name)


def read_cifar(path: Path) -> dict[str, np.ndarray]:
    """Read cifar-10-python.tar.gz or cifar-100-python.tar.gz.

    Returns:
        `x_train`, `x_test`, uint8 (N, 32, 32, 3), and `y_train`, `y_test`, int64 (N,): of CIFAR-100 the
        100 fine labels.

    Raises:
        UserError: The file is not such an archive.
    """
    try:
        batches = dict(_batches(path))
        parts = {
            "train": [batches[name] for name in sorted(batches) if name == "train" or name.startswith("data_batch")],
            "test": [batches[name] for name in sorted(batches) if name in ("test", "test_batch")],
        }
        return {
            f"{letter}_{part}": np.concatenate([batch[number] for batch in found])
            for part, found in parts.items()
            for number, letter in enumerate("xy")
        }
    except (OSError, EOFError, tarfile.TarError, zlib.error, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is not a whole CIFAR archive ({error}); delete it and fetch it again") from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(f"{path} does not hold what a CIFAR archive holds; delete it and fetch it again") from error


def _batches(path: Path) -> Any:
    """Yield the name of each file of pictures in the archive, with its images and labels."""
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if not member.isfile() or not name.startswith(("train", "test", "data_batch")):
                continue
            values = PlainUnpickler(io.BytesIO(archive.extractfile(member).read()), encoding="bytes").load()
            labels = values[next(key for key in LABELS if key in values)]
            pixels = np.asarray(values[b"data"], dtype=np.uint8)
            images = pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
            yield name, (np.ascontiguousarray(images), np.asarray(labels, dtype=np.int64))
