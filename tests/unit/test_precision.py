"""Under bf16 the networks multiply in bfloat16, and nothing else does; and who is asked to emulate it refuses."""

import copy

import pytest
import torch
from every_method import METHODS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from exaggerated_replay.devices import check_precision, multiplies_bf16
from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.competition import sums_by_class
from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.learning.step import eager_step

CPU = torch.device("cpu")
PRODUCTS = {"aten.mm.default", "aten.addmm.default"}
FORWARD = {"aten.relu.default", "aten.mul.Tensor"}  # between products: units, and their gates
BACKWARD = {"aten.threshold_backward.default", "aten.add.Tensor", "aten.sum.dim_IntList"}  # of units, branches, biases
MOVES = {"aten._to_copy.default", "aten.detach.default", "aten.t.default", "aten.transpose.int", "aten.view.default"}
GRADIENT_STEPS = [name for name, arm in METHODS.items() if arm.method not in ("slda", "gaussians")]


class Halves(TorchDispatchMode):
    """Notes which operations computed something in bfloat16."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if any(isinstance(leaf, torch.Tensor) and leaf.dtype == torch.bfloat16 for leaf in tree_leaves((args, made))):
            self.found.add(str(function))
        return made


@pytest.fixture(params=[True, False], ids=["bounded", "features"])
def in_task_2(request, new_problem, new_samples):
    """Build a method and take it to its second task; return a batch as well."""

    def make(name):
        method = build_method(METHODS[name].method, new_problem(request.param), METHODS[name])
        samples = new_samples(request.param)
        for task in (1, 2):
            rows = (samples.y // 2 == task - 1).nonzero().flatten()
            method.begin_task(task)
            if task == 1:
                method.end_task(samples.x[rows], samples.y[rows])
        return method, samples.x[rows], samples.y[rows]

    return make


@pytest.mark.parametrize("name", GRADIENT_STEPS)
def test_nothing_but_the_layers_of_networks_computes_in_bfloat16(name, in_task_2):
    method, x, y = in_task_2(name)
    noted = []
    note = method.instruments.note
    method.instruments.note = lambda *noting: (noted.append(noting), note(*noting))
    with Halves() as forward, torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        copy.deepcopy(method).loss(x, y)
    assert forward.found & PRODUCTS
    assert forward.found <= PRODUCTS | FORWARD | MOVES
    with Halves() as both:
        loss = eager_step(method, method.optimiser(0.01), "bf16")(x, y)
    assert both.found <= PRODUCTS | FORWARD | BACKWARD | MOVES
    assert loss.dtype == torch.float32
    assert {value.dtype for _, value in noted} <= {torch.float32}
    assert {p.dtype for p in method.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in method.parameters() if p.grad is not None} == {torch.float32}


@pytest.mark.parametrize("name", GRADIENT_STEPS)
def test_the_loss_in_bfloat16_is_near_that_in_single_precision(name, in_task_2):
    method, x, y = in_task_2(name)
    twin = copy.deepcopy(method)
    half = eager_step(method, method.optimiser(0.01), "bf16")(x, y).item()
    assert half == pytest.approx(eager_step(twin, twin.optimiser(0.01), "fp32")(x, y).item(), rel=0.05)


def test_classes_are_counted_and_distances_taken_in_full_whatever_surrounds_them():
    """300 samples of a class: in eight bits 256 + 1 is 256, and the distance of 1000.5 to 1000 is 0."""
    x = torch.full((300, 4), 1000.0)
    with torch.autocast("cpu", torch.bfloat16):
        sums, counts = sums_by_class(x + 0.25, torch.ones(300, 1, dtype=torch.bool))
        near = Gaussian().pairwise(x[:2], x[:2] + 0.5)
        sure = Bernoulli().pairwise(torch.full((1, 2), 0.3), torch.zeros(1, 2))
    assert counts.tolist() == [300]
    assert sums.tolist() == [[300 * 1000.25] * 4]
    assert near.tolist() == [[pytest.approx(0.125)] * 2] * 2
    assert sure.item() == pytest.approx(0.69314718, rel=1e-6)  # -log 1/2 for every target


@pytest.mark.parametrize(
    ("processor", "has"),
    [
        ({"architecture": "x86_64", "avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False}, True),
        ({"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": True}, True),
        ({"architecture": "aarch64", "neon": True, "bf16": False}, False),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, True),
        ({}, False),
    ],
)
def test_who_multiplies_in_bfloat16_says_so(processor, has, monkeypatch):
    assert multiplies_bf16(processor) is has
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor)
    for precision in ("fp32", "tf32"):
        check_precision(precision, CPU)
    check_precision("bf16", torch.device("cuda"))
    if has:
        check_precision("bf16", CPU)
    else:
        with pytest.raises(UserError, match=r"^compute\.precision is bf16, but .* set compute\.precision=fp32"):
            check_precision("bf16", CPU)


def test_torch_names_what_processors_can_as_it_is_asked_here():
    """Without these names every processor would be refused."""
    known = torch.cpu.get_capabilities()
    names = {"x86_64": ("avx512_bf16", "amx_bf16"), "aarch64": ("bf16",), "arm64": ("bf16",)}
    assert all(isinstance(known[name], bool) for name in names.get(known["architecture"], ()))
