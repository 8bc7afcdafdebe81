"""Streaming linear discriminant analysis (Hayes & Kanan, 2020): class means and one shared covariance.

A reference line: it sees every sample once, takes no gradient step and has nothing to forget.
"""

from typing import Any

import torch
from torch import Tensor, nn

from exaggerated_replay.learning.method import Method, Problem, State


class StreamingLDA(Method):
    """One Gaussian per class, all with the same covariance: the classifier is linear."""

    network: nn.Linear

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        size = problem.inputs
        self.means = torch.zeros(problem.classes, size, dtype=torch.float64, device=problem.device)
        self.scatter = torch.zeros(size, size, dtype=torch.float64, device=problem.device)
        self.samples = 0

    def build_network(self) -> nn.Linear:
        """Return the linear classifier, all zero until the first task has ended."""
        linear = nn.Linear(self.problem.inputs, self.problem.classes).requires_grad_(False)
        for parameter in linear.parameters():
            parameter.zero_()
        return linear.to(self.problem.device)

    def steps(self, iterations: int) -> int:
        """Return 0: there is no gradient to follow."""
        return 0

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Add the task to the statistics, and solve for the classifier of all classes seen.

        W = mu P and b = -1/2 mu P mu' with the precision P = ((1 - s) Sigma + s I)^-1 and the shrinkage s.
        """
        x = x.double()
        for label in range(self.earlier, self.seen):
            own = x[y == label]
            self.means[label] = own.mean(0)
            centred = own - self.means[label]
            self.scatter += centred.T @ centred
        self.samples += len(x)

        s = self.settings.shrinkage
        identity = torch.eye(len(self.scatter), dtype=torch.float64, device=x.device)
        covariance = (1 - s) * self.scatter / self.samples + s * identity
        weight = torch.linalg.solve(covariance, self.means[: self.seen].T).T
        self.network.weight[: self.seen] = weight.float()
        self.network.bias[: self.seen] = -0.5 * (weight * self.means[: self.seen]).sum(1).float()

    def state(self) -> State:
        """Also the statistics."""
        return {**super().state(), "means": self.means, "scatter": self.scatter, "samples": self.samples}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self.means.copy_(state["means"])
        self.scatter.copy_(state["scatter"])
        self.samples = state["samples"]


METHOD = StreamingLDA
