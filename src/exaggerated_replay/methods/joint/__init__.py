"""Joint training: batches from the data of all tasks so far."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """Nothing can be set."""

    draws_from = "tasks so far"
    method: Literal["joint"]
