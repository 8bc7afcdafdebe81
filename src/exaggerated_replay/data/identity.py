"""What a data set is known by: what is in it, and not the file that brought it.

Training samples count in their order, because batches are drawn from it. The order of the test set counts for nothing:
it is put into one of its own before anything else sees it. File names, compression, integer types of labels, other
arrays beside these four and the form of an archive count for nothing either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import numpy as np

from exaggerated_replay.data.arrays import content_digest
from exaggerated_replay.data.checks import checked
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import no_such_file, read_json, write_json
from exaggerated_replay.places import DIGITS, digests_file

VERSION = 1
"""Of what a digest is taken over: raised when the same samples are to have another one."""


def scale_of(x: np.ndarray, white: int) -> int:
    """Return what inputs are divided by before a model sees them: the largest value of a pixel, of images alone."""
    return white if x.dtype == np.uint8 else 1


def in_one_order(arrays: Mapping[str, np.ndarray], white: int) -> tuple[dict[str, np.ndarray], str]:
    """Put the test set into the one order that these samples have, wherever they come from.

    That is class by class, and in a class by the SHA-256 of each sample. Where results of an earlier order are
    committed, that order is kept: `data/orders/` has it under the digest of the data.

    Args:
        arrays: From `checked`.
        white: The largest value of a pixel.

    Returns:
        The same samples, and the digest that identifies them.
    """
    x, y = arrays["x_test"], arrays["y_test"]
    samples = [hashlib.sha256(sample.tobytes()).digest() for sample in x]
    order = np.array(sorted(range(len(y)), key=lambda row: (y[row], samples[row])))
    ordered = {**arrays, "x_test": x[order], "y_test": y[order]}
    digest = content_digest({**ordered, "scale": np.float32(scale_of(x, white))})
    if kept := _kept_order(digest):
        ordered |= {key: ordered[key][kept] for key in ("x_test", "y_test")}
    return ordered, digest


def _kept_order(digest: str) -> list[int]:
    """Return which of the samples, class by class and by their SHA-256, comes where; nothing where none is kept."""
    place = files("exaggerated_replay.data").joinpath("orders", f"{digest[:DIGITS]}.txt")
    if not place.is_file():
        return []
    ranks = [[int(word) for word in line.split()] for line in place.read_text(encoding="ascii").splitlines()]
    starts = np.cumsum([0, *map(len, ranks)])
    return [int(start) + rank for start, row in zip(starts, ranks, strict=False) for rank in row]


def content_of_file(path: Path, reader: str, key: str, white: int | None = None) -> str:
    """Return the digest of the samples in a file of the user's.

    Args:
        path: The file.
        reader: Its format, a module of `data/readers/`.
        key: The setting that names it.
        white: The largest value of a pixel; None: as the format has it.

    Raises:
        UserError: There is no such file, or it is not a usable data set.
    """
    module = import_module(f"exaggerated_replay.data.readers.{reader}")

    def look() -> str:
        return in_one_order(checked(module.read({path.name: path}), path), white or module.WHITE)[1]

    stated = f" white {white}" if white else ""
    return remembered(path, key, f"samples {VERSION} by {reader} {module.VERSION}{stated}", look)


def counts_of_file(path: Path, reader: str, key: str) -> list[int]:
    """Return how many training samples each class has in a file of the user's.

    Args:
        path: The file, a usable data set.
        reader: Its format, a module of `data/readers/`.
        key: The setting that names it.

    Raises:
        UserError: There is no such file, or it cannot be read.
    """
    module = import_module(f"exaggerated_replay.data.readers.{reader}")

    def look() -> str:
        labels = module.read({path.name: path})["y_train"]
        return " ".join(map(str, np.bincount(labels.reshape(-1).astype(np.int64))))

    kind = f"training samples {VERSION} by {reader} {module.VERSION}"
    return [int(count) for count in remembered(path, key, kind, look).split()]


def remembered(path: Path, key: str, kind: str, look: Callable[[], str]) -> str:
    """Return what `look` finds in a file, such as a digest, looked for once for its path, size, time and inode.

    Raises:
        UserError: There is no such file.
    """
    if not path.is_file():
        raise no_such_file(key, path)
    status = path.stat()
    mark = [status.st_size, status.st_mtime_ns, status.st_ino]
    name = f"{kind} of {path.absolute()}"
    place, known = digests_file(), {}
    with suppress(UserError, OSError):
        known = read_json(place)
    with suppress(KeyError, TypeError, ValueError):
        before, digest = known[name]
        if before == mark:
            return str(digest)
    digest = look()
    with suppress(OSError, UserError, TypeError, AttributeError):  # nothing need be remembered: it is looked at again
        still = {kept: said for kept, said in known.items() if Path(kept.partition(" of ")[2]).is_file()}
        write_json(place, {**still, name: [mark, digest]})
    return digest
