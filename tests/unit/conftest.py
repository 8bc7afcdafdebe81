"""Tiny problems that train in milliseconds, methods for them, and the network once more in numpy."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import settings

from exaggerated_replay.learning.batches import rows_of_tasks
from exaggerated_replay.learning.likelihoods import likelihood_of
from exaggerated_replay.learning.method import Problem, build_method
from exaggerated_replay.learning.run import Samples, Schedule
from exaggerated_replay.learning.trainer import train
from exaggerated_replay.methods.bir import Settings as BIRArm
from exaggerated_replay.methods.dgr import Settings as DGRArm
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.methods.ewc import Settings as EWCArm
from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.methods.joint import Settings as JointArm
from exaggerated_replay.methods.none import Settings as NoneArm
from exaggerated_replay.methods.si import Settings as SIArm
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import SISettings

torch.set_num_threads(1)
settings.register_profile("reproducible", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("reproducible")

INPUTS, CLASSES, PER_TASK = 6, 8, 2  # four tasks; the tests learn at most three, so that unseen classes remain


@pytest.fixture
def new_problem():
    def make(bounded=True, **changes):
        values = {
            "inputs": INPUTS,
            "image_values": INPUTS,
            "task_sizes": (PER_TASK,) * (CLASSES // PER_TASK),
            "likelihood": likelihood_of(bounded),
            "units": 12,
            "latent": 3,
            "replay_batch": 16,
            "seed": 0,
            "device": torch.device("cpu"),
        }
        return Problem(**{**values, **changes})

    return make


@pytest.fixture
def new_samples():
    def make(bounded=True, per_class=20, draw=0):
        generator = torch.Generator().manual_seed(draw)
        y = torch.arange(CLASSES).repeat(per_class)
        centres = 2 * torch.randn(CLASSES, INPUTS, generator=torch.Generator().manual_seed(99))
        x = centres[y] + 0.5 * torch.randn(len(y), INPUTS, generator=generator)
        if bounded:
            return Samples((255 * torch.sigmoid(x)).to(torch.uint8) / 255, y)
        return Samples(x, y)

    return make


@pytest.fixture
def arms():
    """Settings of every method, by a name; "bir-si" and "exaggeration" with synaptic intelligence."""
    from every_method import METHODS  # where it is needed: a new method may want a value that is not there yet

    si = SISettings(strength=0.3)
    return {
        **METHODS,
        "none": NoneArm(method="none"),
        "joint": JointArm(method="joint"),
        "er": ERArm(method="er", memory_per_class=3),
        "ewc": EWCArm(method="ewc", strength=5.0, samples=10),
        "si": SIArm(method="si", strength=0.5),
        "dgr": DGRArm(method="dgr"),
        "bir": BIRArm(method="bir", gate_proportion=0.5),
        "bir-si": BIRArm(method="bir", gate_proportion=0.5, si=si),
        "exaggeration": ExaggerationArm(
            method="exaggeration",
            gate_proportion=0.5,
            si=si,
            lambda_rr=0.1,
            lambda_ra=0.1,
            f=20,
            reading=ReadingSettings(),
        ),
    }


@pytest.fixture
def build(arms, new_problem):
    """Build a method from the name of its arm, with changes to the arm and to the problem."""

    def make(name, bounded=True, problem=None, **changes):
        settings = dataclasses.replace(arms[name], **changes)
        return build_method(settings.method, new_problem(bounded, **(problem or {})), settings)

    return make


@pytest.fixture
def learn(new_samples):
    """Train a method briefly, but long enough to replay more than one class, and return the outcome."""

    def run(
        method,
        bounded=True,
        tasks=3,
        iterations=12,
        batch=10,
        learning_rate=0.03,
        watch=lambda progress: None,
        optimiser_state="kept",
        observer=None,
    ):
        schedule = Schedule(tasks, iterations, batch, learning_rate, optimiser_state=optimiser_state)
        return train(method, new_samples(bounded), new_samples(bounded, 5, draw=1), schedule, watch, observer)

    return run


@pytest.fixture
def learned(build, learn):
    """Build a method, teach it some tasks and begin the next one with weights that have moved on since."""

    def make(name, bounded=True, tasks=2, problem=None, **changes):
        method = build(name, bounded, problem, **changes)
        learn(method, bounded, tasks=tasks, iterations=4)
        method.begin_task(tasks + 1)
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for parameter in method.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        return method

    return make


@pytest.fixture
def batch(new_samples, new_problem):
    """Ten samples of a task as a model sees them."""

    def make(bounded, task):
        samples = new_samples(bounded)
        rows = rows_of_tasks(samples.y, range(task, task + 1), new_problem())[:10]
        return samples.x[rows], samples.y[rows]

    return make


class ByHand:
    """A network's arithmetic in numpy and float64, from its weights alone."""

    def __init__(self, network):
        self.w = {name: value.double().numpy().copy() for name, value in network.state_dict().items()}

    def layer(self, name, x):
        return x @ self.w[f"{name}.weight"].T + self.w.get(f"{name}.bias", 0.0)

    def hidden(self, x):
        h = np.maximum(self.layer("encoder1", x), 0)
        return np.maximum(self.layer("encoder2", h), 0)

    def scores(self, x):
        return self.layer("classifier", self.hidden(x))

    def encode(self, x, noise):
        h = self.hidden(x)
        mean, log_variance = self.layer("latent_mean", h), self.layer("latent_log_variance", h)
        return mean, log_variance, mean + np.sqrt(np.exp(log_variance)) * noise

    def decode(self, z, first=1.0, second=1.0):
        h = np.maximum(self.layer("decoder.decoder1", z) * first, 0)
        h = np.maximum(self.layer("decoder.decoder2", h) * second, 0)
        return self.layer("decoder.output", h)


@pytest.fixture
def by_hand():
    return ByHand


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a study with its report, and return its folder; seed 3 of the third cell diverged."""
    import sample_report  # draws in matplotlib, which most tests can do without

    monkeypatch.chdir(tmp_path)
    return lambda plan, **parts: sample_report.write(plan, tmp_path, **parts)
