"""Penalties that hold weights near where earlier tasks left them: synaptic intelligence and EWC."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.learning.networks import Classifier


def held_parameters(network: Classifier) -> list[nn.Parameter]:
    """Return the weights and biases that a penalty holds: hidden encoder layers and classifier, no more."""
    return [p for part in (network.encoder1, network.encoder2, network.classifier) for p in part.parameters()]


class SynapticIntelligence:
    """Importance from each weight's share in lowering the loss along its path (Zenke et al., 2017).

    After every step W -= g * dtheta; at a task's end Omega += W / ((theta - theta_prev)^2 + damping).
    """

    def __init__(self, parameters: Sequence[nn.Parameter], strength: float, damping: float) -> None:
        self.parameters = list(parameters)
        self.strength = strength
        self.damping = damping
        self.path = [torch.zeros_like(p) for p in self.parameters]  # W
        self.importance = [torch.zeros_like(p) for p in self.parameters]  # Omega, may be negative
        self.anchor = [p.detach().clone() for p in self.parameters]  # theta_prev
        self.before = [p.detach().clone() for p in self.parameters]

    def penalty(self) -> Tensor:
        """Return c sum Omega (theta - theta_prev)^2, with no factor 1/2."""
        terms = zip(self.importance, self.parameters, self.anchor, strict=True)
        return self.strength * sum((omega * (p - anchor).square()).sum() for omega, p, anchor in terms)

    @torch.no_grad()
    def before_step(self) -> None:
        """Remember the weights that the optimiser is about to change."""
        for before, p in zip(self.before, self.parameters, strict=True):
            before.copy_(p)

    @torch.no_grad()
    def after_step(self) -> None:
        """Add the step just taken to the path integral; gradients are those of the total loss."""
        for path, p, before in zip(self.path, self.parameters, self.before, strict=True):
            path.addcmul_(p.grad, p - before, value=-1)

    @torch.no_grad()
    def consolidate(self) -> None:
        """Turn the finished task's path integral into importance, and hold the weights from here."""
        for omega, path, p, anchor in zip(self.importance, self.path, self.parameters, self.anchor, strict=True):
            omega.add_(path / ((p - anchor).square() + self.damping))
            anchor.copy_(p)
            path.zero_()


class ElasticWeightConsolidation:
    """A quadratic penalty per finished task, weighted by the Fisher information (Kirkpatrick et al., 2017)."""

    def __init__(self, network: Classifier, strength: float) -> None:
        self.network = network
        self.strength = strength
        self.terms: list[tuple[list[Tensor], list[Tensor]]] = []  # (F, theta_task) of each finished task

    def penalty(self) -> Tensor | float:
        """Return 1/2 lambda sum_tasks sum F (theta - theta_task)^2."""
        parameters = held_parameters(self.network)
        return (0.5 * self.strength) * sum(
            (fisher * (p - anchor).square()).sum()
            for fishers, anchors in self.terms
            for fisher, p, anchor in zip(fishers, parameters, anchors, strict=True)
        )

    def consolidate(self, x: Tensor, seen: int) -> None:
        """Add the finished task's term, from (N, inputs) samples of it and the number of classes seen."""
        anchors = [p.detach().clone() for p in held_parameters(self.network)]
        self.terms.append((fisher_information(self.network, x, seen), anchors))


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
