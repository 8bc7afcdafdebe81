"""One step, as it reads; and captured, with a stand-in for CUDA that records a step and runs it again."""

import contextlib

import numpy as np
import pytest
import torch

from exaggerated_replay.learning import step as stepping
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.learning.step import WARM_UP, CapturedStep, eager_step


class StandIn:
    """What `torch.cuda` offers to a capture. A graph is a list of calls here: it runs none while it records."""

    class Stream:
        def wait_stream(self, other):
            pass

    class CUDAGraph:
        def __init__(self):
            self.generators, self.recorded = [], None

        def register_generator_state(self, generator):
            self.generators.append(generator)

        def replay(self):
            self.recorded()

    @staticmethod
    def current_stream():
        return StandIn.Stream()

    @staticmethod
    @contextlib.contextmanager
    def stream(stream):
        yield

    @staticmethod
    @contextlib.contextmanager
    def graph(graph, stream):
        yield


@pytest.fixture
def captured(monkeypatch):
    """Make a captured step of a plain function; `seen` holds the sums of the batches that it was run on."""
    monkeypatch.setattr(torch, "cuda", StandIn)
    seen = []
    loss = torch.zeros(())

    def step(x, y):
        if captured.graph is not None and captured.graph.recorded is None:  # the capture: nothing is computed
            captured.graph.recorded = lambda: step(x, y)
            return loss
        seen.append((x.sum() + y.sum()).item())
        return loss.copy_(x.sum() + y.sum())

    captured = CapturedStep(step, [torch.Generator()])
    captured.seen = seen
    return captured


def test_every_call_is_one_step_on_its_own_batch_before_and_after_the_capture(captured):
    losses = [captured(torch.full((2, 3), float(i)), torch.tensor([i, 1])).item() for i in range(WARM_UP + 4)]
    expected = [6.0 * i + i + 1 for i in range(WARM_UP + 4)]
    assert captured.seen == expected
    assert losses == expected


def test_the_graph_is_captured_once_and_knows_what_the_step_draws_from(captured):
    graphs = set()
    for i in range(WARM_UP + 3):
        captured(torch.ones(2, 3), torch.tensor([i, i]))
        graphs.add(captured.graph)
    assert len(graphs - {None}) == 1
    assert captured.graph.generators == captured.generators


def test_later_batches_are_copied_to_where_the_graph_reads(captured):
    batch, labels = torch.ones(2, 3), torch.tensor([0, 0])
    for _ in range(WARM_UP + 1):
        captured(batch, labels)
    batch.fill_(7)  # the caller's own tensors are no part of the graph
    assert captured.x.sum().item() == 6


def test_on_the_cpu_steps_are_taken_as_they_read(new_problem, arms):
    method = build_method("bir", new_problem(), arms["bir"])
    assert not isinstance(stepping.step_of(method, method.optimiser(0.1), "fp32"), CapturedStep)


def test_a_method_knows_all_generators_that_it_draws_from(new_problem, arms):
    for name, streams in (("none", 0), ("ewc", 1), ("er", 2), ("dgr", 2), ("bir-si", 2), ("exaggeration", 3)):
        method = build_method(arms[name].method, new_problem(), arms[name])
        assert len(method.generators) == streams


@pytest.mark.parametrize("name", ["none", "bir-si", "exaggeration"])
def test_half_precision_is_near_single_precision_and_differs(name, new_problem, new_samples, arms):
    losses = {}
    for precision in ("fp32", "bf16"):
        method = build_method(arms[name].method, new_problem(), arms[name])
        method.begin_task(1)
        step = eager_step(method, method.optimiser(0.01), precision)
        samples = new_samples()
        rows = (samples.y < 2).nonzero().flatten()
        losses[precision] = [step(samples.x[rows], samples.y[rows]).item() for _ in range(5)]
        assert all(p.dtype == torch.float32 for p in method.parameters())
    np.testing.assert_allclose(losses["bf16"], losses["fp32"], rtol=0.02)
    assert losses["bf16"] != losses["fp32"]
