"""Rounding as tensor cores do it, emulated: against plain arithmetic, and against the CPU's own slow bf16."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from bench.precision import EmulatedTensorCores, differences, measure, to_tf32
from bench.workloads import params_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.plan import make_plan


@given(st.floats(-(2.0**100), 2.0**100, width=32).filter(lambda x: abs(x) > 2.0**-100))
def test_a_rounded_number_is_the_nearest_with_ten_bits(x):
    _, exponent = np.frexp(x)
    step = 2.0 ** (int(exponent) - 11)  # between neighbours with 10 bits of fraction
    assert to_tf32(torch.tensor([x])).item() == np.round(x / step) * step  # numpy, too, rounds ties to even


def test_what_is_no_single_precision_number_stays():
    double = torch.tensor([1 + 2**-20], dtype=torch.float64)
    assert torch.equal(to_tf32(double), double)
    special = torch.tensor([0.0, torch.inf, -torch.inf])
    assert torch.equal(to_tf32(special), special)


def layer(dtype):
    """Return the input, weight, bias and loss of a linear layer, with gradients."""
    generator = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(size, generator=generator).requires_grad_() for size in ((7, 30), (5, 30), (5,)))
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16, cache_enabled=False):
        y = F.linear(x, w, b)
    y.float().square().sum().backward()
    return y.detach(), x.grad, w.grad, b.grad


def test_emulated_bf16_is_what_the_cpu_calculates_in_bf16():
    slow = layer(torch.bfloat16)
    with EmulatedTensorCores():
        fast = layer(torch.bfloat16)
    for a, b in zip(slow, fast, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=2**-7, atol=2**-7)  # one unit in the last place: sums are reordered


def test_emulated_tf32_multiplies_rounded_operands_forward_and_backward():
    x, w = torch.full((1, 2), 1 + 2**-12), torch.full((2, 1), 3.0)
    x.requires_grad_()
    with EmulatedTensorCores():
        y = x @ w
        (y * (1 + 2**-12)).backward()
    assert y.item() == 6.0  # 1 + 2^-12 is 1 in TF32
    assert x.grad.tolist() == [[3.0, 3.0]]
    assert (x @ w).item() > 6.0


def test_differences_are_paired_by_seed():
    before = pd.DataFrame({"first20": [10.0, 20.0], "first50": [10.0, 20.0], "overall": [30.0, 40.0]}, index=[0, 1])
    after = (before + 1).loc[[1, 0]]
    row = differences(after, before)
    assert row["seeds"] == "2"
    assert row["first20"] == "+1.00 (+1.00 to +1.00) on 15.0"
    assert row["overall"] == "+1.00 (+1.00 to +1.00) on 35.0"


def test_what_is_not_there_is_named():
    params = params_of("digits")
    with pytest.raises(UserError, match="no cell rr-rb: choose among bir-si"):
        measure(make_plan(params), ["rr-rb"], 1)
    half = dataclasses.replace(params, compute=dataclasses.replace(params.compute, precision="bf16"))
    with pytest.raises(UserError, match=r"compute\.precision must be fp32"):
        measure(make_plan(half), ["rr-ra"], 1)
