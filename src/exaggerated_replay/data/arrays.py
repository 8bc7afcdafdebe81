"""Arrays in npz files: nothing in them is unpickled, and nothing is allocated that does not fit into memory."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike

from exaggerated_replay.errors import UserError
from exaggerated_replay.memory import available_memory

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
DAMAGE = (OSError, EOFError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


class Header(NamedTuple):
    """What an array says of itself before its values are read."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_npz(
    path: Path, keys: Iterable[str] = ARRAYS, again: str = "write it again with np.savez"
) -> dict[str, np.ndarray]:
    """Read arrays of an npz file.

    Raises:
        UserError: The file is unreadable, lacks one of the arrays, or needs more memory than there is; `again`
            says what to do about it.
    """
    found = headers(path, keys, again)
    check_memory(sum(_size(header) for header in found.values()), str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            return {key: _values(archive, key) for key in found}
    except DAMAGE as error:
        raise _unreadable(path, again) from error


def headers(path: Path, keys: Iterable[str] = ARRAYS, again: str = "write it again with np.savez") -> dict[str, Header]:
    """Read shapes and types of arrays of an npz file, and check that the values they announce are there.

    Raises:
        UserError: The file is unreadable, or lacks one of the arrays.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
                raise UserError(f"{path} is a single array, not an .npz; {again}")
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            for key in keys:
                if key not in names:
                    raise UserError(f"{path} has no array {key}, only {', '.join(names) or 'no array at all'}; {again}")
            return {key: _checked_header(archive, key) for key in keys}
    except DAMAGE as error:
        raise _unreadable(path, again) from error


def _checked_header(archive: zipfile.ZipFile, key: str) -> Header:
    with archive.open(f"{key}.npy") as member:
        header = _read_header(member)
        announced = member.tell() + _size(header)
    if header.dtype.hasobject or archive.getinfo(f"{key}.npy").file_size != announced:
        raise ValueError(key)
    return header


def _read_header(member: IO[bytes]) -> Header:
    version = npy.read_magic(member)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:  # 3.0 is for named columns alone
        raise ValueError(version)
    shape, _, dtype = read(member)
    return Header(shape, dtype)


def _values(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    with archive.open(f"{key}.npy") as member:
        return npy.read_array(member, allow_pickle=False)


def _size(header: Header) -> int:
    return math.prod(header.shape) * header.dtype.itemsize


def _unreadable(path: Path, again: str) -> UserError:
    return UserError(f"{path} is not a readable .npz of plain numbers (damaged, or pickled Python objects?); {again}")


def content_digest(arrays: Mapping[str, ArrayLike]) -> str:
    """Return the SHA-256 over names, types, shapes and values of arrays, in the order of their names, in hex."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)  # a view: nothing is copied
    return digest.hexdigest()


def check_memory(needed: int, what: str) -> None:
    """Refuse what would not fit into memory.

    Args:
        needed: Bytes.
        what: The file that needs them.

    Raises:
        UserError: They are more than what is available.
    """
    available = available_memory()
    if needed > available:
        raise UserError(
            f"{what} needs {needed / 1e9:.3g} GB of memory, but {available / 1e9:.3g} GB are available; "
            "check the file, or use a machine with more memory"
        )
