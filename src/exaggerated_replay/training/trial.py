"""A method on trial: what must hold of every method, tried on small made-up data before hours go into its runs.

It says in a line each what holds; what does not is one sentence that says what to do.
"""

import copy
import math
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeCopyMode,
    FakeTensorMode,
)
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from exaggerated_replay.devices import check_defaults
from exaggerated_replay.errors import Interrupted, UserError
from exaggerated_replay.learning.likelihoods import likelihood_of
from exaggerated_replay.learning.method import Method, Problem, State, build_method
from exaggerated_replay.learning.run import Diverged, Outcome, Progress, Samples, Schedule
from exaggerated_replay.learning.standing import Observer
from exaggerated_replay.learning.step import eager_step
from exaggerated_replay.learning.trainer import train
from exaggerated_replay.settings.methods import named_in_errors
from exaggerated_replay.settings.run import MethodSettings
from exaggerated_replay.training.observation.observer import TaskEndObserver
from exaggerated_replay.training.resume import StateFile, Stop

SIZES = (2, 3, 1, 2)  # classes of each task
INPUTS, PER_CLASS, BATCH, STEPS = 8, 20, 10, 9  # an epoch of the first task has 4 batches: some stops lie within one
STOPS = ({"steps": 1}, {"steps": 4}, {"saves": 1}, {"steps": 7}, {"saves": 2})
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Left:
    """All that a run leaves."""

    tensors: Mapping[str, Tensor]
    outcome: Outcome

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Left)
            and self.outcome == other.outcome
            and self.tensors.keys() == other.tensors.keys()
            and all(torch.equal(value, other.tensors[name]) for name, value in self.tensors.items())
        )


class StopAt(StateFile):
    """Is asked to stop after a number of steps, or while it saves for the n-th time."""

    def __init__(self, path: Path, steps: int = 0, saves: int = 0) -> None:
        super().__init__(path, "trial", CPU, math.inf, Stop())
        self.steps, self.saves = steps, saves

    def due(self) -> bool:
        """Count a step."""
        self.steps -= 1
        if self.steps == 0:
            self.stop.ask(signal.SIGTERM)
        return super().due()

    def save(self, method: Method, state: State) -> None:
        """Count a save."""
        self.saves -= 1
        if self.saves == 0:
            self.stop.ask(signal.SIGTERM)
        super().save(method, state)


def try_method(settings: MethodSettings) -> Iterator[str]:
    """Try a method on inputs in [0, 1] and on features, and say in a line each what holds.

    Raises:
        UserError: Something does not hold.
    """
    for bounded in (True, False):
        kind = "inputs in [0, 1]" if bounded else "features"
        for sentence in _try(settings, bounded):
            yield f"{kind}: {sentence}"


def _try(settings: MethodSettings, bounded: bool) -> Iterator[str]:
    name = settings.method

    def watch(_: Progress) -> None:
        pass

    def run(keeper: StateFile | None = None, observer: Observer | None = None) -> Left:
        with named_in_errors(name):
            try:
                method = build_method(name, problem(bounded), settings)
                schedule = Schedule(3, STEPS, BATCH, 0.01)
                outcome = train(method, samples(bounded), samples(bounded, 5), schedule, watch, observer, keeper)
            except Diverged as failure:
                raise UserError(f"{name} does not learn: {failure}") from failure
            return Left(method.checkpoint(), outcome)

    first = run()
    check_defaults()
    yield "three tasks of uneven sizes are learned with finite losses"
    if run() != first:
        raise UserError(
            f"two runs of {name} with the same seed leave other weights or counts: draw whatever is random with "
            "self.draw(PURPOSE), and change nothing that lies outside of the method"
        )
    yield "two runs of one seed are the same to the bit"
    if run(observer=TaskEndObserver(samples(bounded, 5), 0)) != first:
        raise UserError(f"a run of {name} changes when it is looked at: `loss` must change nothing but what it notes")
    yield "a run that is looked at is the same"
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state.safetensors")
        stops = STOPS if build_method(name, problem(bounded), settings).steps(1) else ({"saves": 1}, {"saves": 1})
        for stop in stops:
            try:
                run(StopAt(state, **stop))
            except Interrupted:
                continue
        if run(StopAt(state)) != first:
            raise UserError(
                f"a run of {name} that is interrupted ends in other weights or counts: in __init__, make what changes "
                "a module or a buffer, or draw it with self.draw(PURPOSE)"
            )
    yield f"a run that is interrupted {len(stops)} times ends in the same bits"
    yield _try_shapes(settings, bounded)


def _try_shapes(settings: MethodSettings, bounded: bool) -> str:
    """Take a step of the second task with tensors that have shapes and no numbers, as a GPU would record it."""
    method = build_method(settings.method, problem(bounded), settings)
    if not (method.static_shapes and method.steps(1)):
        return "on a GPU its steps are taken one kernel at a time (static_shapes = False)"
    here = samples(bounded)
    rows = (here.y < SIZES[0]).nonzero().flatten()
    method.begin_task(1)
    method.end_task(here.x[rows], here.y[rows])
    method.begin_task(2)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        with FakeCopyMode(mode):
            method = copy.deepcopy(method, {id(one): one for one in method.generators})  # which have numbers
        step = eager_step(method, method.optimiser(0.01), "fp32")
        try:
            step(torch.zeros(BATCH, INPUTS), torch.zeros(BATCH, dtype=torch.int64))
        except (DataDependentOutputException, DynamicOutputShapeException, GuardOnDataDependentSymNode) as error:
            raise UserError(
                f"a step of {settings.method} depends on the numbers in its tensors ({str(error).splitlines()[0]}), so "
                "that no GPU can record it: use torch.where and masks, or say static_shapes = False in its class"
            ) from error
    return "shapes of a step do not depend on data, so that a GPU may record it"


def problem(bounded: bool) -> Problem:
    """Return a small problem of four tasks."""
    likelihood = likelihood_of(bounded)
    return Problem(INPUTS, INPUTS, SIZES, likelihood, units=12, latent=3, replay_batch=16, seed=0, device=CPU)


def samples(bounded: bool, per_class: int = PER_CLASS) -> Samples:
    """Return classes that lie apart: (classes * per_class, INPUTS) inputs, and labels."""
    generator = torch.Generator().manual_seed(per_class)
    y = torch.arange(sum(SIZES)).repeat(per_class)
    centres = 2 * torch.randn(sum(SIZES), INPUTS, generator=torch.Generator().manual_seed(99))
    x = centres[y] + 0.5 * torch.randn(len(y), INPUTS, generator=generator)
    return Samples(torch.sigmoid(x) if bounded else x, y)
