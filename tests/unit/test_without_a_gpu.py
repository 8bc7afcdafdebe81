"""The code of a GPU on a machine without one: tensors that say they lie on "cuda", and hold no numbers.

torch's FakeTensorMode computes shapes, types and devices alone. It raises where an operation mixes devices, where a
shape depends on the data (which no CUDA graph can record), and where Python asks for a number (which waits for the
device). Gradients cannot be taken in this way: autograd wants a real device.
"""

import contextlib
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from every_method import METHODS
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode, ShapeEnv
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from exaggerated_replay import streams
from exaggerated_replay.learning.method import Method, build_method
from exaggerated_replay.learning.networks import Classifier
from exaggerated_replay.learning.trainer import infinite_share
from exaggerated_replay.training.observation.geometry import centred_gram, class_distances, spaces
from exaggerated_replay.training.observation.probe import NotedTerms
from exaggerated_replay.training.observation.quality import RealSamples
from exaggerated_replay.training.observation.replay import agreement, competition_counts, imagine, inverse_distances

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")  # when one is copied
GPU = torch.device("cuda")
BATCH, PER_CLASS = 10, 5


def class_of(method):
    return import_module(f"exaggerated_replay.methods.{method}.method").METHOD


STEPS = [name for name, arm in METHODS.items() if arm.draws_from != "nothing"]
STATIC = [name for name in STEPS if class_of(METHODS[name].method).static_shapes]


class ShapesAlone(FakeTensorMode):
    """Tensors with shapes and no numbers; a copy of one belongs to the same mode."""

    def __deepcopy__(self, memo):
        return self


class Generators(TorchFunctionMode):
    """Random numbers must be drawn where their generator is. All generators are on the CPU here, and marked."""

    def __init__(self):
        super().__init__()
        self.real, self.made = torch.Generator, {}

    def __call__(self, device="cpu"):
        generator = self.real()
        self.made[id(generator)] = torch.device(device).type, generator
        return generator

    def __torch_function__(self, function, types, args=(), kwargs=None):
        drawn = function(*args, **(kwargs or {}))
        generator = (kwargs or {}).get("generator")
        if generator is not None and isinstance(drawn, torch.Tensor):
            where, _ = self.made[id(generator)]
            assert where == drawn.device.type, f"{function} draws on {drawn.device} from a generator on {where}"
        return drawn


def to(module, device):
    """Put a module on a device. torch's own way swaps tensors, which those without numbers do not allow."""
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                part._parameters[name] = nn.Parameter(value.detach().to(device), value.requires_grad)
        for name, value in part._buffers.items():
            part._buffers[name] = value.to(device)
    return module


@pytest.fixture(params=[True, False], ids=["bounded", "features"])
def bounded(request):
    return request.param


@pytest.fixture
def gpu(monkeypatch):
    """Let the device "cuda" be there as long as the test lasts."""
    generators, mode = Generators(), ShapesAlone()
    monkeypatch.setattr(streams, "torch", SimpleNamespace(Generator=generators))
    monkeypatch.setattr(nn.Module, "to", to)
    with mode, generators:
        yield mode


@contextlib.contextmanager
def shapes_may_depend_on_data(mode):
    """Let unknown numbers stand for what only the data could tell: where no graph is recorded, when a task ends."""
    mode.shape_env = ShapeEnv()
    try:
        yield
    finally:
        mode.shape_env = None


@pytest.fixture
def build(gpu, new_problem, bounded):
    return lambda name: build_method(METHODS[name].method, new_problem(bounded, device=GPU), METHODS[name])


@pytest.fixture
def saved(name, new_problem, new_samples, bounded):
    """What a run has saved when its second task begins: tensors on the CPU that hold numbers. Made before `gpu` is."""
    samples = new_samples(bounded)
    rows = (samples.y < 2).nonzero().flatten()
    method = build_method(METHODS[name].method, new_problem(bounded), METHODS[name])
    method.begin_task(1)
    method.end_task(samples.x[rows], samples.y[rows])
    method.begin_task(2)
    return method.state()


def without_numbers(value, mode):
    """Return a state as the pretended machine reads it: on the CPU. Only what generators are set to stays as it is."""
    match value:
        case torch.Tensor() if value.dtype != torch.uint8:
            return mode.from_tensor(value)
        case dict():
            return {key: without_numbers(part, mode) for key, part in value.items()}
        case list():
            return [without_numbers(part, mode) for part in value]
    return value


def batch(method, rows=BATCH):
    return torch.zeros(rows, method.problem.inputs, device=GPU), torch.zeros(rows, dtype=torch.int64, device=GPU)


def take_down(method, loss):
    """What follows a loss in a step, but for the gradients."""
    assert loss.device == torch.device("cuda", 0)
    assert loss.shape == ()
    for parameter in method.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimiser = method.optimiser(0.1)
    optimiser.step()
    method.after_step()
    method.instruments.end_step()
    assert {value.device.type for value in tree_leaves(dict(optimiser.state)) if torch.is_tensor(value)} == {"cuda"}
    return optimiser


@pytest.mark.parametrize("name", STATIC)
def test_a_step_of_the_first_task_stays_on_the_gpu_and_can_be_captured(name, build):
    method = build(name)
    method.begin_task(1)
    take_down(method, method.loss(*batch(method)))


@pytest.mark.parametrize("name", STATIC)
def test_so_does_a_step_that_replays_in_a_run_that_goes_on_from_a_saved_state(name, saved, build, gpu):
    method = build(name)
    method.begin_task(2)
    method.restore(without_numbers(saved, gpu))
    take_down(method, method.loss(*batch(method)))


@pytest.mark.parametrize("name", list(METHODS))
def test_the_end_of_a_task_stays_on_the_gpu(name, build, gpu):
    method = build(name)
    for task in (1, 2):
        method.begin_task(task)
        with shapes_may_depend_on_data(gpu):
            method.end_task(*batch(method))
    assert {value.device.type for value in method.checkpoint().values()} == {"cuda"}
    assert method.network(batch(method)[0]).device.type == "cuda"


@pytest.mark.parametrize("name", [name for name in STEPS if name not in STATIC])
def test_a_method_that_says_so_has_shapes_that_depend_on_the_data(name, build, gpu):
    method = build(name)
    method.begin_task(1)
    with pytest.raises(DynamicOutputShapeException):
        method.loss(*batch(method))


# ---------------------------------------------------------------- the observer, and what else looks at a run


@pytest.fixture
def network(build):
    """A brain-inspired VAE on the GPU."""
    return build("exaggeration").network


def on_the_gpu(*values):
    return all(value.device.type == "cuda" for value in values)


def test_where_a_network_puts_classes_is_found_on_the_gpu(network, build, gpu):
    method = build("exaggeration")
    x, y = batch(method)
    places = spaces(network, x, y, method.problem.likelihood)
    assert set(places) == {"hidden", "latent", "reconstruction"}
    for values in places.values():
        assert on_the_gpu(centred_gram(values))
        with shapes_may_depend_on_data(gpu):
            distances = class_distances(values, y, 4)
        assert distances.device.type == "cpu"  # where sums are taken in one order


def test_what_a_network_would_replay_is_looked_at_on_the_gpu(network, build, gpu):
    method = build("exaggeration")
    generator = streams.stream(0, "observation", GPU)
    imagined = imagine(network, 4, PER_CLASS, method.problem.likelihood, generator)
    real = RealSamples(torch.zeros(8, PER_CLASS, method.problem.inputs, device=GPU))
    generated = imagined.x.view(4, PER_CLASS, -1)
    noted = [agreement(imagined), competition_counts(imagined, 20.0), real.frechet(generated)]
    assert on_the_gpu(*noted, *real.precision_recall(generated))
    with (
        shapes_may_depend_on_data(gpu),
        pytest.raises(GuardOnDataDependentSymNode),
    ):  # how many are repelled: its last line
        inverse_distances(network, imagined, 20.0, BATCH, method.problem.likelihood, generator)


@pytest.mark.parametrize("name", STATIC)
def test_the_terms_of_a_loss_are_noted_on_the_gpu(name, saved, build, gpu):
    method = build(name)
    method.begin_task(2)
    method.restore(without_numbers(saved, gpu))
    method.instruments = noted = NotedTerms()
    assert on_the_gpu(method.loss(*batch(method)), *noted.terms.values())


def test_moments_are_counted_on_the_gpu_and_brought_over_once(build):
    method = build("bir")
    method.begin_task(1)
    optimiser = take_down(method, method.loss(*batch(method)))
    with pytest.raises(DataDependentOutputException):  # the one number that is asked for
        infinite_share(optimiser)


# ---------------------------------------------------------------- the pretended machine itself


class Mixing(Method):
    def loss(self, x, y):
        return self.classification(self.network(x) + torch.zeros(self.problem.classes), y)


class Asking(Method):
    def loss(self, x, y):
        loss = super().loss(x, y)
        return loss if loss > 0 else -loss


class Choosing(Method):
    def loss(self, x, y):
        return self.classification(self.network(x[y == 0]), y[y == 0])


class DrawingElsewhere(Method):
    def loss(self, x, y):
        noise = torch.randn(len(x), self.problem.inputs, generator=streams.stream(0, "noise"), device=x.device)
        return super().loss(x + noise, y)


class Forgetting(Method):
    """Builds its network where it does not compute."""

    def build_network(self):
        return Classifier(self.problem.inputs, self.problem.units, self.problem.classes)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (Mixing, "two devices"),
        (Asking, "_local_scalar_dense"),
        (Choosing, "nonzero"),
        (DrawingElsewhere, "from a generator on cpu"),
        (Forgetting, "two devices"),
        (Method, None),
    ],
)
def test_what_a_gpu_would_refuse_is_refused(wrong, error, gpu, new_problem):
    method = wrong(new_problem(device=GPU), None)
    method.begin_task(1)
    refused = pytest.raises(Exception, match=error) if error else contextlib.nullcontext()
    with refused:
        assert method.loss(*batch(method)).device.type == "cuda"
