"""One optimiser step; on a GPU captured in a CUDA graph and replayed, because launching its kernels takes longer."""

from collections.abc import Callable

import torch
from torch import Tensor

from exaggerated_replay.learning.method import Method

Step = Callable[[Tensor, Tensor], Tensor]  # inputs (B, inputs), labels (B,) -> the loss, a scalar on the device
WARM_UP = 3  # steps taken one kernel at a time before the capture: libraries and gradients settle


def eager_step(method: Method, optimiser: torch.optim.Optimizer, precision: str) -> Step:
    """Return the step as it reads: loss, gradients, new weights."""

    def step(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
            loss = method.loss(x, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        method.after_step()
        method.instruments.end_step()
        return loss.detach()

    return step


def step_of(method: Method, optimiser: torch.optim.Optimizer, precision: str) -> Step:
    """Return the step of the task that begins now: captured where device and method allow it."""
    step = eager_step(method, optimiser, precision)
    if method.problem.device.type == "cuda" and method.static_shapes:
        return CapturedStep(step, [generator for generator in method.generators if generator.device.type == "cuda"])
    return step


class CapturedStep:
    """A step whose kernels are launched as one CUDA graph from the fourth time on. The steps before are real ones too.

    A graph reads and writes where the captured step did: batches are copied to one place, and the loss lies in one.
    What changes between tasks (the replaying model, the number of classes seen) asks for a capture of its own.
    """

    def __init__(self, step: Step, generators: list[torch.Generator]) -> None:
        self.step = step
        self.generators = generators
        self.stream = torch.cuda.Stream()
        self.taken = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Take one step on a batch; every batch has the size of the first. The loss is overwritten by the next."""
        self.taken += 1
        if self.taken <= WARM_UP:
            return self.on_side_stream(x, y)
        graph = self.graph or self.capture(x, y)
        self.x.copy_(x)
        self.y.copy_(y)
        graph.replay()
        return self.loss

    def on_side_stream(self, x: Tensor, y: Tensor) -> Tensor:
        """Take the step where captures are made, so that memory is settled there."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            loss = self.step(x, y)
        torch.cuda.current_stream().wait_stream(self.stream)
        return loss

    def capture(self, x: Tensor, y: Tensor) -> torch.cuda.CUDAGraph:
        """Record the step's kernels without running them; what it draws goes on where its generators are."""
        self.x, self.y = x.clone(), y.clone()
        graph = self.graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, stream=self.stream):
            self.loss = self.step(self.x, self.y)
        return graph
