"""What holds for every method: it learns, starts like the others, sees its own tasks and keeps nothing of the past."""

import dataclasses
import math
from typing import get_type_hints

import pytest
import torch
from every_method import ARMS, STEPPING
from losses_by_hand import cross_entropy

from exaggerated_replay.settings.reading import ReadingSettings

WITHOUT_A_CLASSIFIER = {"gaussians", "generative_classifier", "slda"}


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("name", STEPPING)
def test_every_method_learns_three_tasks_with_finite_losses(name, bounded, build, learn):
    losses = []
    method = build(name, bounded)
    outcome = learn(method, bounded, watch=lambda progress: losses.append(progress.loss))
    assert len(losses) == 36
    assert all(map(math.isfinite, losses))
    assert all(len(values) == 3 and all(map(math.isfinite, values)) for values in outcome.instruments.values())
    assert all(value.isfinite().all() for value in method.checkpoint().values())


@pytest.mark.parametrize("name", STEPPING)
def test_every_method_brings_its_loss_down(name, build, learn):
    losses = []
    learn(build(name), tasks=1, iterations=60, watch=lambda progress: losses.append(progress.loss))
    assert losses[-1] < {"generative_classifier": 0.95}.get(name, 0.8) * losses[0]


@pytest.mark.parametrize("name", [name for name in ARMS if name not in WITHOUT_A_CLASSIFIER])
def test_every_method_with_a_classifier_starts_from_the_same_classifier(name, build):
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
    with pytest.raises(AssertionError, match=r"but got: '(mean_invers|largst)'"):
        method.loss(*batch(True, 3))


def test_checkpoints_hold_the_networks_and_nothing_of_the_past(build, learn):
    for name in ("bir", "exaggeration"):
        method = build(name)
        fresh = set(method.checkpoint())
        learn(method)
        assert set(method.checkpoint()) == fresh == {f"network.{key}" for key in method.network.state_dict()}
    assert {key.split(".")[0] for key in build("dgr").checkpoint()} == {"network", "generator"}
