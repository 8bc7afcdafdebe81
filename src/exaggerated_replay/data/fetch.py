"""The raw files of a data set, as published, checked against their known checksums."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from exaggerated_replay.errors import UserError

NAMES = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
ROUNDS = 3  # how often every mirror is asked before giving up
PAUSE = 5.0  # seconds between two rounds
TIMEOUT = 20.0  # seconds of silence after which a host counts as away


def fetch(name: str, folder: Path, files: dict[str, str], source: str | None = None) -> None:
    """Put the raw files of a data set into a folder: all of them, or none.

    Files already there with the right checksum are kept, so a user without a network can place them by
    hand; files with a wrong one are replaced.

    Args:
        name: `digits` (a copy of the file that scikit-learn brings along; needs no network), or one of the
            sets that torchvision knows where to download.
        folder: Where the files go, for example `data/raw/mnist`.
        files: File name -> checksum, `sha256:<hex>` or `md5:<hex>`.
        source: A folder, or the URL of one, that holds the files: used instead of their usual place.

    Raises:
        UserError: The name is unknown, a checksum is malformed, or a file could not be had.
    """
    if name not in NAMES:
        raise UserError(f"data set {name!r} cannot be fetched; choose one of {', '.join(NAMES)}")
    wanted = {file: checksum for file, checksum in files.items() if not _matches(folder / file, checksum)}
    if not wanted:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        for file, checksum in wanted.items():
            target = Path(scratch) / file
            if source and "://" not in source:
                _copy(Path(source), target, checksum)
            elif source:
                _download(name, [source.rstrip("/") + "/"], target, checksum, folder)
            elif name == "digits":
                _copy_bundled(target, checksum)
            else:
                _download(name, mirrors(name), target, checksum, folder)
        folder.mkdir(exist_ok=True)
        for file in wanted:
            os.replace(Path(scratch) / file, folder / file)


def verify(folder: Path, files: dict[str, str]) -> None:
    """Check that every file is there and is the published one.

    Args:
        folder: Where the files lie.
        files: File name -> checksum, `sha256:<hex>` or `md5:<hex>`.

    Raises:
        UserError: A file is missing, or its checksum is not the expected one.
    """
    for file, expected in files.items():
        path = folder / file
        if not path.is_file():
            raise UserError(f"{path} is missing (expected {expected}); fetch the data set again")
        if not _matches(path, expected):
            raise UserError(
                f"{path} is not the published file: expected {expected}, found {_checksum(path, expected)}; "
                "delete it and fetch the data set again"
            )


def _checksum(path: Path, like: str) -> str:
    """Return the checksum of a file, computed and written in the manner of the checksum `like`."""
    algorithm = like.partition(":")[0]
    if algorithm not in ("sha256", "md5"):
        raise UserError(f"checksum {like!r} of {path.name} must read sha256:<hex> or md5:<hex>")
    with path.open("rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def _matches(path: Path, checksum: str) -> bool:
    return path.is_file() and _checksum(path, checksum) == checksum.lower()


def _copy_bundled(target: Path, checksum: str) -> None:
    """Copy one file of scikit-learn's own data folder, found without the cost of importing scikit-learn."""
    spec = find_spec("sklearn")
    bundled = Path(spec.origin).parent / "datasets" / "data" / target.name if spec and spec.origin else None
    if bundled is None or not bundled.is_file():
        raise UserError(
            f"scikit-learn with its file {target.name} is not installed; install this project's dependencies"
        )
    if not _matches(bundled, checksum):
        raise UserError(
            f"{target.name} in the installed scikit-learn is not the expected file: expected {checksum}, "
            f"found {_checksum(bundled, checksum)}; install this project's dependencies again"
        )
    shutil.copyfile(bundled, target)


def _copy(source: Path, target: Path, checksum: str) -> None:
    """Copy one file from the user's folder (or the file itself, where it is the one that is named)."""
    path = source / target.name if source.is_dir() else source
    if not path.is_file():
        raise UserError(f"dataset.source: there is no file {path}; name the folder that holds {target.name}")
    if not _matches(path, checksum):
        raise UserError(
            f"{path} is not the published {target.name}: expected {checksum}, found {_checksum(path, checksum)}"
        )
    shutil.copyfile(path, target)


def mirrors(name: str) -> list[str]:
    """Return the URLs of the folders that hold a data set's files, as torchvision lists them."""
    from torchvision import datasets

    kind = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
    }[name]
    return kind.mirrors if hasattr(kind, "mirrors") else [kind.url.rpartition("/")[0] + "/"]


def _download(name: str, mirrors: list[str], target: Path, checksum: str, folder: Path) -> None:
    """Get one file from the first mirror that delivers it intact."""
    from torchvision.datasets import utils

    failures: dict[str, str] = {}
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE)
        for mirror in mirrors:
            # The helper takes any file already there for the finished download.
            target.unlink(missing_ok=True)
            try:
                with _timeout(TIMEOUT):
                    utils.download_url(mirror + target.name, str(target.parent), filename=target.name)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                failures[mirror] = str(error) or type(error).__name__
                continue
            if _matches(target, checksum):
                return
            failures[mirror] = f"sent a file with {_checksum(target, checksum)}"
    tried = ", ".join(f"{mirror} ({reason})" for mirror, reason in failures.items())
    damaged = f" (the {target.name} there has another checksum)" if (folder / target.name).exists() else ""
    raise UserError(
        f"data set {name}: could not download {target.name} ({checksum}) from {tried}; try again later, "
        "name a local copy or another mirror in `dataset.source` (a folder, a URL, or an npz file), "
        f"or place the raw files by hand in {folder}{damaged}"
    )


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Give every new connection a time limit: the download helper sets none and would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
