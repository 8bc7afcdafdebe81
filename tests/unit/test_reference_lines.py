"""The reference lines against scikit-learn, scipy and the definition of importance sampling."""

import numpy as np
import pytest
import torch
from losses_by_hand import distance
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from exaggerated_replay.learning.method import build_method
from exaggerated_replay.methods.gaussians import Settings as GaussiansArm
from exaggerated_replay.methods.generative_classifier import Settings as GenerativeClassifierArm
from exaggerated_replay.methods.slda import Settings as SLDAArm

ARMS = {
    "slda": SLDAArm(method="slda", shrinkage=1e-6),
    "gaussians": GaussiansArm(method="gaussians", shrinkage=1e-6),
    "generative": GenerativeClassifierArm(
        method="generative_classifier", units=10, latent=3, samples=20, learning_rate=0.02
    ),
}


@pytest.fixture
def build(new_problem):
    def make(name, bounded=False, **problem):
        return build_method(ARMS[name].method, new_problem(bounded, **problem), ARMS[name])

    return make


def seen(samples, classes):
    rows = samples.y < classes
    return samples.x[rows].double().numpy(), samples.y[rows].numpy()


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        # "eigen" takes within-class covariance as it is, with a shrinkage of its own, here none.
        ("slda", LinearDiscriminantAnalysis(solver="lsqr", priors=np.full(6, 1 / 6))),
        ("gaussians", GaussianNB(priors=np.full(6, 1 / 6), var_smoothing=0)),
    ],
)
def test_statistics_learned_task_by_task_are_those_of_all_data_at_once(name, reference, build, learn, new_samples):
    method = build(name)
    learn(method, bounded=False, tasks=3)
    reference.fit(*seen(new_samples(False), 6))
    x, _ = seen(new_samples(False, 5, draw=1), 6)
    ours = torch.log_softmax(method.network(torch.tensor(x).float())[:, :6], 1)
    np.testing.assert_allclose(ours.numpy(), reference.predict_log_proba(x), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("slda", LinearDiscriminantAnalysis(solver="lsqr", priors=np.full(6, 1 / 6))),
        ("gaussians", GaussianNB(priors=np.full(6, 1 / 6), var_smoothing=0)),
    ],
)
def test_inputs_far_from_zero_are_told_apart_as_well(name, reference, new_problem):
    """Against scikit-learn on the very same values, in double precision; single precision has seven digits."""
    draw = np.random.default_rng(0)
    y = np.arange(600) % 6
    x = (1000 + 0.4 * draw.normal(size=(6, 40))[y] + draw.normal(size=(600, 40))).astype(np.float32)
    train, test = slice(300), slice(300, None)
    method = build_method(name, new_problem(False, inputs=40), ARMS[name])
    for task in (1, 2, 3):
        method.begin_task(task)
        rows = y[train] // 2 == task - 1
        method.end_task(torch.tensor(x[train][rows]), torch.tensor(y[train][rows]))
    reference.fit(x[train].astype(np.float64), y[train])
    expected = reference.predict_log_proba(x[test].astype(np.float64))
    ours = torch.log_softmax(method.network(torch.tensor(x[test]))[:, :6], 1)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=5e-3, atol=1e-2)
    assert ours.argmax(1).tolist() == expected.argmax(1).tolist()


@pytest.mark.parametrize("name", ["slda", "gaussians"])
def test_statistics_take_no_step_and_are_the_same_for_every_seed(name, build, learn):
    outcomes = []
    for seed in (0, 1):
        reports = []
        outcomes.append(learn(build(name, seed=seed), bounded=False, watch=reports.append))
        assert reports == []
    assert outcomes[0] == outcomes[1]


def test_full_shrinkage_takes_the_nearest_mean(new_problem, learn, new_samples):
    method = build_method("slda", new_problem(False), SLDAArm(method="slda", shrinkage=1.0))
    learn(method, bounded=False, tasks=3)
    x, y = seen(new_samples(False), 6)
    means = np.array([x[y == label].mean(0) for label in range(6)])
    nearest = ((x[:, None] - means) ** 2).sum(2).argmin(1)
    assert method.network(torch.tensor(x).float())[:, :6].argmax(1).tolist() == nearest.tolist()


def test_a_feature_that_never_varies_does_no_harm(new_problem):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    x[:, 2] = 1.0
    for name in ("slda", "gaussians"):
        method = build_method(name, new_problem(False), ARMS[name])
        method.begin_task(1)
        method.end_task(x, torch.arange(2).repeat(10))
        assert method.network(x)[:, :2].isfinite().all()


@pytest.mark.parametrize("bounded", [True, False])
def test_importance_sampling_by_hand(bounded, build):
    method = build("generative", bounded)
    method.begin_task(1)
    network = method.network
    assert network.noise.shape == (20, 1, 3)
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(1))
    scores = network(x)
    assert scores.shape == (4, 2)
    with torch.no_grad():
        mean, log_variance = (t.numpy().astype(float) for t in network.vaes[1].encode(x))
        for i in range(4):
            weights = []
            for noise in network.noise[:, 0].numpy():
                sd = np.exp(log_variance[i] / 2)
                z = mean[i] + sd * noise
                out = network.vaes[1].decoder(torch.tensor(z).float()[None])[0].double().numpy()
                if bounded:
                    p = 1 / (1 + np.exp(-out))
                    log_p = (x[i].numpy() * np.log(p) + (1 - x[i].numpy()) * np.log(1 - p)).sum()
                else:  # the Gaussian's constant is left out: it is the same for every class
                    log_p = norm.logpdf(x[i].numpy(), out).sum() + 3 * np.log(2 * np.pi)
                weights.append(log_p + norm.logpdf(z).sum() - norm.logpdf(z, mean[i], sd).sum())
            assert scores[i, 1].item() == pytest.approx(logsumexp(weights) - np.log(20), rel=1e-4)


@pytest.mark.parametrize("bounded", [True, False])
def test_the_loss_is_that_of_each_sample_under_the_vae_of_its_class(bounded, build, batch, by_hand):
    method = build("generative", bounded, image_values=18)
    method.begin_task(2)
    x, y = batch(bounded, 2)
    stream = torch.Generator()
    stream.set_state(method.latent_noise.get_state())
    loss = method.loss(x, y).item()
    expected = 0.0
    for label in (2, 3):
        own = x[y == label]
        noise = torch.randn(len(own), 3, generator=stream).double().numpy()
        hand, own = by_hand(method.network.vaes[label]), own.double().numpy()
        mean, log_variance, z = hand.encode(own, noise)
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1)
        expected += (distance(own, hand.decode(z), bounded) + kl / 18).sum()  # per value of the image
    assert loss == pytest.approx(expected / len(x), rel=1e-5)


def test_vaes_learn_at_a_rate_of_their_own(build):
    assert build("generative").optimiser(0.5).param_groups[0]["lr"] == 0.02


def test_shrinkage_takes_so_much_of_a_variance_and_puts_one_in_its_place(new_problem, new_samples):
    method = build_method("gaussians", new_problem(False), GaussiansArm(method="gaussians", shrinkage=0.5))
    method.begin_task(1)
    x, y = seen(new_samples(False), 2)
    method.end_task(torch.tensor(x).float(), torch.tensor(y))
    expected = [0.5 * x[y == label].var(0) + 0.5 for label in (0, 1)]
    np.testing.assert_allclose(method.network.variance[:2], expected, rtol=1e-5)


def test_a_vae_learns_from_its_own_class_alone(build, learn, new_samples):
    method = build("generative")
    method.begin_task(2)
    before = {key: value.clone() for key, value in method.network.state_dict().items()}
    x, y = (torch.tensor(part) for part in seen(new_samples(False), 4))
    only = y == 2  # of the task's classes 2 and 3
    method.loss(x[only].float(), y[only]).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in method.network.vaes[2].parameters())
    assert all(p.grad is None or not p.grad.any() for p in method.network.vaes[3].parameters())
    assert all(p.grad is None for label in (0, 1, 4, 7) for p in method.network.vaes[label].parameters())

    method = build("generative")
    learn(method, bounded=False, tasks=1)
    after = method.network.state_dict()
    changed = {key.split(".")[1] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"0", "1"}


def test_earlier_vaes_rest_while_later_ones_learn(build, learn):
    first, both = build("generative"), build("generative")
    learn(first, bounded=False, tasks=1)
    learn(both, bounded=False, tasks=2)
    early, late = first.network.state_dict(), both.network.state_dict()
    own = [key for key in early if key.startswith(("vaes.0.", "vaes.1."))]
    assert len(own) == 2 * 13
    assert all(torch.equal(early[key], late[key]) for key in own)


def test_all_three_tell_well_separated_classes_apart_after_three_tasks(build, learn):
    for name in ARMS:
        outcome = learn(build(name), bounded=False, iterations=150)
        assert sum(outcome.correct[-1]) >= 27, name  # of 30 test samples
