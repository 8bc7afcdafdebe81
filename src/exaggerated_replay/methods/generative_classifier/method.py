"""The generative classifier (van de Ven et al., 2021): one VAE per class, a sample goes to the likeliest.

A reference line: no VAE ever sees another class, so there is nothing to forget, and nothing to replay.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from exaggerated_replay.learning.likelihoods import Likelihood
from exaggerated_replay.learning.losses import log_normal, standard_kl
from exaggerated_replay.learning.method import Method
from exaggerated_replay.learning.networks import PlainVAE, reparameterise

# Latent draws decoded together: on a CPU as many as its cache holds (two thirds of the time that 2**14 take), on a GPU
# as many as keep it busy in half a gigabyte.
AT_ONCE = {"cpu": 2**11, "cuda": 2**17}


class ClassVAEs(nn.Module):
    """One VAE per class, all from the same initial weights; scores are estimates of log p(x | class)."""

    vaes: Sequence[PlainVAE]

    def __init__(self, vaes: list[PlainVAE], likelihood: Likelihood, noise: Tensor) -> None:
        super().__init__()
        self.vaes = nn.ModuleList(vaes)  # type: ignore[assignment]  # a sequence of them
        self.likelihood = likelihood
        self.noise = noise  # (S, 1, latent), the same for every sample and class, so that these compare fairly
        self.trained = 0  # classes that have been learned

    def forward(self, x: Tensor) -> Tensor:
        """Score the classes learned so far: (B, inputs) -> (B, trained)."""
        parts = x.split(max(1, AT_ONCE[x.device.type] // len(self.noise)))
        return torch.cat(
            [torch.stack([self.log_likelihood(v, p) for v in self.vaes[: self.trained]], 1) for p in parts]
        )

    def log_likelihood(self, vae: PlainVAE, x: Tensor) -> Tensor:
        """Estimate log p(x) by importance sampling, up to a constant: (B, inputs) -> (B,).

        log 1/S sum_s p(x | z_s) p(z_s) / q(z_s | x), z_s from q(z | x). With features, p(x | z) is a Gaussian of
        unit variance around the reconstruction.
        """
        mean, log_variance = vae.encode(x)
        z = reparameterise(mean, log_variance, self.noise)  # (S, B, latent)
        output = vae.decoder(z.flatten(0, 1))
        distance = self.likelihood.distance(x.repeat(len(z), 1), output).view(z.shape[:2])
        zero = torch.zeros((), device=x.device)
        log_weights = -x.shape[1] * distance + log_normal(z, zero, zero) - log_normal(z, mean, log_variance)
        return torch.logsumexp(log_weights, 0) - math.log(len(z))


class GenerativeClassifier(Method):
    """VAEs with a standard normal prior, each trained on the samples of its own class alone."""

    network: ClassVAEs
    static_shapes = False  # how many samples a class has in a batch varies

    def __init__(self, problem: Any, settings: Any) -> None:
        super().__init__(problem, settings)
        self.latent_noise = self.draw("latent noise")

    def build_network(self) -> ClassVAEs:
        """Return a VAE for every class of the problem."""
        p, s = self.problem, self.settings
        vaes = [PlainVAE(p.inputs, s.units, s.latent, p.seed).to(p.device) for _ in range(p.classes)]
        noise = torch.randn(s.samples, 1, s.latent, generator=self.draw("importance sampling"), device=p.device)
        return ClassVAEs(vaes, p.likelihood, noise)

    def optimiser(self, learning_rate: float) -> torch.optim.Optimizer:
        """Return Adam at the method's own learning rate; VAEs of other tasks' classes have no gradient and rest."""
        return super().optimiser(self.settings.learning_rate)

    def begin_task(self, task: int) -> None:
        """Let the classes of the task be scored."""
        super().begin_task(task)
        self.network.trained = self.seen

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Eq. 1 of every sample under the VAE of its class, averaged over the batch."""
        labels = range(self.earlier, self.seen)
        return torch.stack([self.vae_loss(self.network.vaes[label], x[y == label]) for label in labels]).sum() / len(x)

    def vae_loss(self, vae: PlainVAE, x: Tensor) -> Tensor:
        """Sum reconstruction and Kullback-Leibler divergence to N(0, I) over samples of one class."""
        noise = torch.randn(len(x), self.settings.latent, generator=self.latent_noise, device=x.device)
        passed = vae.reconstruct(x, noise)
        divergence = standard_kl(passed.mean, passed.log_variance) / self.problem.image_values
        return (self.problem.likelihood.distance(x, passed.output) + divergence).sum()


METHOD = GenerativeClassifier
