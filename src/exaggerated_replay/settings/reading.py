"""The paper where it leaves a choice: one switch for each."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Positive, Settings

Repulsion = Literal["mean_inverse", "inverse_mean", "negative"]
Reduction = Literal["mean", "sum", "total"]
Confidence = Literal["off", "label", "label_rival", "entropy"]


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(Settings):
    """One reading of the paper where it leaves a choice. The first choice is the default.

    `random` and `shuffled` are controls: the same losses with the wrong classes.
    """

    distance: Literal["model", "squared", "bce"] = "model"
    repulsion: Repulsion = "mean_inverse"
    reduction: Reduction = "mean"
    competitors: Literal["runner_up", "all", "random"] = "runner_up"
    temperature: Positive = 1.0
    class_means: Literal["batch", "running", "stored", "shuffled"] = "batch"
    attraction: Literal["every", "gated"] = "every"
    attraction_target: Literal["own", "random"] = "own"
    confidence: Confidence = "off"


@dataclass(frozen=True, kw_only=True)
class ReadingPreset(ReadingSettings):
    """How the paper is read. The name decides nothing."""

    name: str  # as it stands in reports
