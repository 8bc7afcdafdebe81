"""The benchmark's straightforward implementation does the same work as the project's: the same losses, step by step."""

import dataclasses

import numpy as np
import pytest
import torch

from bench import straightforward
from bench.setups import prepared_of, samples_of
from exaggerated_replay.features.encoder import ConvEncoder, initialise
from exaggerated_replay.features.extraction import Inputs, extract
from exaggerated_replay.learning.experiment import run_experiment
from exaggerated_replay.learning.networks import BrainInspiredVAE
from exaggerated_replay.settings.run import ModelSettings, RunSettings, SISettings, TrainingSettings

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]
CLASSES, TASKS, PER_CLASS, UNITS, LATENT = 6, 3, 8, 24, 5
NAMES = {
    "to_mean": "latent_mean",
    "to_log_variance": "latent_log_variance",
    "decoder1": "decoder.decoder1",
    "decoder2": "decoder.decoder2",
    "output": "decoder.output",
    "prior_mean": "prior.mean",
    "prior_log_variance": "prior.log_variance",
    "gates1": "gates.first",
    "gates2": "gates.second",
}


@pytest.fixture
def conv():
    encoder = ConvEncoder()
    initialise(encoder, 0)
    encoder.requires_grad_(False).eval()
    colours = torch.rand(20, 3, 1, 1, generator=torch.Generator().manual_seed(0)).expand(20, 3, 32, 32)
    encoder[-2].weight /= encoder(colours).std(0).mean()  # so that features differ from image to image
    return encoder


@pytest.fixture
def images():
    draw = np.random.default_rng(0)
    y = np.tile(np.arange(CLASSES), PER_CLASS)
    colours = draw.integers(0, 200, size=(CLASSES, 1, 1, 3))
    return (colours[y] + draw.integers(0, 56, size=(len(y), 32, 32, 3))).astype(np.uint8), y


@pytest.fixture
def settings(arms):
    def make(arm, **changes):
        batch = PER_CLASS * CLASSES // TASKS  # a whole task: then the order of samples changes nothing
        training = TrainingSettings(iterations=4, batch=batch, replay_batch=12, learning_rate=1e-3)
        return RunSettings(
            data="",
            image_values=3 * 32 * 32,
            code="",
            tasks=np.arange(CLASSES).reshape(TASKS, -1).tolist(),
            seed=0,
            model=ModelSettings(units=UNITS, latent=LATENT),
            training=training,
            method=dataclasses.replace(arms[arm], **changes),
            threads=1,
            precision="fp32",
        )

    return make


@pytest.fixture
def same_noise(monkeypatch):
    """Let every draw depend on its shape alone, so that both implementations see the same noise.

    All samples of a batch get the same, so that their order changes nothing; the classes of the prior do not.
    """

    def fixed_normal(like):
        size = like.shape if like.dim() > 2 else like.shape[-1:]
        return torch.sin(1 + torch.arange(size.numel(), dtype=like.dtype)).view(size).expand(like.shape)

    def shape_of(size):
        return size[0] if isinstance(size[0], tuple | list | torch.Size) else size

    def randn(*size, generator=None, device=None, dtype=torch.float32, out=None):
        return fixed_normal(torch.empty(shape_of(size), dtype=dtype)).clone()

    def randint(*bounds, size=None, generator=None, device=None, dtype=torch.int64, out=None):
        low, high, size = (0, *bounds)[-3:] if size is None else (*(0, *bounds)[-2:], size)
        return low + torch.arange(torch.Size(size).numel(), dtype=dtype).view(size) % (high - low)

    monkeypatch.setattr(torch, "randn", randn)
    monkeypatch.setattr(torch, "randn_like", lambda x, **_: fixed_normal(x).clone())
    monkeypatch.setattr(torch.Tensor, "normal_", lambda x, *_, **__: x.copy_(fixed_normal(x)))
    monkeypatch.setattr(torch, "randint", randint)


@pytest.fixture
def both(conv, images, same_noise):
    """Train both implementations on the same images from the same weights, and return the losses of every step."""

    def run(settings):
        x, y = images
        computed = extract(x, conv, Inputs(MEAN, STD), torch.device("cpu"))
        gates = settings.method.gate_proportion
        start = BrainInspiredVAE(computed.shape[1], UNITS, LATENT, CLASSES, gates, settings.seed).state_dict()
        ours = []
        prepared = prepared_of(computed.numpy(), y)
        samples = samples_of(settings, prepared, torch.device("cpu"))
        run_experiment(settings, prepared, samples, torch.device("cpu"), lambda p: ours.append(p.loss))

        learner = straightforward.new_learner(settings, conv)
        own = learner.model.state_dict()
        for name in own:
            if not name.startswith("conv."):
                layer, *part = name.split(".")
                own[name] = start[".".join([NAMES.get(layer, layer), *part])]
        learner.model.load_state_dict(own)
        for name, parameter in learner.si.held() if learner.si else []:
            learner.si.start[name], learner.si.before[name] = parameter.detach().clone(), parameter.detach().clone()
        theirs = []
        dataset = straightforward.ImageDataset(x, y, MEAN, STD)
        straightforward.train(learner, dataset, lambda task, log: theirs.append(log["loss"]))
        return ours, theirs

    return run


# Strong enough to be seen in every loss.
HELD = {"si": SISettings(strength=3e3)}
ARMS = [
    ("bir", {}),
    ("bir-si", HELD),
    ("exaggeration", {**HELD, "lambda_rr": 30.0, "lambda_ra": 300.0, "f": 100.0}),
    ("exaggeration", {"lambda_rr": 0.0, "f": 2.0}),
]


@pytest.mark.parametrize(("arm", "changes"), ARMS)
def test_both_implementations_have_the_same_loss_in_every_step(both, settings, arm, changes):
    ours, theirs = both(settings(arm, **changes))
    assert len(ours) == len(theirs) == TASKS * 4
    np.testing.assert_allclose(theirs, ours, rtol=2e-5)


def test_what_is_compared_shows_what_each_method_adds(both, settings):
    plain, held, exaggerated = (both(settings(arm, **changes))[0] for arm, changes in ARMS[:3])
    np.testing.assert_array_equal(plain[:4], held[:4])  # before anything is replayed or held, all are alike
    assert not np.allclose(plain[5:], held[5:], rtol=1e-3)
    assert not np.allclose(held[5:], exaggerated[5:], rtol=1e-3)
