"""What a method notes while it learns: losses, penalties, shares of samples."""

import torch
from torch import Tensor


class Instruments:
    """Means over a task of what a method notes in every step. Nothing is copied off the device before it ends."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[Tensor] = []  # noted in this step
        self.sums: Tensor | None = None  # over the steps before

    def note(self, name: str, value: Tensor) -> None:
        """Take down a scalar; a name that comes twice in a step stands for the mean of the two."""
        if self.sums is None:
            self.names.append(name)
        self.values.append(value.detach())

    def end_step(self) -> None:
        """Add the step's values to the sums, in place: this is part of what a GPU may replay."""
        if not self.values:
            return
        values = torch.stack(self.values)
        if self.sums is None:
            self.sums = torch.zeros_like(values)
        self.sums += values
        self.values = []

    def means(self, steps: int) -> dict[str, float]:
        """Return the mean over the task's steps by name."""
        sums = [] if self.sums is None else self.sums.tolist()
        noted: dict[str, list[float]] = {}
        for name, value in zip(self.names, sums, strict=True):
            noted.setdefault(name, []).append(value / steps)
        return {name: sum(means) / len(means) for name, means in noted.items()}
