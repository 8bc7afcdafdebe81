"""Elastic weight consolidation (Kirkpatrick et al., 2017)."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Count, NonNegative
from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    of_each_task = ("samples",)
    method: Literal["ewc"]
    strength: NonNegative  # weight of the penalty
    samples: Count = 1000  # single samples of the task that estimate the Fisher information; all of a task with fewer
