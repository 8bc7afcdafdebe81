"""Learning without forgetting (Li & Hoiem, 2018)."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Positive
from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    method: Literal["lwf"]
    temperature: Positive = 2.0  # of the distillation
