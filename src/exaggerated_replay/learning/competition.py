"""Feature exaggeration: who competes (section 3.2), repulsion (Eq. 4) and attraction (Eq. 5).

Everything works on whole batches with masks, so that shapes never depend on the data. Distances come as a
(B, C) matrix: row i, column c is D(mean of class c, reconstruction of replayed sample i).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Competition(NamedTuple):
    """Who competes with whom in a batch of B replayed samples over C classes."""

    probabilities: Tensor  # (B, C) softmax of the previous model's scores
    own: Tensor  # (B, C) boolean, true for the sample's own label
    rivals: Tensor  # (B, C) boolean, true for the competing classes


def competition(scores: Tensor, f: float | None, rule: str, temperature: float) -> Competition:
    """Find each sample's label and its competing classes (section 3.2, Fig. 2).

    The label is the most probable class. A class competes when p_class > p_label / f.

    Args:
        scores: (B, C) logits of the previous model over the classes it knew.
        f: The repulsion factor, >= 1; None lets the runner-up always compete.
        rule: "runner_up" keeps the most probable competitor, "all" keeps every competitor.
        temperature: Of the softmax that the factor is applied to.
    """
    probabilities = F.softmax(scores / temperature, dim=1)
    top, label = probabilities.max(dim=1, keepdim=True)
    own = torch.zeros_like(probabilities, dtype=torch.bool).scatter(1, label, True)
    others = probabilities.masked_fill(own, -1)
    runner_up = torch.zeros_like(own).scatter(1, others.argmax(dim=1, keepdim=True), True)
    if f is None:
        return Competition(probabilities, own, runner_up & ~own)
    candidates = runner_up if rule == "runner_up" else torch.ones_like(own)
    return Competition(probabilities, own, candidates & ~own & (probabilities > top / f))


def sums_by_class(x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Return sum and number of the samples of each class: (B, F), (B, C) -> (C, F), (C,)."""
    membership = own.to(x.dtype)
    return membership.T @ x, membership.sum(0)


def confidence(who: Competition, weighting: str) -> Tensor:
    """Return how much each pair of sample and rival counts (the paper's "further research").

    Args:
        who: Competition of B samples over C classes.
        weighting: "off" (1), "label" (p_label), "label_rival" (p_label p_rival) or "entropy"
            (1 - H(p) / log C: 1 when the model is certain, 0 when it has no idea).

    Returns:
        (B, C), broadcast where the weight does not depend on the rival.
    """
    p = who.probabilities
    p_label = p.max(dim=1, keepdim=True).values
    if weighting == "label":
        return p_label.expand_as(p)
    if weighting == "label_rival":
        return p_label * p
    if weighting == "entropy":
        entropy = torch.special.entr(p).sum(1, keepdim=True)
        return (1 - entropy / math.log(max(p.shape[1], 2))).clamp_min(0).expand_as(p)
    return torch.ones_like(p)


def repulsion(distances: Tensor, rivals: Tensor, weights: Tensor, form: str) -> Tensor:
    """Return the reconstruction repulsion loss (Eq. 4), a scalar.

    The mean runs over the samples that have a rival, and within a sample over its rivals. With form
    "mean_inverse" it is the mean of 1/D, inverted per sample, so that it is bounded below by 0 and cannot
    run away; "inverse_mean" is 1 / mean D; "negative" is -D.

    Args:
        distances: (B, C) D(class mean, x').
        rivals: (B, C) boolean, the competing classes that have a mean; samples without any are left out.
        weights: (B, C) confidence weights.
        form: "mean_inverse", "inverse_mean" or "negative".

    Returns:
        0 when no sample has a rival.
    """
    per_sample = rivals.sum(1, keepdim=True).clamp_min(1)
    samples = rivals.any(1).sum().clamp_min(1)
    share = rivals * weights / (per_sample * samples)
    # Distances of pairs that do not count never enter, not even as 0 * inf; none is smaller than rounding can tell.
    distances = torch.where(rivals, distances, 1.0).clamp_min(torch.finfo(distances.dtype).eps)
    if form == "mean_inverse":
        return (share / distances).sum()
    if form == "inverse_mean":
        total = share.sum()
        return total.square() / (share * distances).sum().clamp_min(torch.finfo(distances.dtype).tiny)
    return -(share * distances).sum()


def attraction(distances: Tensor, own: Tensor) -> Tensor:
    """Return the reconstruction attraction loss (Eq. 5): the batch mean of D(mean of own class, x')."""
    return torch.where(own, distances, 0.0).sum(1).mean()
