"""What all settings share, and the bounds of numbers."""

from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Within:
    """Bounds of a number, in a form that pydantic understands and that needs no pydantic to be imported.

    What stands in params.yaml must be a number already: neither `"1"` nor `true` is taken for 1.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        """Add the bounds to pydantic's schema of the type."""
        bounds = {name: bound for name, bound in vars(self).items() if bound is not None}
        return {**handler(source), **bounds, "strict": True}


MOST = 10**9
"""No count of anything here is larger; what is, is a slip of the keyboard."""

Count = Annotated[int, Within(ge=1, le=MOST)]
Seed = Annotated[int, Within(ge=0, le=MOST)]
Positive = Annotated[float, Within(gt=1e-12, le=1e12)]
Number = Annotated[float, Within()]
NonNegative = Annotated[float, Within(ge=0, le=1e12)]
Share = Annotated[float, Within(ge=1e-12, le=1)]
OpenShare = Annotated[float, Within(gt=0, lt=1)]


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


class Settings:
    """What all settings share: a key that does not exist is an error, not a shrug."""

    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # noqa: RUF012 (read by pydantic, which is not imported here)
