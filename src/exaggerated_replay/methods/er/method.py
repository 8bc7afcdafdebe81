"""Experience replay: a few stored samples per class stand in for what cannot be kept."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.method import Method, Problem


class ExperienceReplay(Method):
    """Stores `memory_per_class` random samples of each class and replays them with their true labels."""

    stored_x: Tensor  # (M, inputs)
    stored_y: Tensor  # (M,)

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.register_buffer("stored_x", torch.zeros(0, problem.inputs, device=problem.device))
        self.register_buffer("stored_y", torch.zeros(0, dtype=torch.int64, device=problem.device))
        self.choice = self.draw("memory", torch.device("cpu"))
        self.replay_order = self.draw("replay")

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy on the current batch and on a batch drawn uniformly from the memory."""
        current = self.classification(self.network(x), y)
        stored = len(self.stored_y)
        if not stored:
            return current
        rows = torch.randint(stored, (self.problem.replay_batch,), generator=self.replay_order, device=x.device)
        replayed = F.cross_entropy(self.network(self.stored_x[rows])[:, : self.seen], self.stored_y[rows])
        return self.balance(current, self.note("replayed", replayed))

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Store samples of the task's classes."""
        order = torch.randperm(len(y), generator=self.choice).to(y.device)
        rows = torch.cat(
            [order[y[order] == label][: self.settings.memory_per_class] for label in range(self.earlier, self.seen)]
        )
        self.stored_x = torch.cat([self.stored_x, x[rows]])
        self.stored_y = torch.cat([self.stored_y, y[rows]])


METHOD = ExperienceReplay
