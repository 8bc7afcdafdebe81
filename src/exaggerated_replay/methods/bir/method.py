"""Brain-inspired replay (van de Ven et al., 2020), with or without synaptic intelligence.

One VAE with a classifier replays what its frozen earlier self generates, class by class, and is held to
what that self thought of it. "Methods" of the baseline's publication.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from exaggerated_replay.learning.consolidation import SynapticIntelligence, held_parameters
from exaggerated_replay.learning.losses import (
    distillation,
    log_mixture_prior,
    log_normal_pairs,
    soft_target,
    variational,
)
from exaggerated_replay.learning.method import Method, Problem
from exaggerated_replay.learning.networks import BrainInspiredVAE, Reconstruction, frozen_copy


class Replayed(NamedTuple):
    """A batch of B samples that the previous model generated and scored."""

    x: Tensor  # (B, inputs)
    scores: Tensor  # (B, earlier classes) logits
    asked: Tensor  # (B,) the class that was asked for


class BrainInspiredReplay(Method):
    """BI-R; with settings.si also BI-R+SI, the paper's baseline."""

    network: BrainInspiredVAE

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.previous = frozen_copy(self.network)  # what is replayed from; of use from the second task on
        self.latent_noise = self.draw("latent noise")
        self.replay_noise = self.draw("replay")
        self.one_hot = torch.eye(problem.classes, device=problem.device)
        si = settings.si
        self.si = si and SynapticIntelligence(held_parameters(self.network), si.strength, si.damping)

    def build_network(self) -> BrainInspiredVAE:
        """Return the VAE with classifier, class prior and context gates."""
        p = self.problem
        return BrainInspiredVAE(p.inputs, p.units, p.latent, p.classes, self.settings.gate_proportion, p.seed).to(
            p.device
        )

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """(1/t) current + (1 - 1/t) replayed loss, plus the penalty of synaptic intelligence."""
        if not self.earlier:
            loss = self.current_loss(x, y, self.reconstruct(x, self.one_hot[y]))
        else:
            replayed = self.replay()
            target = soft_target(replayed.scores, self.settings.temperature, self.problem.classes)
            # Both batches in one pass: one gradient per weight, from products of twice as many rows.
            both = self.reconstruct(torch.cat([x, replayed.x]), torch.cat([self.one_hot[y], target]))
            current, again = both.split(len(x), len(target))
            loss = self.balance(self.current_loss(x, y, current), self.replayed_loss(replayed, target, again))
        if self.si:
            loss = loss + self.note("penalty", self.si.penalty())
        return loss

    def reconstruct(self, x: Tensor, context: Tensor) -> Reconstruction:
        """Let the current model encode, classify and decode: (B, inputs), (B, classes)."""
        return self.network.reconstruct(x, context, self.noise(len(x), self.latent_noise))

    def current_loss(self, x: Tensor, y: Tensor, vae: Reconstruction) -> Tensor:
        """Reconstruction, variational loss against the label's prior, and cross-entropy."""
        log_prior = self.log_priors(vae.z).gather(1, y.unsqueeze(1)).squeeze(1)
        return self.generative_loss(x, vae, log_prior) + self.classification(vae.logits, y)

    def replayed_loss(self, replayed: Replayed, target: Tensor, vae: Reconstruction) -> Tensor:
        """Reconstruction, variational loss against the mixture of priors, and distillation."""
        target = target[:, : self.seen]
        log_prior = log_mixture_prior(self.log_priors(vae.z), target, self.settings.mixture_prior)
        distilled = distillation(vae.logits[:, : self.seen], target, self.settings.temperature)
        self.note("agreement", (replayed.scores.argmax(1) == replayed.asked).float().mean())
        generative = self.generative_loss(replayed.x, vae, log_prior, self.settings.lambda_rec_replayed)
        return generative + self.note("distillation", distilled)

    def log_priors(self, z: Tensor) -> Tensor:
        """Return log p(z | class) for all classes seen so far: (B, latent) -> (B, seen)."""
        prior, seen = self.network.prior, self.seen
        return log_normal_pairs(z, prior.mean[:seen], prior.log_variance[:seen])

    def generative_loss(self, x: Tensor, vae: Reconstruction, log_prior: Tensor, weight: float = 1.0) -> Tensor:
        """Eq. 1: weight lambda_rec D(x, x') plus the variational loss per image value, averaged over the batch."""
        reconstruction = self.note("reconstruction", self.problem.likelihood.distance(x, vae.output).mean())
        divergence = variational(vae.z, vae.mean, vae.log_variance, log_prior).mean()
        divergence = self.note("variational", divergence / self.problem.image_values)
        return weight * self.settings.lambda_rec * reconstruction + divergence

    @torch.no_grad()
    def replay(self) -> Replayed:
        """Let the previous model draw classes uniformly, generate a sample of each and score it itself."""
        p = self.problem
        label = torch.randint(self.earlier, (p.replay_batch,), generator=self.replay_noise, device=p.device)
        noise = self.noise(len(label), self.replay_noise)
        x = p.likelihood.mean(self.previous.imagine(label, noise))
        return Replayed(x, self.previous(x)[:, : self.earlier], label)

    def after_step(self) -> None:
        """Follow the path of the weights."""
        if self.si:
            self.si.after_step()

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Keep the model as it is for replay, and consolidate."""
        self.previous.load_state_dict(self.network.state_dict())
        if self.si:
            self.si.consolidate()


METHOD = BrainInspiredReplay
