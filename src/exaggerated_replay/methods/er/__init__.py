"""Experience replay from a few stored samples of each class."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Count
from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    of_each_class = ("memory_per_class",)
    method: Literal["er"]
    memory_per_class: Count = 20  # stored samples; all of a class that has fewer
