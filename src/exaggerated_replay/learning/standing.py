"""Where a run stands: what one step leaves for the next, who keeps it, and who looks on."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from exaggerated_replay.learning.batches import ShuffledBatches
from exaggerated_replay.learning.method import Method, State
from exaggerated_replay.learning.run import Outcome


class Observer(Protocol):
    """Who looks at a run when a task ends. It changes nothing of the run, and draws from random streams of its own."""

    def task_end(self, method: Method, task: int, x: Tensor, y: Tensor) -> None:
        """Look at a method that has learned a task, before it keeps anything of it for later ones.

        Args:
            method: The method; what it replays is still what it replayed in this task.
            task: Number of the task, from 1.
            x: (N, inputs) training samples of the task.
            y: (N,) their labels.
        """
        ...

    def state(self) -> State:
        """Return what was noted so far, and where random streams are, for a run that goes on later."""
        ...

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...

    def traces(self) -> dict[str, Tensor]:
        """Return all that was noted, by name, on the CPU."""
        ...


class Keeper(Protocol):
    """Who keeps what an interrupted run goes on from."""

    def saved(self) -> State | None:
        """Return the latest state kept of this run, if there is one. Asked once, when the run begins."""
        ...

    def due(self) -> bool:
        """Return whether it is time to keep another."""
        ...

    def save(self, method: Method, state: State) -> None:
        """Keep a state, provided that it has all that the method keeps.

        Args:
            method: The method, between two steps of a task.
            state: What `Standing.state` returns. Its tensors are those at work, which the next step changes.

        Raises:
            UserError: The method keeps something that is not in the state.
        """
        ...


@dataclass
class Standing:
    """All that one step leaves for the next: where a run stands."""

    method: Method
    optimiser: torch.optim.Optimizer
    batches: ShuffledBatches
    outcome: Outcome
    observer: Observer | None

    def state(self, task: int, iteration: int) -> State:
        """Return where the run stands after so many iterations of a task."""
        return {
            "task": task,
            "iteration": iteration,
            "method": self.method.state(),
            "optimiser": {str(index): moments for index, moments in self.optimiser.state_dict()["state"].items()},
            "rates": [group["lr"] for group in self.optimiser.param_groups],  # a method's own hook may change them
            "batches": self.batches.state(),
            "outcome": vars(self.outcome),
            "observer": self.observer and self.observer.state(),
        }

    def restore(self, state: State) -> int:
        """Go back to where `state` was taken, the task having begun; return the iterations done in it."""
        self.method.restore(state["method"])
        moments = {int(index): moments for index, moments in state["optimiser"].items()}
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        for group, rate in zip(self.optimiser.param_groups, state["rates"], strict=True):
            group["lr"] = rate
        self.batches.restore(state["batches"])
        for name, value in state["outcome"].items():
            current = getattr(self.outcome, name)
            current.clear()
            current.update(value) if isinstance(current, dict) else current.extend(value)
        if self.observer is not None:
            self.observer.restore(state["observer"])
        return state["iteration"]
