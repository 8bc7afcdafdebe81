"""What a method keeps outside of its state is noticed before anything is saved; what is in it is gone on from."""

import copy
import random
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Method, build_method
from exaggerated_replay.settings.methods import own_method, settings_of, use_own
from exaggerated_replay.training.completeness import ambient, check_complete


@dataclass
class Settings:
    method: str = "lwf"


@dataclass
class Tally:
    steps: int = 0


class Forgetful(Method):
    """Does one thing when a task ends, and one at every step; subclasses say which."""

    def at_the_end(self):
        pass

    def at_a_step(self):
        pass

    def loss(self, x, y):
        self.at_a_step()
        return super().loss(x, y)

    def end_task(self, x, y):
        self.at_the_end()


def method_that(problem, keeps, begin=None, step=None, end=None):
    class Own(Forgetful):
        def __init__(self, problem, settings):
            super().__init__(problem, settings)
            if begin:
                begin(self)

        def at_a_step(self):
            if step:
                step(self)

        def at_the_end(self):
            if end:
                end(self)

    return Own(problem, Settings(keeps))


@pytest.fixture
def after_a_task(new_problem, new_samples):
    """Let a method learn a task, take one step of the next, and ask whether its state is complete."""

    def ask(**does):
        method = method_that(new_problem(), "lwf", **does)
        before = ambient()  # layers draw from torch's when they are made
        optimiser, samples = method.optimiser(0.1), new_samples()
        for task in (1, 2):
            method.begin_task(task)
            rows = (samples.y // 2 == task - 1).nonzero().flatten()
            loss = method.loss(samples.x[rows], samples.y[rows])
            loss.backward()
            optimiser.step()
            method.instruments.end_step()
            if task == 1:
                method.end_task(samples.x[rows], samples.y[rows])
        check_complete(method, method.state(), before)
        return method

    return ask


def frozen(method):
    method.old = copy.deepcopy(method.network).requires_grad_(False)


def sets(name, value, on=lambda method: method):
    """Return what hangs a value on a method, made anew each time."""
    return lambda method: setattr(on(method), name, value())


CASES = {
    "a module that was not there": ({"end": frozen}, "old"),
    "a module in the place of None": ({"begin": sets("old", lambda: None), "end": frozen}, "old"),
    "a list that was not there": ({"end": sets("losses", lambda: [1.0])}, "losses"),
    "a number": ({"begin": sets("count", int), "step": sets("count", lambda: 7)}, "count"),
    "a dictionary of tensors": (
        {"begin": sets("means", dict), "end": lambda m: m.means.update({0: torch.ones(2)})},
        "means",
    ),
    "a tensor": ({"begin": sets("anchor", lambda: torch.zeros(3)), "end": lambda m: m.anchor.add_(1)}, "anchor"),
    "a queue": ({"begin": sets("queue", deque), "step": lambda m: m.queue.append(1)}, "queue"),
    "an object": ({"begin": sets("tally", Tally), "step": lambda m: setattr(m.tally, "steps", 1)}, "tally"),
    "an array": ({"begin": sets("array", lambda: np.zeros(2)), "end": lambda m: m.array.fill(1)}, "array"),
    "numpy's numbers": (
        {"begin": sets("drawing", lambda: np.random.default_rng(0)), "step": lambda m: m.drawing.random()},
        "drawing",
    ),
    "python's numbers": (
        {"begin": sets("drawing", lambda: random.Random(0)), "step": lambda m: m.drawing.random()},  # noqa: S311
        "drawing",
    ),
    "a dictionary whose keys are weights": (
        {
            "begin": lambda m: setattr(m, "anchors", {weight: torch.zeros(1) for weight in m.parameters()}),
            "end": lambda m: [anchor.add_(1) for anchor in m.anchors.values()],
        },
        "anchors",
    ),
    "a generator of Python's that has begun": (
        {"begin": sets("order", lambda: (number for number in range(9))), "step": lambda m: next(m.order)},
        "order",
    ),
    "torch's numbers": (
        {"begin": sets("own", torch.Generator), "step": lambda m: torch.rand(2, generator=m.own)},
        "own",
    ),
    "a number of a module": (
        {
            "begin": sets("steps", int, lambda m: m.network),
            "step": sets("steps", lambda: 1, lambda m: m.network),
        },
        "network.steps",
    ),
    "a generator drawn late": ({"end": lambda m: m.draw("late")}, "generators"),
    "a buffer made late": ({"end": lambda m: m.register_buffer("late", torch.ones(2))}, "late"),
    "a module's buffer made late": (
        {"end": lambda m: m.network.register_buffer("late", torch.ones(2))},
        "network.late",
    ),
}


@pytest.mark.parametrize(("does", "named"), CASES.values(), ids=CASES)
def test_what_a_method_keeps_outside_of_its_state_is_named(does, named, after_a_task):
    with pytest.raises(UserError, match=rf"the method lwf keeps {named} outside of its state, .* in __init__, make it"):
        after_a_task(**does)


@pytest.mark.parametrize(
    ("whose", "draw"),
    [
        ("torch", lambda: F.dropout(torch.ones(3), 0.5)),
        ("NumPy", lambda: np.random.rand(2)),
        ("Python", random.random),
    ],
)
def test_the_process_s_own_random_numbers_are_refused(whose, draw, after_a_task):
    with pytest.raises(UserError, match=rf"the method lwf draws from {whose}'s own random.*self\.draw\(PURPOSE\)"):
        after_a_task(step=lambda m: draw())


def holds_all(method):
    method.old = copy.deepcopy(method.network).requires_grad_(False)
    method.register_buffer("stored", torch.zeros(0, 6))
    method.register_buffer("count", torch.zeros((), dtype=torch.int64))
    method.register_buffer("scratch", torch.zeros(2), persistent=False)
    method.own = method.draw("own")
    method.constants = {"a": [1, float("nan"), torch.ones(2), SimpleNamespace(b=None)], "f": frozen}
    method.weights = [method.network.encoder1.weight]
    method.anchors = {method.network.encoder1.weight: torch.zeros(2)}
    method.waiting = (number for number in range(9))
    method.extra = nn.ModuleList([nn.Linear(2, 2)]).requires_grad_(False)
    method.extra[0].weight.zero_(), method.extra[0].bias.zero_()


def moves_all(method):
    method.old.load_state_dict(method.network.state_dict())
    method.stored = torch.cat([method.stored, torch.rand(3, 6, generator=method.own)])
    method.count += 1
    method.scratch.fill_(9)


def test_modules_buffers_that_grow_and_registered_generators_are_all_there(after_a_task, new_problem):
    method = after_a_task(begin=holds_all, end=moves_all)
    twin = method_that(new_problem(), "lwf", begin=holds_all)
    twin.begin_task(2)
    twin.restore(method.state())
    assert twin.stored.shape == (3, 6)
    assert torch.equal(twin.stored, method.stored)
    assert twin.count.item() == 1
    assert torch.equal(twin.old.encoder1.weight, method.old.encoder1.weight)
    assert not torch.equal(twin.old.encoder1.weight, twin.network.encoder1.weight)
    assert torch.equal(torch.rand(4, generator=twin.own), torch.rand(4, generator=method.own))
    twin.stored.fill_(5)
    assert method.stored.max() < 1  # nothing is shared


SHARED = """
import numpy as np, torch
from exaggerated_replay.learning.method import Method

rng = np.random.default_rng(0)
drawing = torch.Generator()
seen = {}
width, widths, sizes = 3, [3, 4], {"a": torch.ones(2)}

class Mine(Method):
    memory = []
    shape = [1, 2]

    def loss(self, x, y):
        DOES
        return super().loss(x, y)

METHOD = Mine
"""


@pytest.mark.parametrize(
    ("does", "named"),
    [
        ("rng.random()", "rng"),
        ("torch.rand(2, generator=drawing)", "drawing"),
        ("seen[len(seen)] = 1", "seen"),
        ("self.memory.append(1)", r"Mine\.memory"),
        ("Mine.count = self.task", r"Mine\.count"),
        ("globals()['late'] = 1", "late"),
        ("sizes['a'].add_(1)", "sizes"),
        ("x = x * width * widths[0] * self.shape[0] * sizes['a'][0]", None),
    ],
)
def test_what_the_runs_of_a_job_would_share_must_stay_as_it_is(does, named, tmp_path, new_problem, new_samples):
    (tmp_path / "mine.py").write_text(SHARED.replace("DOES", does))
    use_own({"mine": str(tmp_path / "mine.py")})
    try:
        settings = settings_of("mine")(method="mine")
        own, samples = own_method("mine"), new_samples()
        method = build_method("mine", new_problem(), settings)
        before = ambient(own)
        method.begin_task(1)
        method.loss(samples.x[:2], samples.y[:2] * 0)
        method.instruments.end_step()
        told = rf"the method mine changes {named}, which all runs of a job share, .* in __init__, make it a module"
        with pytest.raises(UserError, match=told) if named else nullcontext():
            check_complete(method, method.state(), before, own)
    finally:
        use_own({})


def test_looking_moves_nothing_of_torchs_own_stream(after_a_task):
    torch.manual_seed(3)
    method = after_a_task()
    before = torch.get_rng_state()
    check_complete(method, method.state(), ambient())
    assert torch.equal(torch.get_rng_state(), before)
