"""Nested dictionaries, as params.yaml, a plan or a record holds them: settings made of them, or found there by key."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.run import MethodSettings, OtherMethodSettings

Kind = TypeVar("Kind")
_hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)  # thousands of records ask for them


def read_settings(kind: type[Kind], values: dict[str, Any]) -> Kind:
    """Build a settings dataclass from nested dictionaries that were validated before."""
    hints = _hints(kind)
    return kind(**{key: _read(hints[key], value) for key, value in values.items()})


def follow(values: Any, key: str) -> Any:
    """Return what lies at a dotted key, such as `method.si.strength`; None where nothing does."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def flat(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return nested values by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{where}{key}.") if isinstance(value, Mapping) else {where + key: value}
    return found


def holder_of(values: Any, key: str) -> Any:
    """Return the mapping that has a dotted key's last part; None where there is none."""
    above, _, last = key.rpartition(".")
    holder = follow(values, above) if above else values
    return holder if isinstance(holder, Mapping) and last in holder else None


def differences(left: Any, right: Any, where: str = "") -> list[str]:
    """Return the dotted keys in which two nested values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = left.keys() | right.keys()
        return [d for k in keys for d in differences(left.get(k), right.get(k), f"{where}.{k}".lstrip("."))]
    return [] if left == right else [where]


def _read(hint: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    nested = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), None)
    if isinstance(nested, type) and issubclass(nested, MethodSettings):
        if (method := value["method"]) not in method_names():
            return OtherMethodSettings(method=method, settings=value)
        return read_settings(settings_of(method), value)
    return read_settings(nested, value) if isinstance(nested, type) else value
