"""Which methods there are, and what can be set of each, without importing torch.

A method is a folder of `methods/`: `__init__.py` holds its `Settings`, `method.py` the class that learns.
"""

import functools
import pkgutil
from importlib import import_module
from pathlib import Path

from exaggerated_replay.settings.run import MethodSettings

FOLDER = Path(__file__).parents[1] / "methods"


@functools.cache
def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.ispkg))


def settings_of(method: str) -> type[MethodSettings]:
    """Return the class of a method's settings.

    Raises:
        ModuleNotFoundError: There is no such method.
    """
    return import_module(f"exaggerated_replay.methods.{method}").Settings
