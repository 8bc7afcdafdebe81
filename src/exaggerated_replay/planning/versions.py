"""The versions that code states of itself: a number that somebody raises where results change."""

import functools
import re
from pathlib import Path

from exaggerated_replay.errors import UserError

PACKAGE = Path(__file__).parents[1]


@functools.cache
def method_version(method: str) -> str:
    """Return the version of the code that a run of this method executes, such as "core 1, bir 1".

    Raises:
        UserError: There is no such method, or it states no version.
    """
    return f"core {stated('learning/__init__.py')}, {method} {stated(f'methods/{method}/__init__.py')}"


@functools.cache
def reader_version(reader: str) -> str:
    """Return the version of a reader of raw files, such as "cifar 1".

    Raises:
        UserError: There is no such reader, or it states no version.
    """
    return f"{reader} {stated(f'data/readers/{reader}.py')}"


def pretraining_version() -> str:
    """Return the version of the encoder's training."""
    return f"pretraining {stated('features/__init__.py', 'PRETRAINING')}"


def extraction_version() -> str:
    """Return the version of the way from images and an encoder to features."""
    return f"extraction {stated('features/__init__.py', 'EXTRACTION')}"


def stated(file: str, name: str = "VERSION", package: Path = PACKAGE) -> int:
    """Return the number that a file of the package states, read as text: to import it may take torch.

    Args:
        file: Its path in the package.
        name: What the number is called there.
        package: The package's folder.

    Raises:
        UserError: There is no such file, or it does not state one whole number from 1 on under this name.
    """
    path = package / file
    if not path.is_file():
        raise UserError(f"{path} is missing: nothing says which version its code has")
    found = re.findall(rf"^{name} = ([1-9][0-9]*)[ ]*(?:#.*)?$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if len(found) != 1:
        raise UserError(f"{path} states no version: write a line `{name} = 1` there")
    return int(found[0])
