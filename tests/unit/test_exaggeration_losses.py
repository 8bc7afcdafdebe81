"""What exaggeration adds to the loss, against plain loops, at every choice of every switch; and its class means."""

import dataclasses
import math
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from losses_by_hand import exaggeration_alone, exaggeration_by_hand, fix, normal, noted, some_replayed

from exaggerated_replay.methods.bir.method import Replayed
from exaggerated_replay.settings.reading import ReadingSettings

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
    found = noted(method)
    assert found["repulsion"] == pytest.approx(rr, rel=1e-4)
    assert found["attraction"] == pytest.approx(ra, rel=1e-4)


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
        found = noted(method)
        assert found["competing"] == pytest.approx(1 / 16)
        assert found["repelled"] == 0
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
def test_gradients_reach_the_reconstruction(name, learned):
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


# Class means


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
