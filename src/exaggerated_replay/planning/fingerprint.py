"""The code that a run executes, as a digest."""

import ast
import functools
import hashlib
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of

PACKAGE = "exaggerated_replay"
ROOT = Path(__file__).parents[1]
COMPUTING = ("streams", "learning", "methods", "data", "features")  # the subpackages whose code decides a result


def method_digest(method: str) -> str:
    """Return the digest of the code that a run of this method executes.

    Raises:
        UserError: There is no such method.
    """
    if not module_path(f"{PACKAGE}.methods.{method}.method").is_file():
        raise UserError(f"there is no method {method!r}: methods/{method}/method.py is missing")
    return code_digest("learning.experiment", f"methods.{method}.method")


@functools.cache
def code_digest(*entries: str) -> str:
    """Return the digest of the code of some modules of the computing subpackages.

    It is taken over the parsed source of the modules and of everything that they import from these
    subpackages. Comments, formatting, docstrings, figures and statistics do not count.
    """
    modules: dict[str, str] = {}
    waiting = [f"{PACKAGE}.{entry}" for entry in entries]
    while waiting:
        name = waiting.pop()
        if name in modules:
            continue
        modules[name], imported = own_code(name, module_path(name).read_text(encoding="utf-8"))
        waiting += imported
    return digest_of(modules)


@functools.cache
def own_code(name: str, source: str) -> tuple[str, list[str]]:
    """Return the digest of one module's own code, and the computing modules that it imports."""
    tree = ast.parse(source)
    imported = [m for m in imported_modules(tree, name) if m.split(".")[1] in COMPUTING]
    return hashlib.sha256(repr(skeleton(tree)).encode()).hexdigest(), imported


def module_path(name: str) -> Path:
    """Return the file of a module of this package (a subpackage's own code does not compute)."""
    return ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py")


def imported_modules(tree: ast.Module, importer: str) -> list[str]:
    """Return the modules of this package that the module called `importer` imports, however it says so."""
    named: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = importer.split(".")[: -node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            named += [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return [name for name in named if name.startswith(f"{PACKAGE}.") and module_path(name).is_file()]


def skeleton(node: Any) -> Any:
    """Return a syntax tree as nested tuples, without docstrings, the words of errors, positions and empty fields.

    Empty fields are left out because later versions of Python add some: the digest must not depend on the
    interpreter.
    """
    if isinstance(node, list):
        return [skeleton(n) for n in node if not _is_docstring(n)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Raise):  # what an error says decides no result: its kind does
        node = ast.Raise(exc=node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
    parts = [(name, skeleton(value)) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return type(node).__name__, [(name, part) for name, part in parts if part != []]


def _is_docstring(node: Any) -> bool:
    # A string that stands alone does nothing, wherever it stands.
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
