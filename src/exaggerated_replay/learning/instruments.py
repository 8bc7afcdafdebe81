"""What a method notes while it learns: losses, penalties, shares of samples."""

from typing import Any

import torch
from torch import Tensor

from exaggerated_replay.errors import UserError


class Instruments:
    """Means over a task of what a method notes in every step. Nothing is copied off the device before it ends."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[Tensor] = []  # noted in this step
        self.sums: Tensor | None = None  # over the steps before
        self.finite: Tensor | None = None  # in how many steps each was a finite number

    def note(self, name: str, value: Tensor) -> None:
        """Take down a scalar; a name that comes twice in a step stands for the mean of the two."""
        if self.sums is None:
            self.names.append(name)
        self.values.append(value)

    @torch.no_grad()
    def end_step(self) -> None:
        """Add the step's values to the sums, in place: this is part of what a GPU may replay.

        Raises:
            UserError: Not the same values were noted as in the first step of the task.
        """
        if not self.values:
            return
        if len(self.values) != len(self.names):
            raise UserError(
                f"the method notes {len(self.values)} values in this step, and noted {len(self.names)} in the first of "
                f"the task ({', '.join(self.names) or 'none'}): note the same ones in every step of a task"
            )
        values = torch.stack(self.values)
        if self.sums is None or self.finite is None:
            self.sums, self.finite = torch.zeros_like(values), torch.zeros_like(values)
        self.sums += values
        self.finite += values.isfinite()
        self.values = []

    def means(self, steps: int) -> dict[str, float]:
        """Return the mean over the task's steps by name."""
        sums = [] if self.sums is None else self.sums.tolist()
        noted: dict[str, list[float]] = {}
        for name, value in zip(self.names, sums, strict=True):
            noted.setdefault(name, []).append(value / steps)
        return {name: sum(means) / len(means) for name, means in noted.items()}

    def first_to_fail(self, steps: int) -> tuple[str, int] | None:
        """Return which value was the first that was no finite number, and in which step; None if all were."""
        finite = [] if self.finite is None else [int(count) for count in self.finite.tolist()]
        if min(finite, default=steps) == steps:
            return None
        return self.names[finite.index(min(finite))], min(finite) + 1

    def state(self) -> dict[str, Any]:
        """Return what was noted so far, between two steps."""
        return {"names": self.names, "sums": self.sums, "finite": self.finite}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on from what `state` returned."""
        self.names = state["names"]
        if state["sums"] is not None:
            self.sums, self.finite = state["sums"].to(device), state["finite"].to(device)
