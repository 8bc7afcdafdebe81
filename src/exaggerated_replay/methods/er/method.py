"""Experience replay: a few stored samples per class stand in for what cannot be kept."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.method import Method, Problem, State
from exaggerated_replay.streams import stream


class ExperienceReplay(Method):
    """Stores `memory_per_class` random samples of each class and replays them with their true labels."""

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.memory: tuple[Tensor, Tensor] | None = None
        self.choice = stream(problem.seed, "memory")
        self.replay_order = self.draw("replay")

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy on the current batch and on a batch drawn uniformly from the memory."""
        current = self.classification(self.network(x), y)
        if self.memory is None:
            return current
        stored_x, stored_y = self.memory
        rows = torch.randint(len(stored_y), (self.problem.replay_batch,), generator=self.replay_order, device=x.device)
        replayed = F.cross_entropy(self.network(stored_x[rows])[:, : self.seen], stored_y[rows])
        return self.balance(current, self.note("replayed", replayed))

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Store samples of the task's classes."""
        order = torch.randperm(len(y), generator=self.choice).to(y.device)
        rows = torch.cat(
            [order[y[order] == label][: self.settings.memory_per_class] for label in range(self.earlier, self.seen)]
        )
        old_x, old_y = self.memory or (x[:0], y[:0])
        self.memory = torch.cat([old_x, x[rows]]), torch.cat([old_y, y[rows]])

    def state(self) -> State:
        """Also the stored samples, and where the choice of the next ones is."""
        return {**super().state(), "memory": self.memory and list(self.memory), "choice": self.choice.get_state()}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        if state["memory"] is not None:
            x, y = state["memory"]
            self.memory = x.to(self.problem.device), y.to(self.problem.device)
        self.choice.set_state(state["choice"])


METHOD = ExperienceReplay
