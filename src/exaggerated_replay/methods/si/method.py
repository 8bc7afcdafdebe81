"""Synaptic intelligence alone: no replay, but weights that mattered are held."""

from typing import Any

from torch import Tensor

from exaggerated_replay.learning.consolidation import SynapticIntelligence, held_parameters
from exaggerated_replay.learning.method import Method, Problem
from exaggerated_replay.learning.networks import Classifier


class ConsolidatedClassifier(Method):
    """The plain classifier with the penalty of synaptic intelligence."""

    network: Classifier

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.si = SynapticIntelligence(held_parameters(self.network), settings.strength, settings.damping)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy on the current batch plus c sum Omega (theta - theta_prev)^2."""
        return super().loss(x, y) + self.note("penalty", self.si.penalty())

    def after_step(self) -> None:
        """Follow the path of the weights."""
        self.si.after_step()

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Turn the path into importance."""
        self.si.consolidate()


METHOD = ConsolidatedClassifier
