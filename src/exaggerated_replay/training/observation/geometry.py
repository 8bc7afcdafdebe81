"""Where a network puts the classes: distances between class means, and how alike it makes samples.

Samples are real test samples of the classes seen. Symmetric matrices come as their upper triangle, row by row.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.likelihoods import Likelihood
from exaggerated_replay.learning.networks import BrainInspiredVAE, Classifier


def spaces(network: Classifier, x: Tensor, y: Tensor, likelihood: Likelihood) -> dict[str, Tensor]:
    """Return where the network puts samples: in its last hidden layer and, if it has them, beyond.

    Args:
        network: The network.
        x: (N, inputs).
        y: (N,) labels; the decoder is gated by them, as it is for current data.
        likelihood: What the decoder's output means.

    Returns:
        hidden (N, units); for a brain-inspired VAE also latent (N, latent), the mean of q(z | x), and reconstruction
        (N, inputs), which is decoded from that mean.
    """
    hidden = network.hidden(x)
    if not isinstance(network, BrainInspiredVAE):
        return {"hidden": hidden}
    latent = network.latent_mean(hidden)
    output = network.decoder(latent, network.gates.of(y))
    return {"hidden": hidden, "latent": latent, "reconstruction": likelihood.mean(output)}


def class_distances(values: Tensor, y: Tensor, classes: int) -> Tensor:
    """Return the Euclidean distances between the class means: (N, D), (N,) -> (C (C - 1) / 2,), diagonal left out."""
    values, y = values.cpu(), y.cpu()  # a GPU would add in another order each time
    sums = torch.zeros(classes, values.shape[1]).index_add_(0, y, values)
    return F.pdist(sums / torch.bincount(y, minlength=classes).unsqueeze(1))


def centred_gram(values: Tensor) -> Tensor:
    """Return all inner products of N samples about their mean, for linear CKA: (N, D) -> (N (N + 1) / 2,).

    Scaled so that the mean of the diagonal is 1, which linear CKA does not see.
    """
    centred = values - values.mean(0)
    gram = centred @ centred.T
    gram = gram / gram.diagonal().mean().clamp_min(torch.finfo(gram.dtype).tiny)
    rows, columns = torch.triu_indices(*gram.shape, device=gram.device)
    return gram[rows, columns]
