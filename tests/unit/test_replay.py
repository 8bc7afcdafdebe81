"""Experience replay and deep generative replay: what they store or dream, how it is labelled, and their losses."""

import numpy as np
import pytest
import torch
from losses_by_hand import cross_entropy, distance, fix, normal
from scipy.special import expit

# Experience replay


def test_er_stores_so_many_samples_of_each_class_with_their_true_labels(build, learn, new_samples):
    method = build("er", memory_per_class=3)
    learn(method, tasks=3)
    stored_x, stored_y = method.stored_x, method.stored_y
    assert torch.bincount(stored_y).tolist() == [3] * 6
    samples = new_samples()
    data = samples.x[torch.arange(len(samples.y))]
    for x, y in zip(stored_x, stored_y, strict=True):
        assert y in samples.y[(data == x).all(1)]
    assert len(stored_x.unique(dim=0)) == 18


def test_er_stores_all_of_a_class_that_has_fewer_samples(build, learn):
    method = build("er", memory_per_class=1000)
    learn(method, tasks=2)
    assert torch.bincount(method.stored_y).tolist() == [20] * 4


def test_er_weighs_the_current_batch_against_the_stored_samples_with_their_labels(learned, batch, by_hand):
    method = learned("er")
    sample = torch.full((1, 6), 0.3)
    method.stored_x, method.stored_y = sample, torch.tensor([3])  # a single one, so that the drawn batch is known
    x, y = batch(True, 3)
    hand = by_hand(method.network)
    current = cross_entropy(hand.scores(x.double().numpy())[:, :6], y)
    replayed = cross_entropy(hand.scores(sample.double().numpy())[:, :6], [3])
    assert method.loss(x, y).item() == pytest.approx(current / 3 + 2 / 3 * replayed, rel=1e-5)


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
    method = learned("dgr", bounded, problem={"image_values": 18})
    noise = normal(16, 3)
    fix(method, noise)
    fix(method, noise, method.replay())
    classifier, generator = by_hand(method.network), by_hand(method.generator)

    def part(x, y):
        x = x.double().numpy()
        mean, log_variance, z = generator.encode(x, noise[: len(x)].double().numpy())
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1).mean()
        variational = kl / 18  # per value of the image, not of the input
        return (
            cross_entropy(classifier.scores(x)[:, :6], y)
            + distance(x, generator.decode(z), bounded).mean()
            + variational
        )

    x, y = batch(bounded, 3)
    expected = part(x, y) / 3 + 2 / 3 * part(*method.replay())
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)
