"""The losses of the baseline: variational, distillation and the densities they need.

Section numbers refer to the paper; what it leaves open follows the publication of brain-inspired replay.
"""

import math
from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional as F

VERSION = 1  # part of the names of those runs whose method, in a file of the user's own, imports this module
LOG_2PI = math.log(2 * math.pi)


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, exp(log_variance)), summed over the last dimension.

    Args:
        z: (..., latent) points.
        mean: (..., latent), broadcast against z.
        log_variance: (..., latent), broadcast against z.
    """
    squared = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (squared + log_variance + LOG_2PI).sum(-1)


def log_normal_pairs(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z_i; mean_c, exp(log_variance_c)) of all pairs: (B, latent), twice (C, latent) -> (B, C).

    The square is expanded, so that two matrix products take the place of (B, C, latent) differences. What that
    cancels of the digits, double precision has to spare.
    """
    single, (z, mean, log_variance) = z.dtype, (t.double() for t in (z, mean, log_variance))
    precision = torch.exp(-log_variance)
    squared = z.square() @ precision.T - 2 * z @ (mean * precision).T
    constant = (mean.square() * precision + log_variance + LOG_2PI).sum(1)
    return (-0.5 * (squared + constant)).to(single)


def log_mixture_prior(log_priors: Tensor, weights: Tensor, form: Literal["largest", "logsumexp"]) -> Tensor:
    """Return log sum_c w_c p(z | c), the prior of a replayed sample (Eq. 3 with a mixture prior).

    Args:
        log_priors: (B, C) log p(z | c) of all classes seen so far.
        weights: (B, C) soft target, zero for the classes that may not contribute.
        form: "largest" measures against the largest of *all* C components and clamps the weighted sum at
            1e-40, as the baseline does; "logsumexp" is the plain form. They differ where every class with
            weight lies far below one without.

    Returns:
        (B,) log densities.
    """
    mixture = torch.logsumexp(log_priors + torch.log(weights), dim=1)
    match form:
        case "logsumexp":
            return mixture
        case "largest":
            # Clamped after taking the log: 1e-40 itself is too small for single precision to divide by.
            floor = log_priors.amax(dim=1) + math.log(1e-40)
            return torch.where(mixture > floor, mixture, floor)
    assert_never(form)


def variational(z: Tensor, mean: Tensor, log_variance: Tensor, log_prior: Tensor) -> Tensor:
    """Return -(log p(z) - log q(z | x)) per sample, Eq. 3 estimated with the one z that was drawn.

    Args:
        z: (B, latent) drawn from q.
        mean: (B, latent) of q.
        log_variance: (B, latent) of q.
        log_prior: (B,) log p(z).
    """
    return log_normal(z, mean, log_variance) - log_prior


def standard_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL[N(mean, exp(log_variance)) || N(0, I)] per sample, Eq. 3 in closed form: (B, Z) -> (B,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def distillation(logits: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Return -T^2 sum_c target_c log softmax(logits / T)_c, averaged over the batch.

    Args:
        logits: (B, C) scores of the model that learns.
        target: (B, C) softmax(scores / T) of the previous model, zero for classes it did not know.
        temperature: T.
    """
    log_probabilities = F.log_softmax(logits / temperature, dim=1)
    return -(target * log_probabilities).sum(1).mean() * temperature**2


def soft_target(scores: Tensor, temperature: float, classes: int) -> Tensor:
    """Return softmax(scores / T), padded with zeros for newer classes: (B, C_previous) -> (B, classes)."""
    return F.pad(F.softmax(scores / temperature, dim=1), (0, classes - scores.shape[1]))
