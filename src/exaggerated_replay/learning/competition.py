"""Feature exaggeration: who competes (section 3.2), repulsion (Eq. 4) and attraction (Eq. 5).

Everything works on whole batches with masks, so that shapes never depend on the data. Distances come as a
(B, C) matrix: row i, column c is D(mean of class c, reconstruction of replayed sample i).
"""

import math
from typing import Literal, NamedTuple, assert_never

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.precision import in_full
from exaggerated_replay.settings.reading import Confidence, Reduction, Repulsion

VERSION = 1  # part of the names of those runs whose method, in a file of the user's own, imports this module


class Competition(NamedTuple):
    """Who competes with whom in a batch of B replayed samples over C classes."""

    probabilities: Tensor  # (B, C) softmax of the previous model's scores
    own: Tensor  # (B, C) boolean, true for the sample's own label
    rivals: Tensor  # (B, C) boolean, true for the competing classes


def competition(scores: Tensor, f: float | None, rule: Literal["runner_up", "all"], temperature: float) -> Competition:
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
    rivals = ~own
    if rule == "runner_up" or f is None:
        second = probabilities.masked_fill(own, -1).argmax(dim=1, keepdim=True)
        rivals = rivals & torch.zeros_like(own).scatter(1, second, True)
    elif rule != "all":
        assert_never(rule)
    if f is not None:
        rivals = rivals & (probabilities > top / f)
    return Competition(probabilities, own, rivals)


def random_rivals(who: Competition, generator: torch.Generator) -> Competition:
    """Let a uniformly random other class take the place of the rivals of each sample that has any (a control)."""
    own, classes = who.own, who.own.shape[1]
    label = own.to(torch.uint8).argmax(1, keepdim=True)
    ahead = torch.randint(1, max(classes, 2), label.shape, generator=generator, device=own.device)
    other = torch.zeros_like(own).scatter(1, (label + ahead) % classes, True)
    return who._replace(rivals=other & ~own & who.rivals.any(1, keepdim=True))


def random_class(present: Tensor, rows: int, generator: torch.Generator) -> Tensor:
    """Draw one of the classes that are present for each of some rows (a control): (C,) -> (rows, C) boolean."""
    keys = torch.rand(rows, len(present), generator=generator, device=present.device).masked_fill(~present, -1)
    return torch.zeros_like(keys, dtype=torch.bool).scatter(1, keys.argmax(1, keepdim=True), True)


def shuffled_among(present: Tensor, means: Tensor, generator: torch.Generator) -> Tensor:
    """Permute the class means among the classes that are present (a control): (C,), (C, F) -> (C, F)."""
    index = torch.arange(len(present), device=present.device)
    keys = torch.rand(len(present), generator=generator, device=present.device)
    # Present classes first, in order and at random; the others behind them, in order both times.
    places = torch.where(present, index, len(present) + index).argsort()
    drawn = torch.where(present, keys, 1.0 + index).argsort()
    return torch.empty_like(means).index_copy(0, places, means[drawn])


@in_full
def sums_by_class(x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Return sum and number of the samples of each class: (B, F), (B, C) -> (C, F), (C,)."""
    membership = own.to(x.dtype)
    return membership.T @ x, membership.sum(0)


def confidence(who: Competition, weighting: Confidence) -> Tensor:
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
    match weighting:
        case "off":
            return torch.ones_like(p)
        case "label":
            return p_label.expand_as(p)
        case "label_rival":
            return p_label * p
        case "entropy":
            entropy = torch.special.entr(p).sum(1, keepdim=True)
            return (1 - entropy / math.log(max(p.shape[1], 2))).clamp_min(0).expand_as(p)
    assert_never(weighting)


def repulsion(
    distances: Tensor, rivals: Tensor, weights: Tensor, form: Repulsion, reduction: Reduction = "mean"
) -> Tensor:
    """Return the reconstruction repulsion loss (Eq. 4), a scalar.

    With D_ic the distance of sample i to the mean of class c, R_i its rivals, w their weights, and n the number of
    samples that have any:

    - "mean_inverse": 1/n sum_i 1/|R_i| sum_c w_ic / D_ic. Inverted per sample, it is bounded below by 0 and cannot
      run away.
    - "inverse_mean": w / (1/n sum_i 1/|R_i| sum_c D_ic), for equal weights w.
    - "negative": -1/n sum_i 1/|R_i| sum_c w_ic D_ic.

    With reduction "total" (Eq. 4 as printed, summed over the samples of the batch) every 1/n before a sum is left out.

    Args:
        distances: (B, C) D(class mean, x').
        rivals: (B, C) boolean, the competing classes that have a mean; samples without any are left out.
        weights: (B, C) confidence weights.
        form: "mean_inverse", "inverse_mean" or "negative".
        reduction: "mean" or "sum" (over features) take the mean over samples, "total" the sum.

    Returns:
        0 when no sample has a rival.
    """
    per_sample = rivals.sum(1, keepdim=True).clamp_min(1)
    samples = rivals.any(1).sum().clamp_min(1)
    match reduction:
        case "mean" | "sum":
            share = rivals * weights / (per_sample * samples)
        case "total":
            share = rivals * weights / per_sample
        case _:
            assert_never(reduction)
    # Distances of pairs that do not count never enter, not even as 0 * inf; none is smaller than rounding can tell.
    distances = torch.where(rivals, distances, 1.0).clamp_min(torch.finfo(distances.dtype).eps)
    match form:
        case "mean_inverse":
            return (share / distances).sum()
        case "inverse_mean":
            average = share.sum() / samples if reduction == "total" else share.sum()
            return average.square() / (share * distances).sum().clamp_min(torch.finfo(distances.dtype).tiny)
        case "negative":
            return -(share * distances).sum()
    assert_never(form)


def attraction(distances: Tensor, target: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Return the reconstruction attraction loss (Eq. 5): the batch mean of D(mean of own class, x').

    Args:
        distances: (B, C) D(class mean, x').
        target: (B, C) boolean, the class whose mean attracts each sample: its own.
        reduction: "mean" or "sum" (over features) take the mean over the B samples, "total" the sum, as Eq. 5 prints
            it. With D summed over F features as well, that is B F times the mean over both.
    """
    own = torch.where(target, distances, 0.0).sum(1)
    match reduction:
        case "mean" | "sum":
            return own.mean()
        case "total":
            return own.sum()
    assert_never(reduction)
