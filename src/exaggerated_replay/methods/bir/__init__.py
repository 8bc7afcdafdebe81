"""Brain-inspired replay (van de Ven et al., 2020); with `si` the paper's baseline."""

from dataclasses import dataclass
from typing import Annotated, Literal

from exaggerated_replay.settings.base import NonNegative, Positive, Within
from exaggerated_replay.settings.run import MethodSettings, SISettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    generates = True
    method: Literal["bir"]
    gate_proportion: Annotated[float, Within(ge=0, lt=1)]  # share of hidden decoder units that a class switches off
    temperature: Positive = 2.0  # of the distillation
    lambda_rec: NonNegative = 1.0  # weight of the reconstruction loss
    lambda_rec_replayed: NonNegative = 1.0  # multiplied onto it for replayed samples
    mixture_prior: Literal["largest", "logsumexp"] = "largest"  # how the prior of replayed samples is computed
    si: SISettings | None = None  # synaptic intelligence; null: none
