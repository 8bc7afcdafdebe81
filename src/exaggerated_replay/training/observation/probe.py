"""What each term of the loss does to the weights: one extra loss on a copy of the method, which learns nothing from it.

The copy is of the whole method, random generators included, so that neither the run's state nor its random
numbers move, whatever the method keeps.
"""

import copy

import torch
from torch import Tensor

from exaggerated_replay.learning.instruments import Instruments
from exaggerated_replay.learning.method import Method


class NotedTerms(Instruments):
    """Keeps what one call of loss() notes, in order and still part of the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: dict[str, Tensor] = {}

    def note(self, name: str, value: Tensor) -> None:
        """Keep a scalar as it is; what is noted a second time in one loss is the replayed batch's."""
        self.terms[f"{name}_replayed" if name in self.terms else name] = value


def gradient_norms(method: Method, x: Tensor, y: Tensor) -> dict[str, float]:
    """Return how strongly each noted term of the loss pulls at the weights on one batch.

    Args:
        method: Ready for its next step; left exactly as it is.
        x: (B, inputs) samples of the current task.
        y: (B,) their labels.

    Returns:
        The Euclidean norm of the gradient of every noted term with respect to all parameters that learn, each
        term as it enters the total: its lambda and the weight of its batch included. 0 for a term without weight.
    """
    double = copy.deepcopy(method)
    double.instruments = noted = NotedTerms()
    total = double.loss(x, y)
    terms = {name: value for name, value in noted.terms.items() if value.requires_grad}
    parameters = [parameter for parameter in double.parameters() if parameter.requires_grad]
    if not terms or not parameters:
        return {}
    # The derivative of the total by a term is the weight with which the term enters it.
    weights = torch.autograd.grad(total, list(terms.values()), retain_graph=True, allow_unused=True)
    norms = {}
    for (name, value), weight in zip(terms.items(), weights, strict=True):
        norms[name] = 0.0
        if weight is not None and weight != 0:
            gradients = torch.autograd.grad(value, parameters, weight, retain_graph=True, allow_unused=True)
            norms[name] = torch.stack([g.norm() for g in gradients if g is not None]).norm().item()
    return norms
