"""Feature exaggeration, the paper's own method: brain-inspired replay plus RR (Eq. 4) and RA (Eq. 5).

Both losses act on replayed samples only. With both weights 0 this is the baseline, bit for bit.
"""

from typing import Any, assert_never

import torch
from torch import Tensor

from exaggerated_replay.learning.competition import (
    Competition,
    attraction,
    competition,
    confidence,
    random_class,
    random_rivals,
    repulsion,
    shuffled_among,
    sums_by_class,
)
from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian
from exaggerated_replay.learning.method import Problem
from exaggerated_replay.learning.networks import Reconstruction
from exaggerated_replay.methods.bir.method import BrainInspiredReplay, Replayed
from exaggerated_replay.settings.reading import ReadingSettings


class FeatureExaggeration(BrainInspiredReplay):
    """RR pushes x' from the mean of competing classes, RA pulls it to the mean of its own."""

    class_sums: Tensor  # (C, inputs) that class means are made of
    class_counts: Tensor  # (C,)

    def __init__(self, problem: Problem, settings: Any) -> None:
        super().__init__(problem, settings)
        self.reading: ReadingSettings = settings.reading
        self.repulsion_factor = None if settings.f == "none" else settings.f
        self.controls = self.draw("controls")  # of their own, so that arms stay paired
        self.register_buffer("class_sums", torch.zeros(problem.classes, problem.inputs, device=problem.device))
        self.register_buffer("class_counts", torch.zeros(problem.classes, device=problem.device))

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

        rivals, reading = who.rivals & present, self.reading
        weights = confidence(who, reading.confidence)
        rr = repulsion(distances, rivals, weights, reading.repulsion, reading.reduction)
        ra = attraction(distances, self.attracting(who, present), reading.reduction) * self.gate(who)

        self.note("competing", who.rivals.any(1).float().mean())
        self.note("repelled", rivals.any(1).float().mean())
        return (
            loss
            + self.settings.lambda_rr * self.note("repulsion", rr)
            + self.settings.lambda_ra * self.note("attraction", ra)
        )

    def compete(self, replayed: Replayed) -> Competition:
        """Find labels and competing classes from the previous model's scores."""
        rule, f, temperature = self.reading.competitors, self.repulsion_factor, self.reading.temperature
        if rule == "random":
            return random_rivals(competition(replayed.scores, f, "runner_up", temperature), self.controls)
        return competition(replayed.scores, f, rule, temperature)

    def attracting(self, who: Competition, present: Tensor) -> Tensor:
        """Return the class whose mean attracts each sample: (B, C) boolean."""
        match self.reading.attraction_target:
            case "own":
                return who.own
            case "random":
                return random_class(present, len(who.own), self.controls)
        assert_never(self.reading.attraction_target)

    def gate(self, who: Competition) -> Tensor | float:
        """Return 1 where attraction acts on the batch, 0 where it does not."""
        match self.reading.attraction:
            case "every":
                return 1.0
            case "gated":
                return who.rivals.any()  # some sample passes the f test, whoever is present
        assert_never(self.reading.attraction)

    def class_means(self, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean input of each earlier class and whether there is one: (C, inputs), (C,)."""
        kept = self.class_sums[: self.earlier], self.class_counts[: self.earlier]
        match self.reading.class_means:
            case "batch" | "shuffled":
                sums, counts = sums_by_class(x, own)
            case "running":
                for total, more in zip(kept, sums_by_class(x, own), strict=True):
                    total += more
                sums, counts = kept
            case "stored":
                sums, counts = kept
            case _:
                assert_never(self.reading.class_means)
        means, present = sums / counts.clamp_min(1).unsqueeze(1), counts > 0
        if self.reading.class_means == "shuffled":
            means = shuffled_among(present, means, self.controls)
        return means, present

    def distances(self, means: Tensor, output: Tensor) -> Tensor:
        """Return D(class mean, x') of all pairs: (C, inputs), (B, inputs) -> (B, C)."""
        own = self.problem.likelihood
        match self.reading.distance:
            case "model":
                distances = own.pairwise(means, output)
            case "squared":
                distances = Gaussian().pairwise(means, own.mean(output))
            case "bce":
                distances = Bernoulli().pairwise(own.squash(means), output)
            case _:
                assert_never(self.reading.distance)
        match self.reading.reduction:
            case "mean":
                return distances
            case "sum" | "total":
                return distances * means.shape[1]
        assert_never(self.reading.reduction)

    def end_task(self, x: Tensor, y: Tensor) -> None:
        """Also add up the real data of each class, for the ablation that stores their means."""
        super().end_task(x, y)
        if self.reading.class_means == "stored":
            sums, counts = torch.zeros(self.class_sums.shape), torch.zeros(self.class_counts.shape)
            sums.index_add_(0, y.cpu(), x.cpu())  # a GPU would add in another order each time
            counts.index_add_(0, y.cpu(), torch.ones(len(y)))
            self.class_sums += sums.to(x.device)
            self.class_counts += counts.to(x.device)


METHOD = FeatureExaggeration
