"""Averaged gradient episodic memory (A-GEM), as an example of a method in a file of one's own.

A. Chaudhry, M. Ranzato, M. Rohrbach and M. Elhoseiny, "Efficient lifelong learning with A-GEM", ICLR 2019.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from exaggerated_replay.learning.method import Method
from exaggerated_replay.settings.base import Count
from exaggerated_replay.settings.run import MethodSettings


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """What can be set."""

    of_each_class = ("memory_per_class",)  # so that `compose` says where a class has fewer samples
    memory_per_class: Count = 20


class AGEM(Method):
    """A step must not raise the loss on stored samples: what would do so of its gradient is taken out (Eq. 11)."""

    def __init__(self, problem, settings):
        super().__init__(problem, settings)
        self.register_buffer("stored_x", torch.zeros(0, problem.inputs, device=problem.device))
        self.register_buffer("stored_y", torch.zeros(0, dtype=torch.int64, device=problem.device))
        self.choice = self.draw("memory", torch.device("cpu"))
        self.order = self.draw("replay")

    def optimiser(self, learning_rate):
        """Come between gradient and step."""
        optimiser = super().optimiser(learning_rate)
        optimiser.register_step_pre_hook(lambda *_: self.project())
        return optimiser

    def project(self):
        """Replace g by g - (g'g_ref / g_ref'g_ref) g_ref where g'g_ref < 0, without asking the device which it is."""
        if not len(self.stored_y):
            return
        weights = [weight for weight in self.parameters() if weight.grad is not None]
        reference = torch.autograd.grad(self.loss_on_memory(), weights)
        product = sum((weight.grad * g).sum() for weight, g in zip(weights, reference, strict=True))
        square = sum(g.square().sum() for g in reference)
        share = torch.where(product < 0, product / square, 0.0)
        self.note("projected", (product < 0).float())
        for weight, g in zip(weights, reference, strict=True):
            weight.grad -= share * g

    def loss_on_memory(self):
        """Return the cross-entropy of a batch of stored samples."""
        size = (self.problem.replay_batch,)
        rows = torch.randint(len(self.stored_y), size, generator=self.order, device=self.problem.device)
        return F.cross_entropy(self.network(self.stored_x[rows])[:, : self.seen], self.stored_y[rows])

    def end_task(self, x, y):
        """Store some samples of each class of the task."""
        order = torch.randperm(len(y), generator=self.choice).to(y.device)
        labels = range(self.earlier, self.seen)
        rows = torch.cat([order[y[order] == label][: self.settings.memory_per_class] for label in labels])
        self.stored_x = torch.cat([self.stored_x, x[rows]])
        self.stored_y = torch.cat([self.stored_y, y[rows]])


METHOD = AGEM
