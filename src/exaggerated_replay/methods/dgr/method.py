"""Deep generative replay (Shin et al., 2017): a separate VAE dreams, the previous classifier labels."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.learning.losses import standard_kl
from exaggerated_replay.learning.method import Method, Problem
from exaggerated_replay.learning.networks import Classifier, PlainVAE, frozen_copy


class DeepGenerativeReplay(Method):
    """A classifier beside a VAE with a standard normal prior; both learn from the VAE's earlier self."""

    network: Classifier
    kept = ("network", "generator")

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.generator = PlainVAE(problem.inputs, problem.units, problem.latent, problem.seed).to(problem.device)
        self.previous = frozen_copy(self.both())  # what is replayed from; of use from the second task on
        self.latent_noise = self.draw("latent noise")
        self.replay_noise = self.draw("replay")

    def both(self) -> nn.ModuleList:
        """Return classifier and generator."""
        return nn.ModuleList([self.network, self.generator])

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Classifier and generator losses, current and replayed, weighed against each other."""
        current = self.classification(self.network(x), y) + self.generator_loss(x)
        if not self.earlier:
            return current
        replayed_x, replayed_y = self.replay()
        replayed = F.cross_entropy(self.network(replayed_x)[:, : self.seen], replayed_y)
        return self.balance(current, self.note("replayed", replayed) + self.generator_loss(replayed_x))

    def generator_loss(self, x: Tensor) -> Tensor:
        """Eq. 1: reconstruction and Kullback-Leibler divergence to N(0, I), averaged over the batch."""
        vae = self.generator.reconstruct(x, self.noise(len(x), self.latent_noise))
        reconstruction = self.problem.likelihood.distance(x, vae.output).mean()
        divergence = standard_kl(vae.mean, vae.log_variance).mean() / self.problem.image_values
        return self.note("reconstruction", reconstruction) + self.note("variational", divergence)

    @torch.no_grad()
    def replay(self) -> tuple[Tensor, Tensor]:
        """Return samples of the previous generator and the previous classifier's hard labels."""
        classifier, generator = cast(tuple[Classifier, PlainVAE], self.previous)
        z = self.noise(self.problem.replay_batch, self.replay_noise)
        x = self.problem.likelihood.mean(generator.decoder(z))
        return x, classifier(x)[:, : self.earlier].argmax(1)

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Keep both networks as they are for replay."""
        self.previous.load_state_dict(self.both().state_dict())


METHOD = DeepGenerativeReplay
