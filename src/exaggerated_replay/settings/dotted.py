"""Settings by dotted keys, such as `method.si.strength`, in nested mappings."""

from collections.abc import Mapping
from typing import Any


def follow(values: Any, key: str) -> Any:
    """Return what lies at a dotted key of nested mappings; None where nothing does."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def holder_of(values: Any, key: str) -> Any:
    """Return the mapping that has a dotted key's last part; None where there is none."""
    above, _, last = key.rpartition(".")
    holder = follow(values, above) if above else values
    return holder if isinstance(holder, Mapping) and last in holder else None
