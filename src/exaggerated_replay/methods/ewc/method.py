"""Elastic weight consolidation: weights that carry Fisher information are held."""

from typing import Any

import torch
from torch import Tensor

from exaggerated_replay.learning.consolidation import ElasticWeightConsolidation, held_parameters
from exaggerated_replay.learning.method import Method, Problem
from exaggerated_replay.learning.networks import Classifier


class ElasticClassifier(Method):
    """The plain classifier with one quadratic penalty per finished task."""

    network: Classifier

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.ewc = ElasticWeightConsolidation(held_parameters(self.network), settings.strength)
        self.choice = self.draw("fisher samples", torch.device("cpu"))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy on the current batch plus 1/2 lambda sum F (theta - theta_task)^2."""
        loss = super().loss(x, y)
        if self.task == 1:
            return loss
        return loss + self.note("penalty", self.ewc.penalty())

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Estimate the Fisher information on single samples of the task."""
        rows = torch.randperm(len(x), generator=self.choice)[: self.settings.samples].to(x.device)
        self.ewc.consolidate(self.network, x[rows], self.seen)


METHOD = ElasticClassifier
