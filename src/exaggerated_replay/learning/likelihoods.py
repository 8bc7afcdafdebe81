"""What the decoder's output means, and how far an input is from it: Eq. 2 and its real-valued sibling.

The decoder ends in a linear layer. Its output `a` is the logit of each input where inputs lie in [0, 1]
(Bernoulli), and the reconstruction itself where they are real-valued features (Gaussian). Distances are
means over the input values, so that they do not grow with the size of an image.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.precision import in_full


class Likelihood(Protocol):
    """The decoder's distribution p(x | z), seen as a distance between inputs and decoder outputs."""

    def mean(self, output: Tensor) -> Tensor:
        """Return the reconstruction x' that a decoder output stands for; same shape."""
        ...

    def squash(self, x: Tensor) -> Tensor:
        """Map inputs into [0, 1], where binary cross-entropy is defined; same shape."""
        ...

    def distance(self, x: Tensor, output: Tensor) -> Tensor:
        """Return D(x_i, x'_i) of every pair of rows: (B, inputs), (B, inputs) -> (B,)."""
        ...

    def pairwise(self, x: Tensor, output: Tensor) -> Tensor:
        """Return D(x_k, x'_i) of all pairs: (K, inputs), (B, inputs) -> (B, K)."""
        ...


class Bernoulli:
    """Inputs in [0, 1]: D is the binary cross-entropy of Eq. 2 (its missing minus sign put back)."""

    def mean(self, output: Tensor) -> Tensor:
        """Return sigmoid(a)."""
        return torch.sigmoid(output)

    def squash(self, x: Tensor) -> Tensor:
        """Return x, which lies in [0, 1] already."""
        return x

    def distance(self, x: Tensor, output: Tensor) -> Tensor:
        """Return -mean_f [x log x' + (1 - x) log(1 - x')] per row: (B, inputs) twice -> (B,)."""
        return F.binary_cross_entropy_with_logits(output, x, reduction="none").mean(1)

    @in_full
    def pairwise(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the same for all pairs, as matrix products: (K, inputs), (B, inputs) -> (B, K)."""
        # -log x' = softplus(-a) and -log(1 - x') = softplus(a). The shorter softplus(a) - x a cancels where the
        # model is sure, and a distance below zero would turn repulsion's 1/D upside down.
        return (F.softplus(-output) @ x.T + F.softplus(output) @ (1 - x).T) / x.shape[1]


class Gaussian:
    """Real-valued features: D is half the squared error."""

    def mean(self, output: Tensor) -> Tensor:
        """Return the output itself."""
        return output

    def squash(self, x: Tensor) -> Tensor:
        """Return sigmoid(x)."""
        return torch.sigmoid(x)

    def distance(self, x: Tensor, output: Tensor) -> Tensor:
        """Return mean_f 0.5 (x - x')^2 per row: (B, inputs) twice -> (B,)."""
        return 0.5 * (x - output).square().mean(1)

    @in_full
    def pairwise(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the same for all pairs, as one matrix product: (K, inputs), (B, inputs) -> (B, K)."""
        # Centred first: |x - x'|^2 = |x|^2 - 2 x x' + |x'|^2 loses digits when both lie far from zero.
        centre = x.mean(0)
        x, output = x - centre, output - centre
        squares = x.square().sum(1) + output.square().sum(1, keepdim=True)
        return 0.5 * (squares - 2 * output @ x.T).clamp_min(0) / x.shape[1]


def likelihood_of(bounded: bool) -> Likelihood:
    """Return the likelihood for inputs that lie in [0, 1] (`bounded`) or anywhere."""
    return Bernoulli() if bounded else Gaussian()
