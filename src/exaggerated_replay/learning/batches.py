"""Which samples a step learns from: shuffled epochs of a task's data."""

import torch
from torch import Tensor

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Problem, State


def rows_of_tasks(y: Tensor, tasks: range, problem: Problem) -> Tensor:
    """Return the indices of the samples of some tasks (numbered from 1), in stored order."""
    first, end = problem.seen_after(tasks.start - 1), problem.seen_after(tasks.stop - 1)
    return ((y >= first) & (y < end)).nonzero().flatten()


class ShuffledBatches:
    """Batches of indices for ever: shuffled epochs, the last partial batch of each dropped."""

    def __init__(self, pool: Tensor, batch: int, order: torch.Generator, task: int) -> None:
        """Take the indices to draw from, how many a batch has, where the order is drawn, and the task's number."""
        self.pool = pool
        self.batch = batch
        self.order = order
        self.task = task
        self.epoch = pool[:0]  # this epoch's order
        self.taken = 0  # of it

    def __next__(self) -> Tensor:
        """Return the next batch.

        Raises:
            UserError: A batch is larger than the pool.
        """
        if self.taken + self.batch > len(self.epoch):
            self.shuffle()
        self.taken += self.batch
        return self.epoch[self.taken - self.batch : self.taken]

    def shuffle(self) -> None:
        """Begin another epoch."""
        if self.batch > len(self.pool):
            raise UserError(
                f"training.batch is {self.batch}, but task {self.task} has only {len(self.pool)} training samples: "
                f"choose a batch of at most {len(self.pool)}"
            )
        order = torch.randperm(len(self.pool), generator=self.order)
        self.epoch = self.pool[order.to(self.pool.device, non_blocking=True)]
        self.taken = 0

    def state(self) -> State:
        """Return where in which order the next batch lies, and what the next epochs are drawn from."""
        return {"epoch": self.epoch, "taken": self.taken, "order": self.order.get_state()}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self.epoch, self.taken = state["epoch"].to(self.pool.device), state["taken"]
        self.order.set_state(state["order"])
