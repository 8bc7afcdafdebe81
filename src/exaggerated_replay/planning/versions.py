"""The versions that code states of itself: a number that somebody raises where results change."""

import ast
import functools
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.methods import BUILT_IN, OwnMethod, file_beside, own_method

PACKAGE = Path(__file__).parents[1]
SHARED = ("competition", "consolidation", "losses")
"""The modules of learning/ outside of the core, which some methods import: each states a version for a user's own."""


def method_version(method: str) -> str:
    """Return the version of the code that a run of this method executes, such as "core 1, bir 1".

    A method in a file of the user's own is known by the version that the file states, or else by its digest; and by
    those of the package's code that it imports, beside the core.

    Raises:
        UserError: There is no such method, it states no version, or a user's file cannot be read.
    """
    own = own_method(method)
    version = own_version(own) if own else str(stated(f"methods/{method}/__init__.py"))
    bases = [f", {base} {number}" for base, number in (built_on(method, own).items() if own else ())]
    return f"core {stated('learning/__init__.py')}, {method} {version}{''.join(bases)}"


def built_on(method: str, own: OwnMethod) -> dict[str, int]:
    """Return the versions of the package's code that a file of the user's own imports beside the core, by name."""
    found = {}
    for name in sorted(imported(own.path, f"exaggerated_replay.methods.{method}")):
        match name.split("."):
            case ["exaggerated_replay", "methods", base, *_] if base in BUILT_IN:
                found[base] = stated(f"methods/{base}/__init__.py")
            case ["exaggerated_replay", "learning", module, *_] if module in SHARED:
                found[module] = stated(f"learning/{module}.py")
    return found


def imported(path: Path, package: str) -> Iterator[str]:
    """Yield the dotted name of each module that a file of the package imports, and of what it takes from modules."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name(f"{'.' * node.level}{node.module or ''}", package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


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
    """Return what stands for the code of a user's file: "own 2" where it states VERSION = 2, else its digest.

    Raises:
        UserError: It gives VERSION another value than one whole number, or none although it imports a file beside it,
            of which its digest says nothing; or it is not Python.
    """
    match numbers_stated(method.path, "VERSION"):
        case []:
            names = imported(method.path, method.package)
            first = {name.removeprefix(f"{method.package}.").partition(".")[0] for name in names}
            beside = (file_beside(method.path, name) for name in sorted(first - {"exaggerated_replay"}))
            if helper := next(filter(None, beside), None):
                raise UserError(
                    f"{method.path} imports {helper}, and its digest does not cover that file: write a line "
                    "`VERSION = 1` into it, and raise the number whenever one of the two changes what comes out"
                )
            return method.content
        case [int(number)]:
            return f"own {number}"
    raise UserError(
        f"{method.path} gives VERSION something else than one whole number: write one line `VERSION = 1`, or none, and "
        "its digest stands for it"
    )


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
    match numbers_stated(path, name):
        case [int(number)]:
            return number
    raise UserError(f"{path} states no version: write a line `{name} = 1` there")


def numbers_stated(path: Path, name: str) -> list[int | None]:
    """Return the whole numbers from 1 on that a module gives a name; None for whatever else it gives it, or may give.

    Raises:
        UserError: It is not Python.
    """
    tree = parsed(path)
    found = [number for node in tree.body if (number := _number_given(node, name))]
    return [*found, *[None] * (sum(_binds(node, name) for node in _of_module(tree)) - len(found))]


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        UserError: It is not Python.
    """
    try:
        return ast.parse(path.read_bytes(), path.name)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} cannot be read as Python: {error}") from None


def _number_given(node: ast.stmt, name: str) -> int | None:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=number))
            | ast.AnnAssign(target=ast.Name(id=found), value=ast.Constant(value=number))
        ) if found == name and type(number) is int and number >= 1:
            return number
    return None


def _of_module(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes below one, but for those within functions and classes, whose names are their own."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _of_module(child)


def _binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=found, ctx=ast.Store()) | ast.alias(asname=str(found)) | ast.alias(name=found, asname=None):
            return bool(found == name)
    return False
