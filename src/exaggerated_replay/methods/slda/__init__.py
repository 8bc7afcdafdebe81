"""Streaming linear discriminant analysis (Hayes & Kanan, 2020)."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Share
from exaggerated_replay.settings.run import MethodSettings

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    draws_from = "nothing"
    method: Literal["slda"]
    shrinkage: Share = 1e-4  # towards the identity, of (co)variances
