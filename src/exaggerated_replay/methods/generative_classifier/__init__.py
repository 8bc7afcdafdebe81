"""The generative classifier (van de Ven, Li & Tolias, 2021): one VAE per class."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Count, Positive
from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    method: Literal["generative_classifier"]
    units: Count  # of each hidden layer of each VAE
    latent: Count  # of each VAE
    samples: Count  # of the importance sampling
    learning_rate: Positive = 1e-3  # of Adam
