"""What decides one run's result: model, training, method, data. A run's identity is the digest of these."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Count, NonNegative, Positive, Seed, Settings


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """Sizes of the networks."""

    units: Count  # of each hidden layer
    latent: Count  # of z


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How long and how fast to learn."""

    iterations: Count  # optimiser steps per task
    batch: Count  # current samples per step
    replay_batch: Count  # replayed samples per step
    learning_rate: Positive
    optimiser_state: Literal["kept", "moments", "reset"] = "kept"  # what Adam keeps when the next task begins


@dataclass(frozen=True, kw_only=True)
class SISettings(Settings):
    """Synaptic intelligence."""

    strength: NonNegative  # c
    damping: Positive = 0.1


@dataclass(frozen=True, kw_only=True)
class MethodSettings(Settings):
    """What the settings of every method have: its name. Each method adds its own, in its own folder."""

    method: str


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """All that decides one run's result, and nothing else: its identity is the digest of this."""

    data: str  # SHA-256 of what the data are made from
    code: str  # digest of the code that the run executes
    tasks: int
    seed: Seed
    model: ModelSettings
    training: TrainingSettings
    method: MethodSettings
    threads: Count
    precision: str
