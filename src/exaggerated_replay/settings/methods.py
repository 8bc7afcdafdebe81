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
from typing import Literal, get_args, get_origin, get_type_hints

from exaggerated_replay.errors import UserError, is_out_of_memory, line_in
from exaggerated_replay.files import file_digest, no_such_file
from exaggerated_replay.settings.arms import Appearance
from exaggerated_replay.settings.run import MethodSettings

FOLDER = Path(__file__).parents[1] / "methods"
PACKAGE = "exaggerated_replay.methods"
BUILT_IN = tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.ispkg))


@dataclass(frozen=True)
class OwnMethod:
    """A file of the user's own that holds a method."""

    name: str  # of the method
    path: Path
    digest: str  # SHA-256 of the file


_own: dict[str, OwnMethod] = {}

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        return _modules(self.name)[-1]


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
        if not (isinstance(chosen, type) and issubclass(chosen, MethodSettings)):
            raise UserError(f"methods.{method}: Settings in {path} must be a class that derives from MethodSettings")
        if taken := [field.name for field in fields(chosen) if field.name in Appearance.__dataclass_fields__]:
            raise UserError(
                f"methods.{method}: Settings in {path} has {taken[0]}, which says how an arm looks: choose another name"
            )
    except Exception as error:
        for name in names:
            del sys.modules[name]
        if isinstance(error, UserError):
            raise
        raise UserError(f"methods.{method}: {path} cannot be imported: {type(error).__name__}: {error}") from error
    return module
