"""The same code on a CUDA device. Skipped, with this reason, where there is none."""

import dataclasses

import numpy as np
import pytest
import torch

from exaggerated_replay.learning.method import build_method
from exaggerated_replay.learning.run import Samples, Schedule
from exaggerated_replay.learning.trainer import train
from exaggerated_replay.training.observation.observer import TaskEndObserver

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and torch sees none"),
]
SCHEDULE = Schedule(tasks=3, iterations=5, batch=8, learning_rate=1e-3)


@pytest.fixture
def trained(arms, new_problem, new_samples):
    """Train a method on a device, and return its weights."""

    def make(name, device, watched=False):
        problem = dataclasses.replace(new_problem(), device=torch.device(device))
        samples = new_samples()
        on_device = Samples(samples.x.to(device), samples.y.to(device))
        method = build_method(arms[name].method, problem, arms[name])
        observer = TaskEndObserver(on_device, seed=0) if watched else None
        train(method, on_device, on_device, SCHEDULE, lambda progress: None, observer)
        return {key: value.cpu().numpy() for key, value in method.checkpoint().items()}

    return make


@pytest.mark.parametrize("name", ["none", "joint", "si", "ewc"])
def test_methods_that_draw_no_noise_agree_with_the_cpu(trained, name):
    cpu, gpu = trained(name, "cpu"), trained(name, "cuda")
    for key, value in cpu.items():
        np.testing.assert_allclose(gpu[key], value, atol=1e-4)


@pytest.mark.parametrize("name", ["er", "dgr", "bir", "bir-si", "exaggeration"])
def test_every_method_learns_on_the_gpu_and_twice_the_same(trained, name):
    first, second = trained(name, "cuda"), trained(name, "cuda")
    for key, value in first.items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, second[key])


@pytest.mark.parametrize("name", ["dgr", "bir-si", "exaggeration"])
def test_a_run_on_the_gpu_does_not_notice_its_observer(trained, name):
    alone, watched = trained(name, "cuda"), trained(name, "cuda", watched=True)
    for key, value in alone.items():
        np.testing.assert_array_equal(value, watched[key])
