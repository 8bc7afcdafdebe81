"""The raw files of a data set, as published, checked against their known checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import scratch_beside

TRIES = 3  # how often a mirror is asked before the next one is
TIMEOUT = 20.0  # seconds of silence after which a host counts as away
PACKAGE = "package:"


OWN_DATA = (
    "name a local copy or another mirror (a folder, a URL, or an npz file) in `dataset.source`, for the images of an "
    "encoder in `encoder.images.source`"
)
OWN_ENCODER = "name a local copy in `encoder.weights`"


def fetch(what: str, folder: Path, files: dict[str, str], mirrors: list[str], instead: str = OWN_DATA) -> None:
    """Put published files into a folder: all of them, or none.

    Files already there with the right checksum are kept, so a user without a network can place them by hand; files
    with a wrong one are replaced. A download that is cut off starts again, at this mirror or the next: until its
    checksum is right, a file has a temporary name in a folder that is removed.

    Args:
        what: What the files are called in messages, for example "data set mnist".
        folder: Where the files go, for example `data/raw/mnist`.
        files: File name -> checksum, `sha256:<hex>` or `md5:<hex>`.
        mirrors: Where the files lie, asked in this order: URLs of folders, folders on this machine (or the only file
            itself), or `package:NAME/FOLDER`, a folder in an installed Python package.
        instead: What a user can do who cannot get them.

    Raises:
        UserError: A checksum is malformed, or a file could not be had.
    """
    wanted = {file: checksum for file, checksum in files.items() if not _matches(folder / file, checksum)}
    if not wanted:
        return
    with scratch_beside(folder) as scratch:
        for file, checksum in wanted.items():
            _get(what, scratch / file, checksum, mirrors, folder, instead)
        folder.mkdir(exist_ok=True)
        for file in wanted:
            os.replace(scratch / file, folder / file)


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


def _get(what: str, target: Path, checksum: str, mirrors: list[str], folder: Path, instead: str) -> None:
    """Get one file from the first mirror that has it whole."""
    failures = []
    for mirror in mirrors:
        try:
            if "://" in mirror:
                _download(mirror, target, checksum)
            else:
                _copy(mirror, target, checksum)
            return
        except (OSError, ValueError) as error:  # pooch raises ValueError for a wrong checksum
            target.unlink(missing_ok=True)
            failures.append(f"{mirror} ({' '.join(str(error).split()) or type(error).__name__})")
    damaged = f" (the {target.name} there has another checksum)" if (folder / target.name).exists() else ""
    raise UserError(
        f"{what}: could not get {target.name} ({checksum}) from {', '.join(failures) or 'no mirror at all'}; try again "
        f"later, {instead}, or place the raw files by hand in {folder}{damaged}"
    )


def _download(mirror: str, target: Path, checksum: str) -> None:
    import pooch

    quiet = not os.isatty(2)
    web = pooch.create(
        target.parent,
        base_url=mirror.rstrip("/") + "/",
        registry={target.name: checksum.lower()},
        retry_if_failed=TRIES - 1,
    )
    pooch.get_logger().setLevel("WARNING")
    web.fetch(target.name, downloader=pooch.HTTPDownloader(progressbar=not quiet, timeout=TIMEOUT))


def _copy(place: str, target: Path, checksum: str) -> None:
    """Copy one file from a folder (or the file itself, where it is the one that is named) or a package."""
    folder = _in_package(place) if place.startswith(PACKAGE) else Path(place)
    path = folder / target.name if folder.is_dir() else folder
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if not _matches(path, checksum):
        raise ValueError(f"{path} has {_checksum(path, checksum)}")
    shutil.copyfile(path, target)


def _in_package(place: str) -> Path:
    """Return a folder of an installed package, found without the cost of importing it."""
    package, _, folder = place.removeprefix(PACKAGE).partition("/")
    spec = find_spec(package)
    if spec is None or not spec.origin:
        raise FileNotFoundError(f"the Python package {package} is not installed")
    return Path(spec.origin).parent / folder


def _checksum(path: Path, like: str) -> str:
    """Return the checksum of a file, computed and written in the manner of the checksum `like`."""
    algorithm = like.partition(":")[0]
    if algorithm not in ("sha256", "md5"):
        raise UserError(f"checksum {like!r} of {path.name} must read sha256:<hex> or md5:<hex>")
    with path.open("rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def _matches(path: Path, checksum: str) -> bool:
    return path.is_file() and _checksum(path, checksum) == checksum.lower()
