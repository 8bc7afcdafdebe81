"""What a method notes while it learns: losses, penalties, shares of samples."""

from typing import Any

import torch
from torch import Tensor

from exaggerated_replay.errors import UserError


class Instruments:
    """Means over a task of what a method notes in every step. Nothing is copied off the device before it ends."""

    def __init__(self) -> None:
        self.names: list[str] | None = None  # what the first step of the task noted, and every other must
        self.noted: list[tuple[str, Tensor]] = []  # in this step
        self.sums: Tensor | None = None  # over the steps before
        self.finite: Tensor | None = None  # in how many steps each was a finite number

    def note(self, name: str, value: Tensor) -> None:
        """Take down a scalar; a name that comes twice in a step stands for the mean of the two."""
        self.noted.append((name, value))

    @torch.no_grad()
    def end_step(self) -> None:
        """Add the step's values to the sums, in place: this is part of what a GPU may replay.

        Raises:
            UserError: Not the same values were noted, in the same order, as in the first step of the task.
        """
        names = [name for name, _ in self.noted]
        if self.names is None:
            self.names = names
        if names != self.names:
            raise UserError(
                f"the method notes {', '.join(names) or 'nothing'} in this step, and noted "
                f"{', '.join(self.names) or 'nothing'} in the first of the task: note the same in every step of a task"
            )
        if not names:
            return
        values = torch.stack([value for _, value in self.noted])
        if self.sums is None or self.finite is None:
            self.sums, self.finite = torch.zeros_like(values), torch.zeros_like(values)
        self.sums += values
        self.finite += values.isfinite()
        self.noted = []

    def means(self, steps: int) -> dict[str, float]:
        """Return the mean over the task's steps by name."""
        sums = [] if self.sums is None else self.sums.tolist()
        noted: dict[str, list[float]] = {}
        for name, value in zip(self.names or (), sums, strict=True):
            noted.setdefault(name, []).append(value / steps)
        return {name: sum(means) / len(means) for name, means in noted.items()}

    def first_to_fail(self, steps: int) -> tuple[str, int] | None:
        """Return which value was the first that was no finite number, and in which step; None if all were."""
        finite = [] if self.finite is None else [int(count) for count in self.finite.tolist()]
        if not self.names or min(finite, default=steps) == steps:
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
