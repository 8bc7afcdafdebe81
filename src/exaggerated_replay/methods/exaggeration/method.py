"""Feature exaggeration, the paper's own method: brain-inspired replay plus RR (Eq. 4) and RA (Eq. 5).

Both losses act on replayed samples only. With both weights 0 this is the baseline, bit for bit.
"""

from typing import Any

import torch
from torch import Tensor

from exaggerated_replay.learning.competition import (
    Competition,
    attraction,
    competition,
    confidence,
    repulsion,
    sums_by_class,
)
from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian
from exaggerated_replay.learning.method import Problem
from exaggerated_replay.learning.networks import Reconstruction
from exaggerated_replay.methods.bir.method import BrainInspiredReplay, Replayed


class FeatureExaggeration(BrainInspiredReplay):
    """RR pushes x' from the mean of competing classes, RA pulls it to the mean of its own."""

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.reading = settings.reading
        self.f = None if settings.f == "none" else settings.f
        self.class_sums = torch.zeros(problem.classes, problem.inputs, device=problem.device)
        self.class_counts = torch.zeros(problem.classes, device=problem.device)

    def begin_task(self, task: int) -> None:
        """Start the running means afresh: another task replays from another model."""
        super().begin_task(task)
        if self.reading.class_means == "running":
            self.class_sums.zero_()
            self.class_counts.zero_()

    def replayed_loss(self, replayed: Replayed, target: Tensor, vae: Reconstruction) -> Tensor:
        """The baseline's replayed loss + lambda_RR RR + lambda_RA RA."""
        loss = super().replayed_loss(replayed, target, vae)
        who = self.compete(replayed)
        means, present = self.class_means(replayed.x, who.own)
        distances = self.distances(means, vae.output)

        rivals = who.rivals & present
        rr = repulsion(distances, rivals, confidence(who, self.reading.confidence), self.reading.repulsion)
        ra = attraction(distances, who.own)
        if self.reading.attraction == "gated":
            ra = ra * who.rivals.any()  # only batches in which some sample passes the f test, whoever is present

        self.note("competing", who.rivals.any(1).float().mean())
        self.note("repelled", rivals.any(1).float().mean())
        return (
            loss
            + self.settings.lambda_rr * self.note("repulsion", rr)
            + self.settings.lambda_ra * self.note("attraction", ra)
        )

    def compete(self, replayed: Replayed) -> Competition:
        """Find labels and competing classes from the previous model's scores."""
        return competition(replayed.scores, self.f, self.reading.competitors, self.reading.temperature)

    def class_means(self, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean input of each earlier class and whether there is one: (C, inputs), (C,)."""
        sums, counts = sums_by_class(x, own)
        if self.reading.class_means != "batch":
            if self.reading.class_means == "running":
                self.class_sums[: self.earlier] += sums
                self.class_counts[: self.earlier] += counts
            sums, counts = self.class_sums[: self.earlier], self.class_counts[: self.earlier]
        return sums / counts.clamp_min(1).unsqueeze(1), counts > 0

    def distances(self, means: Tensor, output: Tensor) -> Tensor:
        """Return D(class mean, x') of all pairs: (C, inputs), (B, inputs) -> (B, C)."""
        own = self.problem.likelihood
        if self.reading.distance == "squared":
            distances = Gaussian().pairwise(means, own.mean(output))
        elif self.reading.distance == "bce":
            distances = Bernoulli().pairwise(own.squash(means), output)
        else:
            distances = own.pairwise(means, output)
        return distances * (means.shape[1] if self.reading.reduction == "sum" else 1)

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Also add up the real data of each class, for the ablation that stores their means."""
        super().end_task(x, y)
        if self.reading.class_means == "stored":
            self.class_sums.index_add_(0, y, x)
            self.class_counts.index_add_(0, y, torch.ones_like(y, dtype=x.dtype))

    @torch.no_grad()
    def example(self) -> dict[str, Any] | None:
        """Return the last task's replayed sample whose strongest rival comes closest to its label."""
        if self.earlier < 2:
            return None
        replayed = self.replay()
        who = self.compete(replayed)
        means, present = self.class_means(replayed.x, who.own)
        top, label = who.probabilities.max(1)
        closeness = (who.probabilities * who.rivals).max(1).values / top
        row = int(closeness.argmax())
        rivals = who.rivals[row].nonzero().flatten().tolist()
        shown = [int(label[row]), *rivals]
        return {
            "probabilities": who.probabilities[row].tolist(),
            "label": shown[0],
            "f": self.settings.f,
            "rivals": rivals,
            "sample": replayed.x[row].tolist(),
            "class_means": {str(c): means[c].tolist() for c in shown if present[c]},
        }


METHOD = FeatureExaggeration
