"""Feature exaggeration, the paper's method: brain-inspired replay with RR (Eq. 4) and RA (Eq. 5)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from exaggerated_replay.methods import bir
from exaggerated_replay.settings.base import NonNegative, Within
from exaggerated_replay.settings.reading import ReadingSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(bir.Settings):
    """Those of the baseline, and what the two losses need."""

    method: Literal["exaggeration"]  # type: ignore[assignment]
    lambda_rr: NonNegative  # weight of repulsion, Eq. 4
    lambda_ra: NonNegative  # weight of attraction, Eq. 5
    f: (
        Annotated[float, Within(ge=1, le=1e12)] | Literal["none"]
    )  # repulsion factor; none: the runner-up always competes
    reading: ReadingSettings | None = None  # null: that of the top-level key `reading`
