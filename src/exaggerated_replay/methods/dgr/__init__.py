"""Deep generative replay (Shin et al., 2017)."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """Nothing can be set."""

    generates = True
    method: Literal["dgr"]
