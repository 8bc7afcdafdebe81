"""The observer: what it notes against sums by hand, and that a run does not notice it."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from every_method import ARMS
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.learning.networks import BrainInspiredVAE
from exaggerated_replay.learning.run import Samples, Schedule
from exaggerated_replay.learning.trainer import train
from exaggerated_replay.planning.versions import PACKAGE
from exaggerated_replay.states import read_state, write_state
from exaggerated_replay.training.observation.geometry import centred_gram, class_distances, spaces
from exaggerated_replay.training.observation.observer import EACH, TaskEndObserver
from exaggerated_replay.training.observation.probe import gradient_norms
from exaggerated_replay.training.observation.quality import RealSamples
from exaggerated_replay.training.observation.replay import (
    Imagined,
    agreement,
    competition_counts,
    imagine,
    inverse_distances,
)
from tools.versions import closure


@pytest.mark.parametrize("name", ARMS)
def test_a_run_with_an_observer_is_bit_identical_to_one_without(name, arms, new_problem, new_samples, learn):
    outcomes, weights = [], []
    for watched in (False, True):
        method = build_method(arms[name].method, new_problem(), arms[name])
        observer = TaskEndObserver(new_samples(True, 5, draw=1), seed=0) if watched else None
        outcomes.append(learn(method, observer=observer))
        weights.append(method.checkpoint())
    assert outcomes[0] == outcomes[1]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_the_arrays_have_the_shapes_that_are_documented(arms, new_problem, new_samples, learn):
    tests = new_samples(True, 5, draw=1)
    observer = TaskEndObserver(tests, seed=0)
    learn(build_method("exaggeration", new_problem(), arms["exaggeration"]), tasks=3, observer=observer)
    found = {name: (*value.shape, value.dtype) for name, value in observer.traces().items()}
    gradients = {name for name in found if name.startswith("gradient.")}
    assert gradients == {
        f"gradient.{term}"
        for term in (
            "reconstruction",
            "reconstruction_replayed",
            "variational",
            "variational_replayed",
            "classification",
            "distillation",
            "repulsion",
            "attraction",
            "penalty",
        )
    }
    assert all(found.pop(name) == (3, torch.float32) for name in gradients)
    seen = {1: 2, 2: 4, 3: 6}
    expected = {
        "confusion": (8, 8, torch.int32),
        "distance.inputs": (28, torch.float16),
        "inverse_distance": (3, 5, torch.float32),
        **{name: (3, 8, torch.float16) for name in ("agreement", "frechet", "precision", "recall")},
    }
    for task, classes in seen.items():
        pairs = classes * (classes - 1) // 2
        expected |= {f"distance.{s}.{task}": (pairs, torch.float16) for s in ("hidden", "latent", "reconstruction")}
        expected[f"competition.{task}"] = (classes, classes, torch.int16)
        expected[f"gram.{task}"] = (40 * 41 // 2, torch.float16)  # 12 of each class asked for, 5 there
    assert found == expected


def test_distances_that_half_precision_cannot_hold_are_kept_in_single(arms, new_problem, new_samples, learn):
    small, large = new_samples(True, 5, draw=1), new_samples(True, 5, draw=1)
    large = dataclasses.replace(large, x=2.0**20 * large.x)
    found = []
    for test_set in (small, large):
        observer = TaskEndObserver(test_set, seed=0)
        learn(build_method("bir", new_problem(), arms["bir"]), tasks=2, observer=observer)
        found.append(observer.traces())
    kept = found[1]["distance.inputs"]
    assert kept.dtype == torch.float32
    torch.testing.assert_close(kept / 2.0**20, found[0]["distance.inputs"].float(), rtol=1e-3, atol=0)
    assert all(found[1][f"distance.{space}.2"].isfinite().all() for space in ("hidden", "latent", "reconstruction"))


def test_what_is_not_seen_or_not_in_the_loss_is_nan(arms, new_problem, new_samples, learn):
    observer = TaskEndObserver(new_samples(True, 5, draw=1), seed=0)
    learn(build_method("bir", new_problem(), arms["bir"]), tasks=2, observer=observer)
    traces = observer.traces()
    assert traces["gradient.distillation"].isnan().tolist() == [True, False]
    assert traces["gradient.reconstruction"].isnan().tolist() == [False, False]
    assert traces["agreement"].isnan().sum(1).tolist() == [6, 4]
    assert traces["inverse_distance"][1].diff().min() >= 0  # quantiles


def test_an_observer_that_goes_on_later_notes_the_same(arms, new_problem, new_samples, learn, tmp_path):
    class Interrupted(TaskEndObserver):
        def task_end(self, method, task, x, y):
            super().task_end(method, task, x, y)
            write_state(tmp_path / "state", {}, self.state())
            self.__init__(self.test_set, seed=1)
            self.method = method
            self.restore(read_state(tmp_path / "state", {}))

    found = []
    for kind in (TaskEndObserver, Interrupted):
        observer = kind(new_samples(True, 5, draw=1), seed=0)
        learn(build_method("exaggeration", new_problem(), arms["exaggeration"]), observer=observer)
        found.append(observer.traces())
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][key].nan_to_num(), found[1][key].nan_to_num()) for key in found[0])


def test_methods_without_a_vae_leave_what_they_have(arms, new_problem, new_samples, learn):
    observer = TaskEndObserver(new_samples(True, 5, draw=1), seed=0)
    learn(build_method("er", new_problem(), arms["er"]), tasks=2, observer=observer)
    assert set(observer.traces()) == {
        "confusion",
        "distance.inputs",
        "distance.hidden.1",
        "distance.hidden.2",
        "gram.1",
        "gram.2",
        "gradient.classification",
        "gradient.replayed",
    }


def test_the_confusion_matrix_is_that_of_the_trained_network(arms, new_problem, new_samples, learn, by_hand):
    tests = new_samples(True, 5, draw=1)
    observer = TaskEndObserver(tests, seed=0)
    method = build_method("none", new_problem(), arms["none"])
    outcome = learn(method, tasks=2, observer=observer)
    confusion = observer.traces()["confusion"].numpy()
    guesses = by_hand(method.network).scores(tests.x[tests.y < 4].double().numpy())[:, :4].argmax(1)
    expected = np.zeros((8, 8), dtype=int)
    np.add.at(expected, (tests.y[tests.y < 4].numpy(), guesses), 1)
    assert (confusion == expected).all()
    assert confusion.diagonal().tolist() == outcome.correct[-1]


def after_two_tasks(name, arms, new_problem, learn):
    """Return a method in its third task, that is with something to replay, and a batch."""
    method = build_method(arms[name].method, new_problem(), arms[name])
    learn(method, tasks=2)
    method.begin_task(3)
    generator = torch.Generator().manual_seed(5)
    return method, torch.rand(10, 6, generator=generator), torch.tensor([4, 5] * 5)


def test_gradient_norms_are_those_of_the_terms_alone_with_their_weights(arms, new_problem, learn):
    method, x, y = after_two_tasks("exaggeration", arms, new_problem, learn)
    norms = gradient_norms(method, x, y)

    # Every term on its own through loss.backward(), weights written out: 1/3 and 2/3, lambdas 0.1, SI within penalty.
    factors = {
        "reconstruction": [1 / 3, 2 / 3],
        "variational": [1 / 3, 2 / 3],
        "classification": [1 / 3],
        "distillation": [2 / 3],
        "repulsion": [0.1 * 2 / 3],
        "attraction": [0.1 * 2 / 3],
        "penalty": [1],
    }
    for term, weights in factors.items():
        for number, weight in enumerate(weights):
            alone, noted = copy.deepcopy(method), []
            alone.note = lambda name, value, noted=noted, term=term: (
                noted.append(value) if name == term else 0,
                value,
            )[1]
            alone.loss(x, y)
            alone.zero_grad()
            noted[number].backward()
            squares = [
                (weight * p.grad).double().square().sum() for p in alone.network.parameters() if p.grad is not None
            ]
            expected = sum(squares).sqrt().item()
            assert norms[f"{term}_replayed" if number else term] == pytest.approx(expected, rel=1e-4), term
    assert set(norms) == {*factors, "reconstruction_replayed", "variational_replayed"}


def test_the_gradient_norm_of_a_classifier_by_finite_differences(arms, new_problem):
    method = build_method("none", new_problem(), arms["none"]).double()
    method.begin_task(1)
    x, y = torch.rand(7, 6, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 0, 1, 1])
    squares, step = 0.0, 1e-6
    with torch.no_grad():
        for parameter in method.network.parameters():
            for entry in parameter.view(-1).split(1):
                entry += step
                above = method.loss(x, y)
                entry -= 2 * step
                below = method.loss(x, y)
                entry += step
                squares += ((above - below) / (2 * step)).item() ** 2
    assert gradient_norms(method, x, y) == {"classification": pytest.approx(squares**0.5, rel=1e-5)}


def test_a_term_without_weight_pulls_at_nothing(arms, new_problem, learn):
    settings = {"exaggeration": dataclasses.replace(arms["exaggeration"], lambda_rr=0, lambda_ra=0.1)}
    norms = gradient_norms(*after_two_tasks("exaggeration", settings, new_problem, learn))
    assert norms["repulsion"] == 0 < norms["attraction"]


def test_the_probe_leaves_the_method_as_it_was(arms, new_problem, learn):
    reading = dataclasses.replace(arms["exaggeration"].reading, class_means="running")  # loss() itself keeps something
    settings = {"exaggeration": dataclasses.replace(arms["exaggeration"], reading=reading)}
    method, x, y = after_two_tasks("exaggeration", settings, new_problem, learn)
    untouched = copy.deepcopy(method)
    gradient_norms(method, x, y)
    assert torch.equal(method.class_sums, untouched.class_sums)
    assert torch.equal(method.loss(x, y), untouched.loss(x, y))  # the same weights, and the same next random numbers
    assert method.instruments.names == untouched.instruments.names


@pytest.fixture
def vae():
    return BrainInspiredVAE(inputs=6, units=12, latent=3, classes=4, gate_proportion=0.5, seed=0)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian()])
def test_spaces_are_those_of_the_network_by_hand(vae, by_hand, likelihood):
    x, y = torch.rand(5, 6), torch.tensor([0, 1, 3, 3, 2])
    found = {name: value.detach().double().numpy() for name, value in spaces(vae, x, y, likelihood).items()}
    hand = by_hand(vae)
    hidden = hand.hidden(x.double().numpy())
    latent = hand.layer("latent_mean", hidden)
    output = hand.decode(latent, hand.w["gates.first"][y], hand.w["gates.second"][y])
    reconstruction = 1 / (1 + np.exp(-output)) if isinstance(likelihood, Bernoulli) else output
    for name, expected in {"hidden": hidden, "latent": latent, "reconstruction": reconstruction}.items():
        assert found[name] == pytest.approx(expected, abs=1e-5)


def test_distances_of_class_means_are_scipys():
    values, y = np.random.default_rng(0).normal(size=(12, 5)), np.array([0, 1, 2, 3] * 3)
    means = np.stack([values[y == c].mean(0) for c in range(4)])
    found = class_distances(torch.tensor(values, dtype=torch.float32), torch.tensor(y), 4)
    assert found.numpy() == pytest.approx(pdist(means), rel=1e-5)


def test_the_gram_matrix_is_centred_scaled_and_blind_to_rotation_and_shift():
    draw = np.random.default_rng(1)
    values = draw.normal(size=(6, 4))
    centred = values - values.mean(0)
    whole = centred @ centred.T
    expected = whole[np.triu_indices(6)] / np.diag(whole).mean()
    assert centred_gram(torch.tensor(values)).numpy() == pytest.approx(expected)
    rotation, _ = np.linalg.qr(draw.normal(size=(4, 4)))
    assert centred_gram(torch.tensor(3 * values @ rotation + 7)).numpy() == pytest.approx(expected)


def test_frechet_of_known_gaussians():
    # Two points at m - s and m + s have mean m and standard deviation s.
    def pair(mean, deviation):
        mean, deviation = torch.tensor(mean), torch.tensor(deviation)
        return torch.stack([mean - deviation, mean + deviation])

    real = torch.stack([pair([0.0, 0.0], [1.0, 2.0]), pair([5.0, 5.0], [1.0, 1.0])])
    generated = torch.stack([pair([3.0, 4.0], [2.0, 2.0]), pair([5.0, 5.0], [1.0, 1.0])])
    assert RealSamples(real).frechet(generated).tolist() == pytest.approx([9 + 16 + 1, 0], abs=1e-6)
    assert RealSamples(real).frechet(generated[:1]).tolist() == pytest.approx([26])  # the second class not yet seen


def test_precision_and_recall_of_identical_and_disjoint_clouds():
    cloud = torch.randn(1, 30, 5, generator=torch.Generator().manual_seed(0))
    real = torch.cat([cloud, cloud])
    precision, recall = RealSamples(real).precision_recall(torch.cat([cloud, cloud + 100]))
    assert precision.tolist() == recall.tolist() == [1, 0]


def test_precision_and_recall_on_a_line_by_hand():
    # Real 0, 1, 2, 10: with k = 1 the radii are 1, 1, 1, 8. Generated 2.5, 30, 31: radii 27.5, 1, 1.
    real = torch.tensor([0.0, 1, 2, 10]).view(1, 4, 1)
    generated = torch.tensor([2.5, 30, 31]).view(1, 3, 1)
    precision, recall = RealSamples(real, neighbours=1).precision_recall(generated)
    assert precision.item() == pytest.approx(1 / 3)  # 2.5 is within 1 of 2
    assert recall.item() == 1  # all are within 27.5 of 2.5
    precision, recall = RealSamples(real, neighbours=4).precision_recall(generated)
    assert precision.isnan().all() and recall.isnan().all()  # nobody has a fourth neighbour


def test_precision_and_recall_keep_their_digits_far_from_zero():
    draw = np.random.default_rng(0)
    real, generated = (2.0**-6 * draw.integers(-99, 99, size=(1, 40, 30)) for _ in range(2))  # exact at 4096, too
    near, far = (
        RealSamples(torch.tensor(real + shift).float()).precision_recall(torch.tensor(generated + shift).float())
        for shift in (0, 4096)
    )
    assert [value.item() for value in far] == [value.item() for value in near]
    assert 0 < near[0].item() < 1


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_precision_and_recall_as_the_definition_says(seed, neighbours):
    draw = np.random.default_rng(seed)
    real, generated = draw.normal(size=(9, 2)), draw.normal(1.0, 1.5, size=(7, 2))

    def share(of, within):
        radius = np.sort(squareform(pdist(within)), axis=1)[:, neighbours]
        distances = np.linalg.norm(of[:, None] - within[None], axis=2)
        return (distances <= radius).any(1).mean()

    found = RealSamples(torch.tensor(real)[None], neighbours).precision_recall(torch.tensor(generated)[None])
    assert [value.item() for value in found] == pytest.approx([share(generated, real), share(real, generated)])


def imagined(scores, x=None, asked=None):
    scores = torch.tensor(scores).log()
    label = torch.arange(scores.shape[1]).repeat_interleave(len(scores) // scores.shape[1]) if asked is None else asked
    return Imagined(label, torch.zeros(len(scores), 6) if x is None else x, scores)


def test_agreement_and_competition_counts_by_hand():
    samples = imagined(
        [[0.9, 0.06, 0.04], [0.2, 0.7, 0.1], [0.1, 0.85, 0.05], [0.3, 0.6, 0.1], [0.05, 0.05, 0.9], [0.96, 0.03, 0.01]]
    )
    assert agreement(samples).tolist() == [0.5, 1, 0.5]
    # f = 4: a rival needs a quarter of the label's probability; 0.06, 0.1 against 0.85, 0.05 and 0.03 have less.
    assert competition_counts(samples, 4.0).tolist() == [[0, 0, 0], [2, 0, 0], [0, 0, 0]]
    assert competition_counts(samples, None).sum() == 6  # without f the runner-up always competes


def test_what_is_imagined_is_drawn_class_by_class_from_the_prior(vae, by_hand):
    with torch.no_grad():
        found = imagine(vae, 3, 2, Gaussian(), torch.Generator().manual_seed(4))
    noise = torch.randn(6, 3, generator=torch.Generator().manual_seed(4)).double().numpy()
    hand, label = by_hand(vae), np.array([0, 0, 1, 1, 2, 2])
    z = hand.w["prior.mean"][label] + np.exp(0.5 * hand.w["prior.log_variance"][label]) * noise
    x = hand.decode(z, hand.w["gates.first"][label], hand.w["gates.second"][label])
    assert found.label.tolist() == label.tolist()
    assert found.x.numpy() == pytest.approx(x, abs=1e-5)
    assert found.scores.numpy() == pytest.approx(hand.scores(x)[:, :3], abs=1e-5)


def test_inverse_distances_by_hand(vae, by_hand):
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        samples = imagine(vae, 3, EACH, Gaussian(), generator)
        # An untrained network gives everything one label; scores at random give every class some.
        samples = samples._replace(scores=torch.randn(3 * EACH, 3, generator=generator))
        state = generator.get_state()
        found = inverse_distances(vae, samples, 1.5, 25, Gaussian(), generator)

    again = torch.Generator()
    again.set_state(state)
    rows = torch.randint(3 * EACH, (25,), generator=again)
    noise = torch.randn(25, 3, generator=again).double().numpy()
    x, scores = samples.x[rows].double().numpy(), samples.scores[rows].double().numpy()
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    soft = np.exp(scores / 2) / np.exp(scores / 2).sum(1, keepdims=True)
    hand, label = by_hand(vae), scores.argmax(1)
    z = hand.encode(x, noise)[2]
    output = hand.decode(z, soft @ hand.w["gates.first"][:3], soft @ hand.w["gates.second"][:3])
    inverse = []
    for i in range(25):
        rival = np.argsort(scores[i])[-2]
        if probabilities[i, rival] > probabilities[i, label[i]] / 1.5 and (label == rival).any():
            mean = x[label == rival].mean(0)
            inverse.append(1 / (0.5 * np.mean((mean - output[i]) ** 2)))
    assert 3 < len(inverse) < 25
    assert found.numpy() == pytest.approx(np.quantile(inverse, [0.05, 0.25, 0.5, 0.75, 0.95]), rel=1e-3)


def test_without_a_repelled_sample_there_is_no_inverse_distance(vae):
    with torch.no_grad():
        samples = imagine(vae, 1, EACH, Gaussian(), torch.Generator())
        assert inverse_distances(vae, samples, 20.0, 8, Gaussian(), torch.Generator()).isnan().all()


@pytest.mark.parametrize("name", ["bir", "exaggeration", "none"])
def test_how_a_run_is_looked_at_is_no_part_of_its_identity(name):
    reached = closure(PACKAGE, ["learning.experiment", f"methods.{name}.method"])
    assert "exaggerated_replay.learning.trainer" in reached
    assert not [module for module in reached if "observation" in module]


def test_tasks_and_test_sets_of_uneven_sizes(arms, new_problem, new_samples):
    problem = new_problem(task_sizes=(3, 1, 4))
    tests = new_samples(True, 5, draw=1)
    kept = (tests.y != 7) | (torch.arange(len(tests.y)) < 16)  # of class 7 the first two samples
    tests = Samples(tests.x[kept], tests.y[kept])
    observer = TaskEndObserver(tests, seed=0)
    schedule = Schedule(3, 4, 10, 0.03)
    train(build_method("bir", problem, arms["bir"]), new_samples(), tests, schedule, lambda progress: None, observer)
    traces = observer.traces()
    assert [len(traces[f"distance.hidden.{task}"]) for task in (1, 2, 3)] == [3, 6, 28]
    assert traces["frechet"].isfinite().sum(1).tolist() == [3, 4, 8]
    assert traces["precision"].isnan().all()  # two real samples of each class have no third neighbour
    assert traces["confusion"].sum(1).tolist() == [5] * 7 + [2]
