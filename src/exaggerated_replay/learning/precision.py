"""Where bfloat16 ends: what is summed, subtracted and compared stays in single precision.

Under `compute.precision=bf16` a step runs under autocast, which takes every matrix product in bfloat16 and hands its
result, of eight significant bits, to whatever follows. That is meant for the layers of the networks alone: a distance
is a difference of large products, and a class of a few hundred samples cannot even be counted in eight bits.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn

Given = ParamSpec("Given")
Result = TypeVar("Result")


class OutputLayer(nn.Linear):
    """A linear layer whose results leave the network: as precise as its weights, however the product was taken."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x W' + b: (B, in) -> (B, out)."""
        return super().forward(x).to(self.weight.dtype)


def in_full(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Take the matrix products of a function of tensors in float32, or in TF32 where a run asks for that."""

    @functools.wraps(function)
    def kept(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        device = next(value.device.type for value in args if isinstance(value, Tensor))
        with torch.autocast(device, enabled=False):
            return function(*args, **kwargs)

    return kept
