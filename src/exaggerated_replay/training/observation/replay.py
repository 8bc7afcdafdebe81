"""What a network would replay of all classes it has seen, and which classes compete there.

Measured alike for every method that replays from a brain-inspired VAE, whether it repels anything or not.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from exaggerated_replay.learning.competition import competition, sums_by_class
from exaggerated_replay.learning.likelihoods import Likelihood
from exaggerated_replay.learning.losses import soft_target
from exaggerated_replay.learning.networks import BrainInspiredVAE

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TEMPERATURE = 2.0  # of the soft target that gates the decoder, as in the baseline's publication


class Imagined(NamedTuple):
    """Samples that a network generates, as many of every class, class by class."""

    label: Tensor  # (N,) the class asked for
    x: Tensor  # (N, inputs)
    scores: Tensor  # (N, C) logits of the same network


def imagine(
    network: BrainInspiredVAE, classes: int, each: int, likelihood: Likelihood, generator: torch.Generator
) -> Imagined:
    """Let a network generate `each` samples of its first `classes` classes, and score them itself."""
    device = network.prior.mean.device
    label = torch.arange(classes, device=device).repeat_interleave(each)
    noise = torch.randn(len(label), network.prior.mean.shape[1], generator=generator, device=device)
    x = likelihood.mean(network.imagine(label, noise))
    return Imagined(label, x, network(x)[:, :classes])


def agreement(imagined: Imagined) -> Tensor:
    """Return how often the label (the most probable class) is the class asked for: (C,), from 0 to 1."""
    agrees = imagined.scores.argmax(1) == imagined.label
    return agrees.view(imagined.scores.shape[1], -1).float().mean(1)


def competition_counts(imagined: Imagined, f: float | None) -> Tensor:
    """Count who competes with whom: (C, C), rows labels, columns their rivals (the runner-up that passes f)."""
    who = competition(imagined.scores, f, "runner_up", 1.0)
    return who.own.float().T @ who.rivals.float()


def inverse_distances(
    network: BrainInspiredVAE,
    imagined: Imagined,
    f: float | None,
    batch: int,
    likelihood: Likelihood,
    generator: torch.Generator,
) -> Tensor:
    """Return quantiles of 1 / D(mean of the rival, x') over the repelled samples of one replay batch, Eq. 4 inverted.

    The batch is drawn from what was imagined, with class means of its own: by the default reading, whatever the
    run's own is.

    Returns:
        (5,), the quantiles of QUANTILES; nan where no sample is repelled.
    """
    device = imagined.x.device
    rows = torch.randint(len(imagined.x), (batch,), generator=generator, device=device)
    x, scores = imagined.x[rows], imagined.scores[rows]
    who = competition(scores, f, "runner_up", 1.0)
    sums, counts = sums_by_class(x, who.own)
    target = soft_target(scores, TEMPERATURE, len(network.prior.mean))
    noise = torch.randn(batch, network.prior.mean.shape[1], generator=generator, device=device)
    output = network.reconstruct(x, target, noise).output
    distances = likelihood.pairwise(sums / counts.clamp_min(1).unsqueeze(1), output)
    repelled = distances[who.rivals & (counts > 0)]
    quantiles = torch.tensor(QUANTILES, device=device)
    return torch.quantile(1 / repelled, quantiles) if len(repelled) else torch.full_like(quantiles, torch.nan)
