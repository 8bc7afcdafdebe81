"""Has code moved whose version did not? A lock says which code each stated version was last known to stand for.

`python -m tools.versions check` compares; `renew` takes raised versions into the lock, and what is new. Code is known
by its syntax trees, without docstrings, the words of errors, positions, and without what its modules are called.
"""

import ast
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.versions import SHARED, stated

PACKAGE = "exaggerated_replay"
SOURCE = Path("src", PACKAGE)
LOCK = Path("versions.lock")
COMPUTING = ("streams", "learning", "methods", "data", "features")  # the subpackages whose code decides a result
CORE = "core"
OF_RUNS = ("methods/", "learning/")  # the units whose version stands in a run's name beside the core's


class Unit(NamedTuple):
    """A part of the code with a version of its own."""

    version: int
    code: str  # SHA-256


class Place(NamedTuple):
    """Where the version of a unit is stated, and the modules that it begins with."""

    file: str
    name: str
    entries: tuple[str, ...]


class Module(NamedTuple):
    """A module as its digest sees it."""

    code: str  # SHA-256 of its own skeleton
    imports: list[tuple[str, str]]  # (a module of the package, or "" if it decides nothing; what is imported as what)


Units = Mapping[str, Unit]


# ---------------------------------------------------------------- what there is


def units_of(source: Path = SOURCE) -> dict[str, Unit]:
    """Return all units of a package in the folder `source`, by name.

    Raises:
        SystemExit: One states no version.
    """
    core = set(closure(source, places(source)[CORE].entries))
    units = {}
    for unit, place in places(source).items():
        code = code_digest(closure(source, place.entries, core if unit.startswith(OF_RUNS) else ()))
        try:
            units[unit] = Unit(stated(place.file, place.name, source), code)
        except UserError as error:
            sys.exit(str(error))
    return units


def places(source: Path) -> dict[str, Place]:
    """Return where the version of each unit is stated."""
    methods = sorted(path.parent.name for path in source.glob("methods/*/method.py"))
    readers = sorted(path.stem for path in source.glob("data/readers/*.py") if not path.stem.startswith("_"))
    encoder = {
        "pretraining": ("features.pretraining",),
        "extraction": ("features.extraction", "features.architectures"),
    }
    return {
        CORE: Place("learning/__init__.py", "VERSION", ("learning.experiment",)),
        **{f"learning/{m}": Place(f"learning/{m}.py", "VERSION", (f"learning.{m}",)) for m in SHARED},
        **{f"methods/{m}": Place(f"methods/{m}/__init__.py", "VERSION", (f"methods.{m}.method",)) for m in methods},
        **{f"readers/{r}": Place(f"data/readers/{r}.py", "VERSION", (f"data.readers.{r}",)) for r in readers},
        "preparing": Place("data/prepare.py", "VERSION", ("data.prepare",)),
        **{name: Place("features/__init__.py", name.upper(), entries) for name, entries in encoder.items()},
    }


def closure(source: Path, entries: Iterable[str], known: Iterable[str] = ()) -> dict[str, Module]:
    """Return the modules that compute which some modules import, themselves included, without those `known`."""
    found: dict[str, Module] = {}
    waiting = [f"{PACKAGE}.{entry}" for entry in entries]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in known:
            found[name] = read_module(source, name)
            waiting += [module for module, _ in found[name].imports if module]
    return found


def code_digest(modules: Mapping[str, Module]) -> str:
    """Return the digest of the code of modules, whatever they are called: each stands for itself, by its content."""
    codes = {name: module.code for name, module in modules.items()}
    parts = sorted(
        [module.code, sorted([codes.get(imported, ""), name] for imported, name in module.imports)]
        for module in modules.values()
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_module(source: Path, name: str) -> Module:
    """Read a module of the package in the folder `source`."""
    code, statements = parsed(module_path(source, name).read_text(encoding="utf-8"))
    return Module(code, [found for statement in statements for found in own_imports(statement, name, source)])


@functools.cache
def parsed(text: str) -> tuple[str, list[ast.Import | ast.ImportFrom]]:
    """Return the digest of a module's own skeleton, and its imports."""
    tree = ast.parse(text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return hashlib.sha256(repr(skeleton(tree)).encode()).hexdigest(), imports


def module_path(source: Path, name: str) -> Path:
    """Return the file of a module of the package (a subpackage's own code does not compute)."""
    return source.joinpath(*name.split(".")[1:]).with_suffix(".py")


def own_imports(node: ast.Import | ast.ImportFrom, importer: str, source: Path) -> list[tuple[str, str]]:
    """Return what a statement imports from the package: each the module if it computes, else "", and the name taken."""
    if isinstance(node, ast.Import):
        taken = [([alias.name], alias.asname or "") for alias in node.names]
    else:
        above = importer.split(".")[: -node.level] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        taken = [([f"{origin}.{a.name}", origin], f"{a.name} as {a.asname or a.name}") for a in node.names]
    return [
        (next((module for module in modules if computes(source, module)), ""), name)
        for modules, name in taken
        if f"{modules[-1]}.".startswith(f"{PACKAGE}.")
    ]


def computes(source: Path, name: str) -> bool:
    """Tell whether a name is that of a module whose code decides a result."""
    return name.startswith(tuple(f"{PACKAGE}.{part}" for part in COMPUTING)) and module_path(source, name).is_file()


def skeleton(node: Any) -> Any:
    """Return a syntax tree as nested tuples, without docstrings, the words of errors and positions.

    Imports of the package and its versions are left out, too: they are told apart. So are empty fields, of which
    later versions of Python add some: the digest must not depend on the interpreter.
    """
    if isinstance(node, list):
        return [skeleton(n) for n in node if not _is_told_apart(n)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Raise):  # what an error says decides no result: its kind does
        node = ast.Raise(exc=node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
    parts = [(name, skeleton(value)) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return type(node).__name__, [(name, part) for name, part in parts if part != []]


def _is_told_apart(node: Any) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):  # a string that stands alone does nothing, wherever it stands
            return True
        case ast.ImportFrom():
            return node.level > 0 or f"{node.module}.".startswith(f"{PACKAGE}.")
        case ast.Import():
            return all(alias.name.startswith(f"{PACKAGE}.") for alias in node.names)
        case ast.Assign(targets=[ast.Name(id="VERSION")]):
            return True
    return False


# ---------------------------------------------------------------- what the lock says


def read_lock(text: str) -> dict[str, Unit]:
    """Return the units of a lock.

    Raises:
        SystemExit: It is none.
    """
    try:
        return {unit: Unit(**values) for unit, values in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        sys.exit(f"{LOCK} cannot be read, as after a merge that is not settled: take one side's and `make equivalent`.")


def lock_text(units: Units) -> str:
    """Return a lock: JSON, one unit a line, sorted, so that two branches that change two units can be merged."""
    lines = (f" {json.dumps(unit)}: {json.dumps(values._asdict())}" for unit, values in sorted(units.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def raised(now: Units, locked: Units) -> set[str]:
    """Return the units whose results have names of their own: they are new, or their version is.

    The core's version is part of the name of every run, so that it raises all that stands beside it there.

    Raises:
        SystemExit: A version went down, which results have had.
    """
    if lowered := [unit for unit in now if unit in locked and now[unit].version < locked[unit].version]:
        sys.exit(f"{LOCK} has higher versions of {', '.join(lowered)} than the code states: a version never goes down.")
    new = {unit for unit in now if unit not in locked or now[unit].version > locked[unit].version}
    return new | {unit for unit in now if CORE in new and unit.startswith(OF_RUNS)}


def moved(now: Units, locked: Units) -> list[str]:
    """Return the units whose code is another under a version that is the same."""
    new = raised(now, locked)
    return [unit for unit in now if unit not in new and now[unit].code != locked[unit].code]


def main(arguments: list[str]) -> None:
    """Check the lock, or renew it.

    Raises:
        SystemExit: It does not fit the code.
    """
    if arguments not in (["check"], ["renew"]):
        sys.exit("Say `python -m tools.versions check` or `python -m tools.versions renew`.")
    now = units_of()
    locked = read_lock(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    if names := moved(now, locked):
        files = dict.fromkeys(str(SOURCE / place.file) for unit, place in places(SOURCE).items() if unit in names)
        sys.exit(
            f"The code of {', '.join(names)} is not that of {LOCK}: where its results change, state a new version "
            f"({', '.join(files)}) and run `make lock-versions`; else run `make equivalent`, which trains small runs "
            "before and after and renews the lock."
        )
    if arguments == ["renew"]:
        LOCK.write_text(lock_text(now), encoding="utf-8")
    elif now != locked:
        names = sorted(unit for unit in now.keys() | locked.keys() if now.get(unit) != locked.get(unit))
        sys.exit(f"{LOCK} does not say yet what the code states of {', '.join(names)}: run `make lock-versions`.")


if __name__ == "__main__":
    main(sys.argv[1:])
