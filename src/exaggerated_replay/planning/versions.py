"""The versions that code states of itself: a number that somebody raises where results change."""

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.methods import BUILT_IN, OwnMethod, own_method

PACKAGE = Path(__file__).parents[1]
OWN_DIGITS = 16  # of the digest of a user's file


def method_version(method: str) -> str:
    """Return the version of the code that a run of this method executes, such as "core 1, bir 1".

    A method in a file of the user's own is known by the version that the file states, or else by its digest; and by
    those of the package's methods that it imports.

    Raises:
        UserError: There is no such method, or it states no version.
    """
    own = own_method(method)
    version = own_version(own) if own else str(stated(f"methods/{method}/__init__.py"))
    bases = [f", {base} {stated(f'methods/{base}/__init__.py')}" for base in (imported(own.path) if own else ())]
    return f"core {stated('learning/__init__.py')}, {method} {version}{''.join(bases)}"


def imported(path: Path) -> list[str]:
    """Return the package's methods that a file of the user's own imports, sorted."""
    words = re.findall(r"exaggerated_replay\.methods(?:\.| import )(\w+)", path.read_text(encoding="utf-8"))
    return sorted({*words} & {*BUILT_IN})


def check_version(run: str, method: str, code: str) -> None:
    """Check that the code of a method is still the one that a run is named after.

    Raises:
        UserError: It was changed since the run was planned.
    """
    if (found := method_version(method)) != code:
        raise UserError(
            f"{run} is named after the code {code}, and that of the method {method} is {found} now: start the workflow "
            "again, which names its runs anew"
        )


def own_versions(methods: Iterable[str]) -> dict[str, str]:
    """Return the version of each of these methods that is in a file of the user's own; see `own_version`."""
    return {name: own_version(own) for name in sorted(methods) if (own := own_method(name))}


def own_version(method: OwnMethod) -> str:
    """Return what stands for the code of a user's file: "own 2" where it states VERSION = 2, else its digest."""
    found = numbers_stated(method.path, "VERSION")
    return f"own {found[0]}" if len(found) == 1 else f"sha256:{method.digest[:OWN_DIGITS]}"


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
    found = numbers_stated(path, name)
    if len(found) != 1:
        raise UserError(f"{path} states no version: write a line `{name} = 1` there")
    return found[0]


def numbers_stated(path: Path, name: str) -> list[int]:
    """Return every whole number from 1 on that a line of a file gives this name."""
    lines = re.findall(rf"^{name} = ([1-9][0-9]*)[ ]*(?:#.*)?$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [int(line) for line in lines]
