"""What a method of one's own is tried for: what is right passes, and each mistake is named."""

import random

import pytest
import torch
from every_method import METHODS

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Method
from exaggerated_replay.settings.run import MethodSettings
from exaggerated_replay.training import trial

SETTINGS = MethodSettings(method="own")


@pytest.mark.parametrize("name", ["lwf", "er", "bir", "slda"])
def test_what_is_right_passes(name):
    said = list(trial.try_method(METHODS[name]))
    assert len(said) == 10
    assert said[-1].endswith(("a GPU may record it", "one kernel at a time (static_shapes = False)"))


class TorchsOwnNumbers(Method):
    """Draws from the stream that nobody seeds."""

    def loss(self, x, y):
        return super().loss(x + 0.1 * torch.randn(x.shape), y)


class PythonsOwnNumbers(Method):
    """Draws from Python's stream."""

    def loss(self, x, y):
        return super().loss(x, y) * random.random()  # noqa: S311


class Forgetful(Method):
    """Keeps a number that an interrupted run would have lost."""

    def loss(self, x, y):
        self.steps_taken = getattr(self, "steps_taken", 0) + 1
        return super().loss(x, y) / self.steps_taken


class Asking(Method):
    """Asks the device for a number in every step."""

    def loss(self, x, y):
        loss = super().loss(x, y)
        return loss if loss.item() > 0 else -loss


class Shapely(Method):
    """Takes those samples alone that have a label."""

    def loss(self, x, y):
        return super().loss(x, y) + super().loss(x[y > 0], y[y > 0]).nan_to_num()


class Honest(Shapely):
    """Says so."""

    static_shapes = False


class Infinite(Method):
    """Divides by nothing."""

    def loss(self, x, y):
        return super().loss(x, y) / 0


class Overbearing(Method):
    """Has torch compute otherwise in all that follows."""

    def __init__(self, problem, settings):
        super().__init__(problem, settings)
        torch.use_deterministic_algorithms(True)


@pytest.fixture
def tried(monkeypatch):
    def run(method):
        monkeypatch.setattr(trial, "build_method", lambda name, problem, settings: method(problem, settings))
        return list(trial.try_method(SETTINGS))

    return run


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (TorchsOwnNumbers, "with the same seed leave other weights"),
        (PythonsOwnNumbers, "with the same seed leave other weights"),
        (Forgetful, "keeps steps_taken outside of its state"),
        (Asking, "depends on the numbers in its tensors"),
        (Shapely, "depends on the numbers in its tensors"),
        (Infinite, "does not learn: .* is not a finite number in task 1"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(method, sentence, tried):
    with pytest.raises(UserError, match=sentence):
        tried(method)


def test_a_method_that_would_change_what_others_compute_is_named(tried):
    try:
        with pytest.raises(UserError, match=r"^torch\.use_deterministic_algorithms was called by a method"):
            tried(Overbearing)
    finally:
        torch.use_deterministic_algorithms(False)


def test_shapes_that_depend_on_data_are_a_methods_right(tried):
    assert tried(Honest)[-1] == "features: on a GPU its steps are taken one kernel at a time (static_shapes = False)"


def test_a_method_that_notices_being_looked_at_is_named(tried, monkeypatch):
    looked = []

    class Shy(Method):
        def loss(self, x, y):
            return super().loss(x, y) * (1 + len(looked))

    task_end = trial.TaskEndObserver.task_end
    monkeypatch.setattr(trial.TaskEndObserver, "task_end", lambda *a: (looked.append(1), task_end(*a)))
    with pytest.raises(UserError, match="changes when it is looked at"):
        tried(Shy)
