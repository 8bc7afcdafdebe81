"""The networks: classifier, VAE with a class prior and context gates (paper, Fig. 1; baseline's publication).

Layers are named alike wherever they occur, and every layer draws its initial weights from a stream of its
own, so that two methods with the same seed start from the same classifier whatever else they carry.
"""

import copy
import math
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.learning.precision import OutputLayer
from exaggerated_replay.streams import stream

Network = TypeVar("Network", bound=nn.Module)


def initialise(network: nn.Module, seed: int, whose: str = "weights") -> None:
    """Draw the weights and biases of every linear layer uniformly from +-1/sqrt(fan_in)."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for part, parameter in layer.named_parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=stream(seed, f"{whose}/{name}.{part}"))


def frozen_copy(network: Network) -> Network:
    """Return a copy of a network that does not learn."""
    return copy.deepcopy(network).requires_grad_(False)


class Classifier(nn.Module):
    """Two hidden layers of rectified units and a linear layer that scores the classes."""

    def __init__(self, inputs: int, units: int, classes: int) -> None:
        super().__init__()
        self.encoder1 = nn.Linear(inputs, units)
        self.encoder2 = nn.Linear(units, units)
        self.classifier = OutputLayer(units, classes)

    def hidden(self, x: Tensor) -> Tensor:
        """Return the last hidden layer h: (B, inputs) -> (B, units)."""
        return F.relu(self.encoder2(F.relu(self.encoder1(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (logits) of all classes: (B, inputs) -> (B, classes)."""
        return self.classifier(self.hidden(x))


class Reconstruction(NamedTuple):
    """One pass of a VAE over B inputs."""

    logits: Tensor  # (B, classes) scores; (B, 0) from a VAE without classifier
    z: Tensor  # (B, latent) one sample of q(z | x)
    mean: Tensor  # (B, latent) of q(z | x)
    log_variance: Tensor  # (B, latent) of q(z | x)
    output: Tensor  # (B, inputs) of the decoder; the likelihood says what it means

    def split(self, *rows: int) -> "list[Reconstruction]":
        """Return the passes of the first, the next ... rows; their numbers add up to B."""
        return [Reconstruction(*parts) for parts in zip(*(part.split(rows) for part in self), strict=True)]


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return z = mu + sigma * noise; all (B, latent)."""
    return mean + torch.exp(0.5 * log_variance) * noise


class ContextGates(nn.Module):
    """For every class a fixed random subset of hidden decoder units that are switched off.

    Each unit of each class is off with probability `proportion`, drawn once from the run's seed.
    """

    first: Tensor  # (classes, units) of 0 and 1, as is the second
    second: Tensor

    def __init__(self, classes: int, units: int, proportion: float, seed: int) -> None:
        super().__init__()
        for layer in ("first", "second"):
            uniform = torch.rand(classes, units, generator=stream(seed, f"gates/{layer}"))
            self.register_buffer(layer, (uniform >= proportion).float())

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the gates of the classes by weight: (B, classes) -> twice (B, units)."""
        return context @ self.first, context @ self.second

    def of(self, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates of one class per sample: (B,) -> twice (B, units)."""
        return self.first[label], self.second[label]


class Decoder(nn.Module):
    """Two hidden layers, each of whose pre-activations (bias included) may be gated, and a linear output."""

    def __init__(self, latent: int, units: int, inputs: int) -> None:
        super().__init__()
        self.decoder1 = nn.Linear(latent, units)
        self.decoder2 = nn.Linear(units, units)
        self.output = OutputLayer(units, inputs)

    def forward(self, z: Tensor, gates: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Decode z with one gate per hidden layer: (B, latent), 2 x (B, units) -> (B, inputs)."""
        first, second = gates or (1.0, 1.0)
        h = F.relu(self.decoder1(z) * first)
        return self.output(F.relu(self.decoder2(h) * second))


class ClassPrior(nn.Module):
    """p(z | class): one Gaussian per class with learned mean and log-variance, both drawn from N(0, 1)."""

    def __init__(self, classes: int, latent: int, seed: int) -> None:
        super().__init__()
        draws = torch.randn(2, classes, latent, generator=stream(seed, "weights/prior"))
        self.mean = nn.Parameter(draws[0])
        self.log_variance = nn.Parameter(draws[1])

    def sample(self, label: Tensor, noise: Tensor) -> Tensor:
        """Return z from the Gaussian of each label: (B,), (B, latent) -> (B, latent)."""
        return reparameterise(self.mean[label], self.log_variance[label], noise)


class BrainInspiredVAE(Classifier):
    """The VAE with classifier of brain-inspired replay: class prior, context-gated decoder (Fig. 1)."""

    def __init__(self, inputs: int, units: int, latent: int, classes: int, gate_proportion: float, seed: int) -> None:
        super().__init__(inputs, units, classes)
        self.latent_mean = OutputLayer(units, latent)
        self.latent_log_variance = OutputLayer(units, latent, bias=False)
        self.decoder = Decoder(latent, units, inputs)
        self.gates = ContextGates(classes, units, gate_proportion, seed)
        self.prior = ClassPrior(classes, latent, seed)
        initialise(self, seed)

    def reconstruct(self, x: Tensor, context: Tensor, noise: Tensor) -> Reconstruction:
        """Encode, classify, sample z and decode with the gates of the context.

        Args:
            x: (B, inputs).
            context: (B, classes) weight of each class's gates: one-hot labels, or a soft target.
            noise: (B, latent) standard normal.
        """
        h = self.hidden(x)
        mean, log_variance = self.latent_mean(h), self.latent_log_variance(h)
        z = reparameterise(mean, log_variance, noise)
        return Reconstruction(self.classifier(h), z, mean, log_variance, self.decoder(z, self.gates(context)))

    def imagine(self, label: Tensor, noise: Tensor) -> Tensor:
        """Decode a latent draw of each label with that class's gates: (B,), (B, latent) -> (B, inputs)."""
        return self.decoder(self.prior.sample(label, noise), self.gates.of(label))


class PlainVAE(nn.Module):
    """A VAE with a standard normal prior, no gates and no classifier."""

    def __init__(self, inputs: int, units: int, latent: int, seed: int) -> None:
        super().__init__()
        self.encoder1 = nn.Linear(inputs, units)
        self.encoder2 = nn.Linear(units, units)
        self.latent_mean = OutputLayer(units, latent)
        self.latent_log_variance = OutputLayer(units, latent, bias=False)
        self.decoder = Decoder(latent, units, inputs)
        initialise(self, seed, whose="generator")

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z | x): (B, inputs) -> twice (B, latent)."""
        h = F.relu(self.encoder2(F.relu(self.encoder1(x))))
        return self.latent_mean(h), self.latent_log_variance(h)

    def reconstruct(self, x: Tensor, noise: Tensor) -> Reconstruction:
        """Encode, sample z and decode: (B, inputs), (B, latent)."""
        mean, log_variance = self.encode(x)
        z = reparameterise(mean, log_variance, noise)
        return Reconstruction(x.new_empty(len(x), 0), z, mean, log_variance, self.decoder(z))
