"""The methods: what they replay, what they keep, and their whole losses once more in numpy."""

import copy
import dataclasses
import math
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax, softmax
from scipy.stats import chisquare, norm

from exaggerated_replay.learning.batches import rows_of_tasks
from exaggerated_replay.learning.consolidation import fisher_information, held_parameters
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.methods.bir.method import BrainInspiredReplay, Replayed
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import SISettings

NAMES = ["none", "joint", "er", "ewc", "si", "dgr", "bir", "bir-si", "exaggeration"]
WITH_PENALTY = ["si", "bir-si", "exaggeration"]


@pytest.fixture
def build(arms, new_problem):
    """Build a method from the name of its arm, with changes to the arm and to the problem."""

    def make(name, bounded=True, problem=None, **changes):
        settings = dataclasses.replace(arms[name], **changes)
        return build_method(settings.method, new_problem(bounded, **(problem or {})), settings)

    return make


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


def fix(method, noise=None, replayed=None):
    """Make a method's random draws known: the same noise for both parts of a pass, the same replayed batch."""
    if noise is not None:
        again = method.problem.replay_batch if isinstance(method, BrainInspiredReplay) and method.previous else 0
        method.noise = lambda rows, generator: torch.cat([noise[: rows - again], noise[:again]])
    if replayed is not None:
        method.replay = lambda: replayed


def noted(method):
    method.instruments.end_step()
    return method.instruments.means(1)


def normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def some_replayed(bounded=True, rows=16, earlier=4, spread=1.5):
    x = normal(rows, 6, seed=1)
    asked = torch.arange(rows) % earlier
    return Replayed(torch.sigmoid(x) if bounded else x, spread * normal(rows, earlier, seed=2), asked)


def numpy(*tensors):
    return [tensor.detach().numpy().astype(np.float64 if tensor.is_floating_point() else int) for tensor in tensors]


def cross_entropy(scores, y):
    return -np.mean([log_softmax(row)[label] for row, label in zip(scores, y, strict=True)])


def distance(x, output, bounded):
    """Return D, averaged over features: (..., F), (..., F) -> (...)."""
    if bounded:
        p = expit(output)
        return -(x * np.log(p) + (1 - x) * np.log(1 - p)).mean(-1)
    return (0.5 * (x - output) ** 2).mean(-1)


# All of them


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_learns_three_tasks_with_finite_losses(name, bounded, build, learn):
    losses = []
    method = build(name, bounded)
    outcome = learn(method, bounded, watch=lambda progress: losses.append(progress.loss))
    assert len(losses) == 36
    assert all(map(math.isfinite, losses))
    assert all(len(values) == 3 and all(map(math.isfinite, values)) for values in outcome.instruments.values())
    assert all(value.isfinite().all() for value in method.checkpoint().values())


@pytest.mark.parametrize("name", NAMES)
def test_every_method_brings_its_loss_down(name, build, learn):
    losses = []
    learn(build(name), tasks=1, iterations=60, watch=lambda progress: losses.append(progress.loss))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_starts_from_the_same_classifier(name, build):
    layers = ("encoder1", "encoder2", "classifier")
    expected, own = build("none").network.state_dict(), build(name).network.state_dict()
    assert sum(key.startswith(layers) for key in own if "latent" not in key) == 6
    assert all(torch.equal(own[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", ["none", "joint", "si", "ewc"])
def test_the_first_task_is_plain_cross_entropy_over_the_classes_seen(name, build, batch, by_hand):
    method = build(name)
    method.begin_task(1)
    x, y = batch(True, 1)
    expected = cross_entropy(by_hand(method.network).scores(x.double().numpy())[:, :2], y)
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_classes_not_seen_yet_get_no_gradient(learned, batch):
    method = learned("none")
    method.loss(*batch(True, 3)).backward()
    gradient = method.network.classifier.weight.grad
    assert gradient[:6].abs().sum(1).min() > 0
    assert gradient[6:].abs().max() == 0


# Joint


def test_joint_draws_batches_from_all_tasks_so_far_and_the_others_from_the_current_one(build, learn):
    drawn = {}
    for name in ("joint", "none"):
        method = build(name)
        loss = method.loss

        def spy(x, y, method=method, loss=loss, name=name):
            drawn.setdefault((name, method.task), set()).update(y.tolist())
            return loss(x, y)

        method.loss = spy
        learn(method, iterations=8, batch=20)
    assert [drawn["joint", task] for task in (1, 2, 3)] == [{0, 1}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}]
    assert [drawn["none", task] for task in (1, 2, 3)] == [{0, 1}, {2, 3}, {4, 5}]


# Experience replay


def test_er_stores_so_many_samples_of_each_class_with_their_true_labels(build, learn, new_samples):
    method = build("er", memory_per_class=3)
    learn(method, tasks=3)
    stored_x, stored_y = method.memory
    assert torch.bincount(stored_y).tolist() == [3] * 6
    samples = new_samples()
    data = samples.x[torch.arange(len(samples.y))]
    for x, y in zip(stored_x, stored_y, strict=True):
        assert y in samples.y[(data == x).all(1)]
    assert len(stored_x.unique(dim=0)) == 18


def test_er_stores_all_of_a_class_that_has_fewer_samples(build, learn):
    method = build("er", memory_per_class=1000)
    learn(method, tasks=2)
    assert torch.bincount(method.memory[1]).tolist() == [20] * 4


def test_er_weighs_the_current_batch_against_the_stored_samples_with_their_labels(learned, batch, by_hand):
    method = learned("er")
    sample = torch.full((1, 6), 0.3)
    method.memory = (sample, torch.tensor([3]))  # a single one, so that the drawn batch is known
    x, y = batch(True, 3)
    hand = by_hand(method.network)
    current = cross_entropy(hand.scores(x.double().numpy())[:, :6], y)
    replayed = cross_entropy(hand.scores(sample.double().numpy())[:, :6], [3])
    assert method.loss(x, y).item() == pytest.approx(current / 3 + 2 / 3 * replayed, rel=1e-5)


# Consolidation alone


@pytest.mark.parametrize("name", WITH_PENALTY)
def test_si_follows_the_gradient_of_the_total_loss_penalty_included(name, build, learn, new_samples):
    # One step of task 2, with the gradient that autograd finds for the same total loss on the same draws.
    method = build(name, **({"strength": 50.0} if name == "si" else {"si": SISettings(strength=50.0)}))
    learn(method, tasks=1)
    method.begin_task(2)
    for parameter in method.si.parameters:
        parameter.data += 0.05
    samples = new_samples()
    x, y = (
        samples.x[rows_of_tasks(samples.y, range(2, 3), method.problem)],
        samples.y[(samples.y == 2) | (samples.y == 3)],
    )
    noise = normal(64, 3)
    fix(method, noise, some_replayed(earlier=2))
    whole = torch.autograd.grad(method.loss(x, y), method.si.parameters)
    penalty = torch.autograd.grad(method.si.penalty(), method.si.parameters)
    assert sum(part.abs().sum() for part in penalty) > 0.1 * sum(part.abs().sum() for part in whole)

    optimiser = torch.optim.SGD(method.parameters(), lr=0.01)
    optimiser.zero_grad()
    method.loss(x, y).backward()
    before = vector(method.si.parameters)
    optimiser.step()
    method.after_step()
    torch.testing.assert_close(method.si.path, -vector(whole) * (vector(method.si.parameters) - before))


def vector(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def si_penalty(si):
    omega, theta, anchor = numpy(si.importance, vector(si.parameters), si.anchor)
    return si.strength * (omega * (theta - anchor) ** 2).sum()


def test_si_adds_its_penalty_to_the_cross_entropy(learned, batch, by_hand):
    method = learned("si")
    x, y = batch(True, 3)
    penalty = si_penalty(method.si)
    assert abs(penalty) > 1e-3
    expected = cross_entropy(by_hand(method.network).scores(x.double().numpy())[:, :6], y) + penalty
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_ewc_adds_its_penalty_to_the_cross_entropy(build, learn, batch, by_hand):
    method = build("ewc")
    terms, consolidate = [], method.ewc.consolidate

    def listen(x, seen):
        terms.append((vector(fisher_information(method.network, x, seen)), vector(held_parameters(method.network))))
        consolidate(x, seen)

    method.ewc.consolidate = listen
    learn(method, tasks=2)
    method.begin_task(3)
    x, y = batch(True, 3)
    theta = vector(held_parameters(method.network)) + 0.05
    torch.nn.utils.vector_to_parameters(theta, held_parameters(method.network))
    assert len(terms) == 2
    penalty = sum(0.5 * 5.0 * (f * (t - a) ** 2).sum() for f, a, t in (numpy(*term, theta) for term in terms))
    assert penalty > 1e-3
    expected = cross_entropy(by_hand(method.network).scores(x.double().numpy())[:, :6], y) + penalty
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_ewc_looks_at_so_many_different_samples_of_the_task(build, learn, new_samples):
    method = build("ewc", samples=10)
    looked_at = []
    consolidate = method.ewc.consolidate
    method.ewc.consolidate = lambda x, seen: (looked_at.append((x, seen)), consolidate(x, seen))
    learn(method, tasks=2)
    assert len(looked_at) == 2
    samples = new_samples()
    for task, (x, seen) in enumerate(looked_at, start=1):
        assert seen == 2 * task
        own = samples.x[rows_of_tasks(samples.y, range(task, task + 1), method.problem)]
        assert len(x.unique(dim=0)) == 10
        assert all((own == row).all(1).any() for row in x)


# Deep generative replay


@pytest.mark.parametrize("bounded", [True, False])
def test_dgr_replays_what_the_old_generator_dreams_with_the_old_classifiers_hard_labels(bounded, learned, by_hand):
    method = learned("dgr", bounded)
    noise = normal(16, 3)
    fix(method, noise)
    x, y = method.replay()
    classifier, generator = method.previous
    dream = by_hand(generator).decode(noise.double().numpy())
    np.testing.assert_allclose(x, expit(dream) if bounded else dream, rtol=1e-4, atol=1e-5)
    assert y.tolist() == by_hand(classifier).scores(x.double().numpy())[:, :4].argmax(1).tolist()


def test_dgr_labels_are_earlier_classes_even_where_others_score_higher(learned):
    method = learned("dgr")
    method.previous[0].classifier.bias.data[4:] = 100.0
    _, y = method.replay()
    assert y.max() < 4


@pytest.mark.parametrize("bounded", [True, False])
def test_dgr_loss_is_classifier_and_generator_on_current_and_replayed_samples(bounded, learned, batch, by_hand):
    method = learned("dgr", bounded)
    noise = normal(16, 3)
    fix(method, noise)
    fix(method, noise, method.replay())
    classifier, generator = by_hand(method.network), by_hand(method.generator)

    def part(x, y):
        x = x.double().numpy()
        mean, log_variance, z = generator.encode(x, noise[: len(x)].double().numpy())
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1).mean()
        return cross_entropy(classifier.scores(x)[:, :6], y) + distance(x, generator.decode(z), bounded).mean() + kl / 6

    x, y = batch(bounded, 3)
    expected = part(x, y) / 3 + 2 / 3 * part(*method.replay())
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


# Brain-inspired replay


def test_bir_draws_only_earlier_classes_and_all_of_them_alike(learned):
    method = learned("bir", problem={"replay_batch": 2000})
    drawn = []
    imagine = method.previous.imagine
    method.previous.imagine = lambda label, noise: (drawn.append(label), imagine(label, noise))[1]
    method.replay()
    counts = torch.bincount(drawn[0])
    assert len(counts) == 4
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("bounded", [True, False])
def test_bir_replays_what_the_previous_model_imagines_and_scores_itself(bounded, learned, by_hand):
    method = learned("bir", bounded)
    drawn = []
    imagine = method.previous.imagine
    method.previous.imagine = lambda label, noise: (drawn.append((label, noise)), imagine(label, noise))[1]
    replayed = method.replay()
    hand = by_hand(method.previous)
    for row, (label, noise) in enumerate(zip(*drawn[0], strict=True)):
        z = hand.w["prior.mean"][label] + np.exp(hand.w["prior.log_variance"][label] / 2) * noise.double().numpy()
        output = hand.decode(z, hand.w["gates.first"][label], hand.w["gates.second"][label])
        np.testing.assert_allclose(replayed.x[row], expit(output) if bounded else output, rtol=1e-4, atol=1e-5)
    scores = hand.scores(replayed.x.double().numpy())
    assert replayed.scores.shape == (16, 4)
    np.testing.assert_allclose(replayed.scores, scores[:, :4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["bir", "exaggeration"])
def test_what_is_replayed_carries_no_gradient_and_the_previous_model_gets_none(name, learned, batch):
    method = learned(name)
    replayed = method.replay()
    assert not replayed.x.requires_grad
    assert not replayed.scores.requires_grad
    method.loss(*batch(True, 3)).backward()
    assert all(p.grad is None and not p.requires_grad for p in method.previous.parameters())
    assert method.network.encoder1.weight.grad.abs().sum() > 0


def test_the_previous_model_is_the_model_at_the_end_of_the_task_before_and_stays_so(build, learn, batch):
    method = build("bir")
    learn(method, tasks=1)
    end = copy.deepcopy(method.network.state_dict())
    method.begin_task(2)
    optimiser = torch.optim.SGD(method.network.parameters(), lr=0.1)
    for _ in range(3):
        method.loss(*batch(True, 2)).backward()
        optimiser.step()
    kept = method.previous.state_dict()
    assert kept.keys() == end.keys()
    assert all(torch.equal(kept[name], end[name]) for name in end)
    assert not torch.equal(method.network.encoder1.weight, end["encoder1.weight"])


def replayed_outputs(hand, replayed, noise):
    """Return z, q's mean and log-variance, x' (as decoder output) and soft target of a replayed batch."""
    x, scores, _ = numpy(*replayed)
    target = np.zeros((len(x), 8))
    target[:, : scores.shape[1]] = softmax(scores / 2, axis=1)
    mean, log_variance, z = hand.encode(x, noise[: len(x)].double().numpy())
    output = hand.decode(z, target @ hand.w["gates.first"], target @ hand.w["gates.second"])
    return x, z, mean, log_variance, output, target


def bir_by_hand(hand, x, y, replayed, noise, bounded, lambda_rec=1.0, image_values=6, task=3, replayed_too=1.0):
    """Return the loss of brain-inspired replay without the penalty, as method and publication state it."""
    seen = 2 * task

    def log_densities(z, means, log_variances):
        return norm.logpdf(z, means, np.exp(log_variances / 2)).sum(-1)

    def generative(x, z, mean, log_variance, output, log_prior, lambda_rec=lambda_rec):
        variational = -(log_prior - log_densities(z, mean, log_variance)).mean() / image_values
        return lambda_rec * distance(x, output, bounded).mean() + variational

    x, y = numpy(x, y)
    mean, log_variance, z = hand.encode(x, noise[: len(x)].double().numpy())
    output = hand.decode(z, hand.w["gates.first"][y], hand.w["gates.second"][y])
    log_prior = log_densities(z, hand.w["prior.mean"][y], hand.w["prior.log_variance"][y])
    current = generative(x, z, mean, log_variance, output, log_prior) + cross_entropy(hand.scores(x)[:, :seen], y)

    x, z, mean, log_variance, output, target = replayed_outputs(hand, replayed, noise)
    priors = log_densities(z[:, None], hand.w["prior.mean"][:seen], hand.w["prior.log_variance"][:seen])
    largest = priors.max(1)
    mixture = (target[:, :seen] * np.exp(priors - largest[:, None])).sum(1)
    log_prior = largest + np.log(np.maximum(mixture, 1e-40))
    distilled = -(target[:, :seen] * log_softmax(hand.scores(x)[:, :seen] / 2, axis=1)).sum(1).mean() * 4
    past = generative(x, z, mean, log_variance, output, log_prior, replayed_too * lambda_rec) + distilled
    return current / task + (1 - 1 / task) * past


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(
    "changes",
    [{}, {"lambda_rec": 2.5}, {"lambda_rec": 2.0, "lambda_rec_replayed": 3.0}, {"si": SISettings(strength=0.3)}],
)
def test_bir_loss_is_the_sum_of_its_parts(changes, bounded, learned, batch, by_hand):
    method = learned("bir", bounded, problem={"image_values": 18}, **changes)
    noise, replayed = normal(16, 3), some_replayed(bounded)
    fix(method, noise, replayed)
    x, y = batch(bounded, 3)
    expected = bir_by_hand(
        by_hand(method.network),
        x,
        y,
        replayed,
        noise,
        bounded,
        changes.get("lambda_rec", 1.0),
        image_values=18,
        replayed_too=changes.get("lambda_rec_replayed", 1.0),
    )
    if "si" in changes:
        penalty = si_penalty(method.si)
        assert abs(penalty) > 1e-3
        expected += penalty
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_mixture_prior_is_the_clamped_form_unless_the_switch_says_plain(learned, batch, by_hand):
    plain, clamped = (learned("bir", mixture_prior=form) for form in ("logsumexp", "largest"))
    noise, replayed = normal(16, 3), some_replayed()
    for method in (plain, clamped):
        method.network.prior.mean.data[:4] = 40.0  # the earlier classes' priors lie far from every z
        fix(method, noise, replayed)
    x, y = batch(True, 3)
    expected = bir_by_hand(by_hand(clamped.network), x, y, replayed, noise, True)
    assert clamped.loss(x, y).item() == pytest.approx(expected, rel=1e-5)
    assert plain.loss(x, y).item() > expected + 10


# Feature exaggeration: the same as the baseline, plus RR and RA


def trained(build, learn, name, bounded=True, **changes):
    method = build(name, bounded, **changes)
    outcome = learn(method, bounded)
    return method.checkpoint(), outcome


def same(left, right):
    assert left.keys() == right.keys()
    return all(torch.equal(left[name], right[name]) for name in left)


READINGS = [
    ReadingSettings(),
    ReadingSettings(competitors="all"),
    ReadingSettings(attraction="gated"),
    ReadingSettings(repulsion="inverse_mean", distance="bce", class_means="stored", confidence="entropy"),
    ReadingSettings(repulsion="negative", distance="squared", class_means="running", reduction="sum"),
    ReadingSettings(reduction="total", competitors="random", attraction_target="random"),
    ReadingSettings(class_means="shuffled", competitors="all"),
]


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("si", [None, SISettings(strength=0.3)])
def test_with_both_lambdas_0_exaggeration_is_the_baseline_bit_for_bit(si, bounded, build, learn):
    baseline, outcome = trained(build, learn, "bir", bounded, si=si)
    for reading in READINGS:
        changes = {"si": si, "lambda_rr": 0.0, "lambda_ra": 0.0, "reading": reading}
        weights, same_outcome = trained(build, learn, "exaggeration", bounded, **changes)
        assert same_outcome.instruments["repulsion"][2] != 0
        assert same_outcome.instruments["attraction"][2] > 0
        assert same(weights, baseline)
        assert same_outcome.correct == outcome.correct
        assert same_outcome.predicted == outcome.predicted


def test_repulsion_and_attraction_each_change_the_trained_model(build, learn):
    runs = [
        trained(build, learn, "exaggeration", lambda_rr=rr, lambda_ra=ra)[0]
        for rr, ra in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.1, 0.1))
    ]
    for i, left in enumerate(runs):
        assert not any(same(left, right) for right in runs[i + 1 :])


def exaggeration_by_hand(hand, replayed, noise, bounded, f, reading, means=None):
    """Return RR and RA by plain loops over samples and classes."""
    x, _, _, _, output, _ = replayed_outputs(hand, replayed, noise)
    p = softmax(numpy(replayed.scores)[0] / reading.temperature, axis=1)
    labels, classes = p.argmax(1), range(p.shape[1])
    if means is None:
        means = {c: x[labels == c].mean(0) for c in classes if (labels == c).any()}

    def far(c, i):
        if reading.distance == "squared" or (reading.distance == "model" and not bounded):
            d = distance(means[c], expit(output[i]) if bounded else output[i], bounded=False)
        else:
            d = distance(means[c] if bounded else expit(means[c]), output[i], bounded=True)
        return d * (1 if reading.reduction == "mean" else 6)

    pairs, passed = [], False
    for i, label in enumerate(labels):
        others = sorted((c for c in classes if c != label), key=lambda c: -p[i, c])
        if f == "none":
            rivals = others[:1]
        else:
            rivals = [c for c in others if p[i, c] > p[i, label] / f]
            rivals = rivals[:1] if reading.competitors == "runner_up" else rivals
        passed = passed or bool(rivals)
        entropy = -(p[i] * np.log(p[i])).sum()
        weight = {
            "off": lambda c: 1.0,
            "label": lambda c, i=i, label=label: p[i, label],
            "label_rival": lambda c, i=i, label=label: p[i, label] * p[i, c],
            "entropy": lambda c, entropy=entropy: 1 - entropy / np.log(len(classes)),
        }[reading.confidence]
        present = [(weight(c), far(c, i)) for c in rivals if c in means]
        if present:
            pairs.append(present)
    over_samples = np.sum if reading.reduction == "total" else np.mean
    plain = [np.mean([w * d for w, d in present]) for present in pairs]
    rr = {
        "mean_inverse": over_samples([np.mean([w / d for w, d in present]) for present in pairs]),
        "inverse_mean": 1 / over_samples(plain),
        "negative": -over_samples(plain),
    }[reading.repulsion]
    ra = over_samples([far(label, i) for i, label in enumerate(labels)])
    return rr, ra if passed or reading.attraction == "every" else 0.0, len(pairs)


def exaggeration_alone(method, x, y, rr, ra):
    """Return what the two weights add to the loss, all random draws being fixed."""

    def loss(rr, ra):
        method.settings = dataclasses.replace(method.settings, lambda_rr=rr, lambda_ra=ra)
        return method.loss(x, y).item()

    return loss(rr, ra) - loss(0.0, 0.0)


SWITCHES = [
    (name, choice)
    for name, hint in get_type_hints(ReadingSettings).items()
    if not name.startswith("_")
    for choice in (get_args(hint) or (1.0, 2.0))
]


def test_the_readings_have_the_switches_that_are_tested():
    assert len(SWITCHES) == 3 + 3 + 3 + 3 + 2 + 4 + 2 + 2 + 4


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(("switch", "choice"), SWITCHES)
def test_every_switch_trains_with_finite_losses(switch, choice, bounded, build, learn):
    losses = []
    method = build("exaggeration", bounded, reading=ReadingSettings(**{switch: choice}), lambda_rr=1e-3, lambda_ra=1e-3)
    outcome = learn(method, bounded, watch=lambda progress: losses.append(progress.loss))
    assert all(map(math.isfinite, losses))
    assert outcome.instruments["repulsion"][2] != 0
    assert outcome.instruments["attraction"][2] > 0


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("f", [3, "none"])
@pytest.mark.parametrize(("switch", "choice"), [s for s in SWITCHES if s[0] != "class_means" and s[1] != "random"])
def test_repulsion_and_attraction_are_those_of_plain_loops(switch, choice, f, bounded, learned, batch, by_hand):
    reading = ReadingSettings(**{switch: choice})
    method = learned("exaggeration", bounded, reading=reading, f=f)
    noise, replayed = normal(16, 3), some_replayed(bounded)
    fix(method, noise, replayed)
    if reading.repulsion == "inverse_mean":
        assert reading.confidence == "off"  # the loops know no weighted form of it
    rr, ra, repelled = exaggeration_by_hand(by_hand(method.network), replayed, noise, bounded, f, reading)
    assert 0 < repelled <= 16
    x, y = batch(bounded, 3)
    assert exaggeration_alone(method, x, y, 10.0, 0.0) == pytest.approx(2 / 3 * 10 * rr, rel=1e-3)
    assert exaggeration_alone(method, x, y, 0.0, 10.0) == pytest.approx(2 / 3 * 10 * ra, rel=1e-3)
    method.begin_task(3)
    method.loss(x, y)
    assert noted(method)["repulsion"] == pytest.approx(rr, rel=1e-4)
    assert noted(method)["attraction"] == pytest.approx(ra, rel=1e-4)


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(("switch", "choice"), SWITCHES)
def test_every_choice_but_the_default_changes_the_loss_where_it_should(switch, choice, bounded, learned, batch):
    replayed = some_replayed(bounded, spread=50.0 if switch == "attraction" else 1.5)
    noise, (x, y) = normal(16, 3), batch(bounded, 3)
    losses = []
    for reading in (ReadingSettings(), ReadingSettings(**{switch: choice})):
        method = learned("exaggeration", bounded, reading=reading, f=1.001 if switch == "attraction" else 3)
        fix(method, noise, replayed)
        if switch == "class_means":  # of a second batch, with other samples than the first
            method.loss(x, y)
            fix(method, noise, replayed._replace(x=replayed.x.flip(0)))
        losses.append(method.loss(x, y).item())
    default, chosen = losses
    # BCE is the model's own distance for bounded inputs, half the squared error for the others.
    alike = choice == getattr(ReadingSettings(), switch) or choice == ("bce" if bounded else "squared")
    assert (chosen == pytest.approx(default, rel=1e-6)) == alike


def test_gated_attraction_is_0_in_a_batch_where_nobody_passes_the_f_test(learned, batch):
    noise, replayed = normal(16, 3), some_replayed(spread=50.0)
    added = {}
    for gate in ("gated", "every"):
        method = learned("exaggeration", reading=ReadingSettings(attraction=gate), f=1.001)
        fix(method, noise, replayed)
        added[gate] = exaggeration_alone(method, *batch(True, 3), 1.0, 1.0)
    assert added["gated"] == 0
    assert added["every"] > 0.1


def test_gated_attraction_acts_on_all_samples_once_one_passes_even_if_its_rival_is_absent(learned, batch):
    scores = torch.tensor([[9.0, 0.0, 0.0, 0.0]]).repeat(16, 1)
    scores[5, 2] = 8.9  # passes the f test against class 2, of which the batch has no sample
    noise, replayed = normal(16, 3), some_replayed()._replace(scores=scores)
    added = {}
    for gate in ("gated", "every"):
        method = learned("exaggeration", reading=ReadingSettings(attraction=gate), f=2)
        fix(method, noise, replayed)
        assert exaggeration_alone(method, *batch(True, 3), 1.0, 0.0) == 0
        added[gate] = exaggeration_alone(method, *batch(True, 3), 0.0, 1.0)
        method.begin_task(3)
        method.loss(*batch(True, 3))
        assert noted(method)["competing"] == pytest.approx(1 / 16)
        assert noted(method)["repelled"] == 0
    assert added["gated"] == added["every"] > 0.1


def test_a_rival_absent_from_the_batch_leaves_the_sample_out(learned, batch, by_hand):
    scores = torch.zeros(16, 4)
    scores[:, 0] = 9.0
    scores[8:, 1] = 10.0
    scores[3, 2] = 8.9  # the strongest rival of samples 3 and 12 has no member in the batch
    scores[12, 3] = 9.9
    noise, replayed = normal(16, 3), some_replayed()._replace(scores=scores)
    method = learned("exaggeration", f=4)
    fix(method, noise, replayed)
    rr, _, repelled = exaggeration_by_hand(by_hand(method.network), replayed, noise, True, 4, ReadingSettings())
    assert repelled == 7  # samples 8 to 15 compete with class 0, 12 with an absent one
    assert exaggeration_alone(method, *batch(True, 3), 10.0, 0.0) == pytest.approx(2 / 3 * 10 * rr, rel=1e-3)


@pytest.mark.parametrize("name", ["repulsion", "attraction"])
def test_gradients_reach_the_reconstruction_but_not_the_class_means(name, learned):
    method = learned("exaggeration", lambda_rr=float(name == "repulsion"), lambda_ra=float(name == "attraction"))
    noise, replayed = normal(16, 3), some_replayed()
    fix(method, noise, replayed)
    target = torch.softmax(torch.nn.functional.pad(replayed.scores / 2, (0, 4), value=-math.inf), 1)
    vae = method.reconstruct(replayed.x, target)
    vae.output.retain_grad()
    with_it = method.replayed_loss(replayed, target, vae)
    method.settings = dataclasses.replace(method.settings, lambda_rr=0.0, lambda_ra=0.0)
    alone = with_it - method.replayed_loss(replayed, target, vae)
    alone.backward()
    assert vae.output.grad.abs().sum() > 1e-3
    assert not replayed.x.requires_grad


def test_running_means_accumulate_over_batches_and_restart_with_each_task(learned):
    method = learned("exaggeration", reading=ReadingSettings(class_means="running"))
    first, second = (Replayed(torch.rand(16, 6), 3 * normal(16, 4, seed=s), torch.zeros(16)) for s in (5, 6))

    def means_of(*batches):
        x = np.concatenate([b.x.numpy() for b in batches])
        labels = np.concatenate([b.scores.argmax(1).numpy() for b in batches])
        return [x[labels == c].mean(0) if (labels == c).any() else np.zeros(6) for c in range(4)]

    for batches in ([first], [first, second]):
        means, present = method.class_means(batches[-1].x, method.compete(batches[-1]).own)
        np.testing.assert_allclose(means, means_of(*batches), rtol=1e-5)
        assert present.all()
    method.begin_task(4)
    method.begin_task(3)
    means, _ = method.class_means(second.x, method.compete(second).own)
    np.testing.assert_allclose(means, means_of(second), rtol=1e-5)


def test_running_means_remember_a_class_that_is_absent_from_the_latest_batch(learned):
    method = learned("exaggeration", reading=ReadingSettings(class_means="running"))
    own = torch.eye(4, dtype=torch.bool)
    method.class_means(torch.full((4, 6), 0.5), own)
    means, present = method.class_means(torch.full((1, 6), 0.1), own[:1])
    assert present.tolist() == [True] * 4
    np.testing.assert_allclose(means[:, 0], [0.3, 0.5, 0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize("bounded", [True, False])
def test_stored_means_are_those_of_the_real_data_of_every_earlier_class(bounded, learned, new_samples):
    method = learned("exaggeration", bounded, reading=ReadingSettings(class_means="stored"))
    samples = new_samples(bounded)
    data = samples.x[torch.arange(len(samples.y))].double().numpy()
    for _ in range(2):  # replaying adds nothing
        means, present = method.class_means(torch.rand(2, 6), torch.eye(4, dtype=torch.bool)[:2])
        np.testing.assert_allclose(means, [data[samples.y == c].mean(0) for c in range(4)], rtol=1e-4, atol=1e-6)
        assert present.tolist() == [True] * 4


@pytest.mark.parametrize("bounded", [True, False])
def test_with_stored_means_repulsion_and_attraction_are_those_of_plain_loops(
    bounded, learned, batch, by_hand, new_samples
):
    reading = ReadingSettings(class_means="stored", competitors="all")
    method = learned("exaggeration", bounded, reading=reading, f=3)
    samples = new_samples(bounded)
    data = samples.x[torch.arange(len(samples.y))].double().numpy()
    means = {c: data[samples.y == c].mean(0) for c in range(4)}
    noise, replayed = normal(16, 3), some_replayed(bounded)
    fix(method, noise, replayed)
    rr, ra, _ = exaggeration_by_hand(by_hand(method.network), replayed, noise, bounded, 3, reading, means)
    x, y = batch(bounded, 3)
    assert exaggeration_alone(method, x, y, 10.0, 0.0) == pytest.approx(2 / 3 * 10 * rr, rel=1e-3)
    assert exaggeration_alone(method, x, y, 0.0, 10.0) == pytest.approx(2 / 3 * 10 * ra, rel=1e-3)


# Controls: the same losses with the wrong classes


@pytest.mark.parametrize("bounded", [True, False])
def test_total_attraction_is_the_mean_times_samples_and_features(bounded, learned, batch):
    noise, replayed = normal(16, 3), some_replayed(bounded)
    noted_by = {}
    method = learned("exaggeration", bounded, f=3)
    fix(method, noise, replayed)
    for reduction in ("mean", "sum", "total"):
        method.reading = ReadingSettings(reduction=reduction)
        method.begin_task(3)
        method.loss(*batch(bounded, 3))
        noted_by[reduction] = noted(method)
    mean, features, total = (noted_by[r] for r in ("mean", "sum", "total"))
    assert features["attraction"] == pytest.approx(6 * mean["attraction"], rel=1e-5)
    assert total["attraction"] == pytest.approx(16 * 6 * mean["attraction"], rel=1e-5)
    repelled = 16 * mean["repelled"]
    assert repelled > 1
    assert total["repulsion"] == pytest.approx(repelled * mean["repulsion"] / 6, rel=1e-5)


def test_a_random_competitor_takes_the_place_of_the_rival_and_nothing_else_moves(learned):
    replayed = some_replayed()
    real, control = (
        learned("exaggeration", reading=ReadingSettings(competitors=c), f=3) for c in ("runner_up", "random")
    )
    expected, found = real.compete(replayed), control.compete(replayed)
    assert torch.equal(found.own, expected.own)
    assert torch.equal(found.rivals.sum(1), expected.rivals.sum(1))
    assert 0 < found.rivals.any(1).sum() < 16
    assert not torch.equal(control.compete(replayed).rivals, found.rivals)  # drawn anew


def test_attraction_to_a_random_class_uses_means_of_classes_in_the_batch(learned):
    method = learned("exaggeration", reading=ReadingSettings(attraction_target="random"))
    who = method.compete(some_replayed())
    targets = torch.stack([method.attracting(who, torch.tensor([True, False, True, True])) for _ in range(50)])
    assert (targets.sum(2) == 1).all()
    assert targets.any(0).any(0).tolist() == [True, False, True, True]


def test_shuffled_class_means_are_those_of_the_batch_in_another_order(learned):
    plain, shuffled = (learned("exaggeration", reading=ReadingSettings(class_means=m)) for m in ("batch", "shuffled"))
    replayed = some_replayed()
    own = plain.compete(replayed).own
    means, present = plain.class_means(replayed.x, own)
    found = [shuffled.class_means(replayed.x, own) for _ in range(10)]
    assert all(torch.equal(p, present) for _, p in found)
    assert all(sorted(m.tolist()) == sorted(means.tolist()) for m, _ in found)
    assert len({tuple(m[:, 0].tolist()) for m, _ in found}) > 3


@pytest.mark.parametrize("name", ["bir", "exaggeration"])
def test_agreement_is_the_share_of_replayed_samples_whose_label_is_the_class_asked_for(name, learned, batch):
    method = learned(name)
    replayed = some_replayed()
    labels = replayed.scores.argmax(1)
    asked = torch.where(torch.arange(16) < 4, (labels + 1) % 4, labels)
    fix(method, normal(16, 3), replayed._replace(asked=asked))
    method.begin_task(3)
    method.loss(*batch(True, 3))
    assert noted(method)["agreement"] == 0.75


def test_what_was_asked_for_is_what_was_drawn(learned):
    method = learned("bir")
    drawn, imagine = [], method.previous.imagine
    method.previous.imagine = lambda label, noise: (drawn.append(label), imagine(label, noise))[1]
    assert torch.equal(method.replay().asked, drawn[0])


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("bir", {"mixture_prior": "largst"}),
        *(
            ("exaggeration", {"reading": ReadingSettings(**{switch: "mean_invers"})})
            for switch in get_type_hints(ReadingSettings)
            if isinstance(getattr(ReadingSettings(), switch, None), str)
        ),
    ],
)
def test_a_switch_at_a_choice_that_does_not_exist_is_an_error(name, changes, learned, batch):
    method = learned(name)
    method.settings = dataclasses.replace(method.settings, **changes)
    method.reading = getattr(method.settings, "reading", None)
    with pytest.raises(ValueError, match="is not a"):
        method.loss(*batch(True, 3))


def test_checkpoints_hold_the_networks_and_nothing_of_the_past(build, learn):
    for name in ("bir", "exaggeration"):
        method = build(name)
        fresh = set(method.checkpoint())
        learn(method)
        assert set(method.checkpoint()) == fresh == {f"network.{key}" for key in method.network.state_dict()}
    assert {key.split(".")[0] for key in build("dgr").checkpoint()} == {"network", "generator"}
