"""Penalties that hold weights near where earlier tasks left them: synaptic intelligence and EWC.

What is held is looked at as one long vector theta, so that a step costs a few passes over it, not a few per layer.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from exaggerated_replay.learning.networks import Classifier

VERSION = 1  # part of the names of those runs whose method, in a file of the user's own, imports this module


def held_parameters(network: Classifier) -> list[nn.Parameter]:
    """Return the weights and biases that a penalty holds: hidden encoder layers and classifier, no more."""
    return [p for part in (network.encoder1, network.encoder2, network.classifier) for p in part.parameters()]


def parts(vector: Tensor, held: Sequence[nn.Parameter]) -> list[Tensor]:
    """Return the views of a vector (n,) that have the shapes of the parameters whose n numbers it lines up."""
    lengths = [p.numel() for p in held]
    return [part.view_as(p) for part, p in zip(vector.split(lengths), held, strict=True)]


class QuadraticPull(torch.autograd.Function):
    """sum_i importance_i (theta_i - anchor_i)^2, its gradient kept ready instead of the terms it is made of."""

    @staticmethod
    def forward(ctx: Any, theta: Tensor, importance: Tensor, anchor: Tensor) -> Tensor:
        """Return the sum, a scalar; all arguments are (n,)."""
        distance = theta - anchor
        pull = importance * distance
        ctx.save_for_backward(pull)
        return distance.mul_(pull).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return 2 importance (theta - anchor), times the gradient of what follows."""
        (pull,) = ctx.saved_tensors
        return pull * (2 * gradient), None, None


class SynapticIntelligence(nn.Module):
    """Importance from each weight's share in lowering the loss along its path (Zenke et al., 2017).

    After every step W -= g * dtheta; at a task's end Omega += W / ((theta - theta_prev)^2 + damping).
    """

    anchor: Tensor  # theta_prev
    before: Tensor  # theta as the penalty last saw it: before the step, and of no use after it
    path: Tensor  # W
    importance: Tensor  # Omega, may be negative

    def __init__(self, held: Sequence[nn.Parameter], strength: float, damping: float) -> None:
        super().__init__()
        self.held = list(held)  # a list, because they are another module's
        self.strength = strength
        self.damping = damping
        theta = parameters_to_vector(self.held).detach()
        self.register_buffer("anchor", theta)
        self.register_buffer("before", theta, persistent=False)
        self.register_buffer("path", torch.zeros_like(theta))
        self.register_buffer("importance", torch.zeros_like(theta))

    def penalty(self) -> Tensor:
        """Return c sum Omega (theta - theta_prev)^2, with no factor 1/2."""
        theta = parameters_to_vector(self.held)
        self.before = theta.detach()
        return self.strength * QuadraticPull.apply(theta, self.importance, self.anchor)

    @torch.no_grad()
    def after_step(self) -> None:
        """Add the step just taken to the path integral; gradients are those of the total loss."""
        for p, before, path in zip(self.held, parts(self.before, self.held), parts(self.path, self.held), strict=True):
            path.addcmul_(p.grad, p - before, value=-1)  # type: ignore[arg-type]  # no gradient is missing

    @torch.no_grad()
    def consolidate(self) -> None:
        """Turn the finished task's path integral into importance, and hold the weights from here."""
        theta = parameters_to_vector(self.held)
        self.importance += self.path / ((theta - self.anchor).square() + self.damping)
        self.anchor = theta
        self.path.zero_()


class ElasticWeightConsolidation(nn.Module):
    """A quadratic penalty per finished task, weighted by the Fisher information (Kirkpatrick et al., 2017).

    The terms of all tasks are kept as their sum, which is again quadratic: sum_t F_t (theta - theta_t)^2 =
    F (theta - centre)^2 + spread, with F = sum_t F_t and the centre that the F_t weigh out.
    """

    centre: Tensor
    fisher: Tensor
    spread: Tensor

    def __init__(self, held: Sequence[nn.Parameter], strength: float) -> None:
        super().__init__()
        self.held = list(held)  # a list, because they are another module's
        self.strength = strength
        theta = parameters_to_vector(self.held).detach()
        self.register_buffer("centre", theta)
        self.register_buffer("fisher", torch.zeros_like(theta))
        self.register_buffer("spread", theta.new_zeros(()))

    def penalty(self) -> Tensor:
        """Return 1/2 lambda sum_tasks sum F (theta - theta_task)^2."""
        theta = parameters_to_vector(self.held)
        return 0.5 * self.strength * (QuadraticPull.apply(theta, self.fisher, self.centre) + self.spread)

    @torch.no_grad()
    def consolidate(self, network: Classifier, x: Tensor, seen: int) -> None:
        """Add the finished task's term.

        Args:
            network: Whose parameters are held.
            x: (N, inputs) samples of the task.
            seen: Number of classes seen.
        """
        theta = parameters_to_vector(self.held)
        fisher = parameters_to_vector(fisher_information(network, x, seen))
        total = self.fisher + fisher
        share = torch.where(total > 0, fisher / total, 0.0)
        way = theta - self.centre
        self.spread += (self.fisher * share * way.square()).sum()
        self.centre += share * way
        self.fisher = total


@torch.no_grad()
def fisher_information(network: Classifier, x: Tensor, seen: int) -> list[Tensor]:
    """Return the diagonal Fisher information of the held parameters.

    For every sample and every seen label, the squared gradient of the label's log-likelihood, weighted by
    the label's probability; averaged over samples. The gradient of a linear layer is an outer product, so
    its square is the product of squares and no per-sample gradient is ever stored.

    Args:
        network: The classifier.
        x: (N, inputs) single samples of the task.
        seen: Number of classes seen so far.

    Returns:
        One tensor per held parameter, in the order of `held_parameters`.
    """
    h1 = F.relu(network.encoder1(x))
    h2 = F.relu(network.encoder2(h1))
    p = F.softmax(network.classifier(h2)[:, :seen], dim=1)
    squares = [torch.zeros(len(x), layer.out_features, device=x.device, dtype=x.dtype) for layer in
               (network.encoder1, network.encoder2, network.classifier)]  # fmt: skip
    for label in range(seen):
        likelihood = p[:, label : label + 1]
        at_scores = -p.clone()
        at_scores[:, label] += 1  # gradient of log p_label by the scores
        at_h2 = (at_scores @ network.classifier.weight[:seen]) * (h2 > 0)
        at_h1 = (at_h2 @ network.encoder2.weight) * (h1 > 0)
        squares[0] += likelihood * at_h1.square()
        squares[1] += likelihood * at_h2.square()
        squares[2][:, :seen] += likelihood * at_scores.square()
    layers = zip(squares, (x, h1, h2), strict=True)
    return [f for s, a in layers for f in (s.T @ a.square() / len(x), s.mean(0))]
