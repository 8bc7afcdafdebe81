"""One Gaussian per class, features taken as independent (naive Bayes): the simplest generative classifier.

A reference line: it sees every sample once, takes no gradient step and has nothing to forget.
"""

import torch
from torch import Tensor, nn

from exaggerated_replay.learning.method import Method


class DiagonalGaussians(nn.Module):
    """Mean and variance of every feature of every class; scores are log p(x | class) up to a constant."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(classes, inputs), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(classes, inputs), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return -1/2 sum_f [(x - mean)^2 / variance + log variance]: (B, inputs) -> (B, classes), double precision."""
        # The square expanded, so that two matrix products take the place of (B, classes, inputs) differences. Far from
        # zero this loses digits: so everything is taken about the mean of the first class, which is always known.
        centre, variance = self.mean[0].double(), self.variance.double()
        x, mean, precision = x.double() - centre, self.mean.double() - centre, 1 / variance
        quadratic = x.square() @ precision.T - 2 * x @ (mean * precision).T
        constant = (mean.square() * precision + variance.log()).sum(1)
        return -0.5 * (quadratic + constant)


class ClassGaussians(Method):
    """The likeliest class under one Gaussian per class."""

    network: DiagonalGaussians

    def build_network(self) -> DiagonalGaussians:
        """Return Gaussians that have seen nothing."""
        return DiagonalGaussians(self.problem.inputs, self.problem.classes).to(self.problem.device)

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Take mean and variance of every new class; the shrinkage s keeps a constant feature's from being 0."""
        s = self.settings.shrinkage
        for label in range(self.earlier, self.seen):
            own = x[y == label].double()
            self.network.mean[label] = own.mean(0).float()
            self.network.variance[label] = ((1 - s) * own.var(0, correction=0) + s).float()


METHOD = ClassGaussians
