"""Learning without forgetting: nothing is stored or generated; what the previous model says of current inputs is kept.

Z. Li and D. Hoiem, "Learning without forgetting", IEEE TPAMI 40(12), 2018, with the weights of the two losses and the
factor T^2 that the publication of brain-inspired replay gives it in its comparison.
"""

from typing import Any

import torch
from torch import Tensor

from exaggerated_replay.learning.losses import distillation, soft_target
from exaggerated_replay.learning.method import Method, Problem
from exaggerated_replay.learning.networks import Classifier, frozen_copy


class LearningWithoutForgetting(Method):
    """The plain classifier, held to what it thought of the current inputs before the task began."""

    network: Classifier

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.previous = frozen_copy(self.network)  # of use from the second task on

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """(1/t) cross-entropy + (1 - 1/t) distillation of the same inputs."""
        logits = self.network(x)
        current = self.classification(logits, y)
        if not self.earlier:
            return current
        temperature = self.settings.temperature
        target = soft_target(self.opinion(x), temperature, self.seen)
        return self.balance(
            current, self.note("distillation", distillation(logits[:, : self.seen], target, temperature))
        )

    @torch.no_grad()
    def opinion(self, x: Tensor) -> Tensor:
        """Return the previous model's scores of the classes that it knew: (B, inputs) -> (B, earlier)."""
        scores: Tensor = self.previous(x)
        return scores[:, : self.earlier]

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Keep the model as it is."""
        self.previous.load_state_dict(self.network.state_dict())


METHOD = LearningWithoutForgetting
