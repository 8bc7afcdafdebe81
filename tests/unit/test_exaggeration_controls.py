"""Exaggeration and its controls: the baseline bit for bit where both weights are 0, and losses of the wrong classes."""

import pytest
import torch
from losses_by_hand import some_replayed

from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import SISettings


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
