"""Brain-inspired replay: what it asks for and imagines, the previous model, and its whole loss once more in numpy."""

import copy

import numpy as np
import pytest
import torch
from losses_by_hand import (
    cross_entropy,
    distance,
    fix,
    in_numpy,
    normal,
    noted,
    replayed_outputs,
    si_penalty,
    some_replayed,
)
from scipy.special import expit, log_softmax
from scipy.stats import chisquare, norm

from exaggerated_replay.settings.run import SISettings

# What is replayed


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


def test_what_was_asked_for_is_what_was_drawn(learned):
    method = learned("bir")
    drawn, imagine = [], method.previous.imagine
    method.previous.imagine = lambda label, noise: (drawn.append(label), imagine(label, noise))[1]
    assert torch.equal(method.replay().asked, drawn[0])


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


# The loss


def bir_by_hand(
    hand, x, y, replayed, noise, bounded, lambda_rec=1.0, image_values=6, task=3, replayed_too=1.0, temperature=2.0
):
    """Return the loss of brain-inspired replay without the penalty, as method and publication state it."""
    seen = 2 * task

    def log_densities(z, means, log_variances):
        return norm.logpdf(z, means, np.exp(log_variances / 2)).sum(-1)

    def generative(x, z, mean, log_variance, output, log_prior, lambda_rec=lambda_rec):
        variational = -(log_prior - log_densities(z, mean, log_variance)).mean() / image_values
        return lambda_rec * distance(x, output, bounded).mean() + variational

    x, y = in_numpy(x, y)
    mean, log_variance, z = hand.encode(x, noise[: len(x)].double().numpy())
    output = hand.decode(z, hand.w["gates.first"][y], hand.w["gates.second"][y])
    log_prior = log_densities(z, hand.w["prior.mean"][y], hand.w["prior.log_variance"][y])
    current = generative(x, z, mean, log_variance, output, log_prior) + cross_entropy(hand.scores(x)[:, :seen], y)

    x, z, mean, log_variance, output, target = replayed_outputs(hand, replayed, noise, temperature)
    priors = log_densities(z[:, None], hand.w["prior.mean"][:seen], hand.w["prior.log_variance"][:seen])
    largest = priors.max(1)
    mixture = (target[:, :seen] * np.exp(priors - largest[:, None])).sum(1)
    log_prior = largest + np.log(np.maximum(mixture, 1e-40))
    distilled = -(target[:, :seen] * log_softmax(hand.scores(x)[:, :seen] / temperature, axis=1)).sum(1).mean()
    distilled *= temperature**2
    past = generative(x, z, mean, log_variance, output, log_prior, replayed_too * lambda_rec) + distilled
    return current / task + (1 - 1 / task) * past


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lambda_rec": 2.5},
        {"lambda_rec": 2.0, "lambda_rec_replayed": 3.0},
        {"si": SISettings(strength=0.3)},
        {"temperature": 3.0},
    ],
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
        temperature=changes.get("temperature", 2.0),
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
