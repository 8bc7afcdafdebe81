"""Which methods there are, and what can be set of each.

A method is a folder of `methods/`: `__init__.py` holds its `Settings`, without torch, `method.py` the class that
learns. Or it is a file of the user's own that the setting `methods` names: what it calls `METHOD` learns, and its
`Settings`, where it has any, say what can be set. Such a file is imported under the name that a folder of `methods/`
would have, so that nothing else needs to know the difference.
"""

import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from exaggerated_replay.errors import UserError, is_out_of_memory, line_in
from exaggerated_replay.files import file_digest, no_such_file
from exaggerated_replay.settings.arms import Appearance
from exaggerated_replay.settings.run import DrawsFrom, MethodSettings

FOLDER = Path(__file__).parents[1] / "methods"
PACKAGE = "exaggerated_replay.methods"
OWN_DIGITS = 16  # of the digest of a user's file
BUILT_IN = tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.ispkg))


@dataclass(frozen=True)
class OwnMethod:
    """A file of the user's own that holds a method."""

    name: str  # of the method
    path: Path
    digest: str  # SHA-256 of the file

    @property
    def content(self) -> str:
        """What stands for its content, in the names of runs and in what their states are marked with."""
        return f"sha256:{self.digest[:OWN_DIGITS]}"

    @property
    def package(self) -> str:
        """The name under which its settings are imported."""
        return _modules(self.name)[0]

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        return _modules(self.name)[-1]


_own: dict[str, OwnMethod] = {}


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted."""
    return tuple(sorted({*BUILT_IN, *_own}))


def use_own(files: Mapping[str, str]) -> None:
    """Let files of the user's own be methods, and no others that were before.

    Args:
        files: Name of each method -> its file.

    Raises:
        UserError: A name cannot be one, or a file is missing.
    """
    found = {}
    for name, file in files.items():
        if name in BUILT_IN or not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name):
            why = "is the name of a method that is there already" if name in BUILT_IN else "cannot be a method's name"
            raise UserError(f"methods.{name}: {name!r} {why}: choose another word of small letters, digits and _")
        path = Path(file)
        if not path.is_file():
            raise no_such_file(f"methods.{name}", path)
        found[name] = OwnMethod(name, path, file_digest(path))
    for name in [name for name, own in _own.items() if found.get(name) != own]:
        del _own[name]
        for module in _modules(name):
            sys.modules.pop(module, None)
    _own.update(found)


def own_method(method: str) -> OwnMethod | None:
    """Return the user's file that holds a method; None of one that is part of the package."""
    return _own.get(method)


def mark_of_own(own: OwnMethod | None) -> dict[str, str]:
    """Return what marks the state of a run whose method is in a file of the user's own; nothing of any other.

    Such a file may be edited under the version that it states, and so under the same name of the run.
    """
    return {"method": own.content} if own else {}


@contextmanager
def named_in_errors(method: str) -> Iterator[None]:
    """Name the user's file that holds a method, if one does, where the method fails and no line of the file says so.

    Raises:
        UserError: It failed so.
    """
    try:
        yield
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:
        own = own_method(method)
        if own is None or line_in(own.path, error) or is_out_of_memory(error):
            raise
        what = f"{type(error).__name__}: {error}"
        raise UserError(f"{own.path}: a run of {method} fails with {what}; --traceback shows where") from error


def settings_of(method: str) -> type[MethodSettings]:
    """Return the class of a method's settings.

    Raises:
        ModuleNotFoundError: There is no such method.
        UserError: It is in a file of the user's own that is no method.
    """
    own = _own.get(method)
    if own is None:
        return import_module(f"{PACKAGE}.{method}").Settings
    package, _ = _modules(method)
    return getattr(sys.modules.get(package) or _load(method, own.path), "Settings", MethodSettings)


def _modules(method: str) -> tuple[str, str]:
    return f"{PACKAGE}.{method}", f"{PACKAGE}.{method}.method"


def _load(method: str, path: Path) -> ModuleType:
    """Import a file as the method of this name."""
    names = _modules(method)
    spec = spec_from_file_location(names[-1], path)
    if spec is None or spec.loader is None:
        raise UserError(f"methods.{method}: {path} is not a file of Python: its name must end in .py")
    module = module_from_spec(spec)
    sys.modules.update(dict.fromkeys(names, module))
    try:
        spec.loader.exec_module(module)
        if not isinstance(getattr(module, "METHOD", None), type):
            raise UserError(f"methods.{method}: {path} does not say which class learns: end it with METHOD = CLASS")
        chosen = getattr(module, "Settings", MethodSettings)
        _check_settings(f"methods.{method}: Settings in {path}", chosen)
        _check_base(method, path, module.METHOD, chosen)
    except Exception as error:
        for name in names:
            del sys.modules[name]
        if isinstance(error, UserError):
            raise
        told = f"methods.{method}: {path} cannot be imported: {type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and (beside := file_beside(path, str(error.name).rpartition(".")[2])):
            told += f"; for Python to find {beside} under its own name, put {beside.parent} into PYTHONPATH"
        raise UserError(told) from error
    return module


def file_beside(path: Path, name: str) -> Path | None:
    """Return the file of a module of this name that lies beside a file; None where there is none."""
    places = (path.parent / f"{name}.py", path.parent / name / "__init__.py")
    return next((place for place in places if name and place.is_file()), None)


def _check_settings(what: str, chosen: Any) -> None:
    """Check what a user's file calls `Settings`: mistakes that would be ignored in silence, or told of late.

    Raises:
        UserError: It is no class of settings, or not a right one.
    """
    if not (isinstance(chosen, type) and issubclass(chosen, MethodSettings)):
        raise UserError(f"{what} must be a class that derives from MethodSettings")
    if vars(chosen).get("__annotations__") and "__dataclass_fields__" not in vars(chosen):
        raise UserError(f"{what} is no dataclass: write @dataclass(frozen=True, kw_only=True) above it")
    names = [field.name for field in fields(chosen)]
    if taken := [name for name in names if name in Appearance.__dataclass_fields__]:
        raise UserError(f"{what} has {taken[0]}, which says how an arm looks: choose another name")
    if chosen.draws_from not in get_args(DrawsFrom):
        choices = ", ".join(map(repr, get_args(DrawsFrom)))
        raise UserError(f"{what} has draws_from = {chosen.draws_from!r}: choose one of {choices}")
    if unknown := sorted({*chosen.of_each_class, *chosen.of_each_task} - {*names}):
        raise UserError(
            f"{what} names {unknown[0]!r} in of_each_class or of_each_task, and has no such setting: add it"
        )


def _check_base(method: str, path: Path, learner: type, chosen: type[MethodSettings]) -> None:
    """Check that a method that derives from one of the package has the settings by which that one learns.

    Raises:
        UserError: It has not, or has them under the other's name, which would name the other method.
    """
    origins = (re.fullmatch(rf"{re.escape(PACKAGE)}\.(\w+)\.method", cls.__module__) for cls in learner.__mro__)
    base = next((found[1] for found in origins if found and found[1] in BUILT_IN), None)
    hint = get_type_hints(chosen)["method"]
    renamed = get_origin(hint) is not Literal or method in get_args(hint)
    if renamed and (base is None or issubclass(chosen, import_module(f"{PACKAGE}.{base}").Settings)):
        return
    base = base or get_args(hint)[0]
    raise UserError(
        f"methods.{method}: {path} builds on the method {base} and must say so of what can be set: write a class "
        f"Settings there that derives from the one in {PACKAGE}.{base}, with a line `method: str`"
    )
