"""Streaming linear discriminant analysis (Hayes & Kanan, 2020): class means and one shared covariance.

A reference line: it sees every sample once, takes no gradient step and has nothing to forget.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.learning.method import Method, Problem


class CentredLinear(nn.Linear):
    """A linear classifier of what is left of its inputs when a centre is taken away.

    Far from zero the products of weights and inputs would be large, and what tells classes apart their last digits.
    """

    centre: Tensor  # (inputs,)

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(inputs, classes)
        self.register_buffer("centre", torch.zeros(inputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of all classes: (B, inputs) -> (B, classes)."""
        return F.linear((x.double() - self.centre).float(), self.weight, self.bias)


class StreamingLDA(Method):
    """One Gaussian per class, all with the same covariance: the classifier is linear."""

    network: CentredLinear
    means: Tensor  # (C, inputs)
    scatter: Tensor  # (inputs, inputs), about the class means
    samples: Tensor  # how many there were

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        size = problem.inputs
        for name, shape in {"means": (problem.classes, size), "scatter": (size, size), "samples": ()}.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64, device=problem.device))

    def build_network(self) -> CentredLinear:
        """Return the linear classifier, all zero until the first task has ended."""
        linear = CentredLinear(self.problem.inputs, self.problem.classes).requires_grad_(False)
        for parameter in linear.parameters():
            parameter.zero_()
        return linear.to(self.problem.device)

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Add the task to the statistics, and solve for the classifier of all classes seen.

        W = mu P and b = -1/2 mu P mu' with the precision P = ((1 - s) Sigma + s I)^-1 and the shrinkage s, where mu are
        the class means about their own mean: the centre, which shifts all scores of a sample alike.
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
        self.network.centre.copy_(self.means[: self.seen].mean(0))
        means = self.means[: self.seen] - self.network.centre
        weight = torch.linalg.solve(covariance, means.T).T
        self.network.weight[: self.seen] = weight.float()
        self.network.bias[: self.seen] = -0.5 * (weight * means).sum(1).float()


METHOD = StreamingLDA
