"""Synaptic intelligence alone (Zenke et al., 2017)."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.run import MethodSettings, SISettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(SISettings, MethodSettings):
    """Those of synaptic intelligence."""

    method: Literal["si"]
