"""Synaptic intelligence and elastic weight consolidation as methods: the penalty that each adds to its loss."""

import pytest
import torch
from losses_by_hand import cross_entropy, fix, in_numpy, normal, si_penalty, some_replayed, vector

from exaggerated_replay.learning.batches import rows_of_tasks
from exaggerated_replay.learning.consolidation import fisher_information, held_parameters
from exaggerated_replay.settings.run import SISettings

WITH_PENALTY = ["si", "bir-si", "exaggeration"]


@pytest.mark.parametrize("name", WITH_PENALTY)
def test_si_follows_the_gradient_of_the_total_loss_penalty_included(name, build, learn, new_samples):
    # One step of task 2, with the gradient that autograd finds for the same total loss on the same draws.
    method = build(name, **({"strength": 50.0} if name == "si" else {"si": SISettings(strength=50.0)}))
    learn(method, tasks=1)
    method.begin_task(2)
    for parameter in method.si.held:
        parameter.data += 0.05
    samples = new_samples()
    x, y = (
        samples.x[rows_of_tasks(samples.y, range(2, 3), method.problem)],
        samples.y[(samples.y == 2) | (samples.y == 3)],
    )
    noise = normal(64, 3)
    fix(method, noise, some_replayed(earlier=2))
    whole = torch.autograd.grad(method.loss(x, y), method.si.held)
    penalty = torch.autograd.grad(method.si.penalty(), method.si.held)
    assert sum(part.abs().sum() for part in penalty) > 0.1 * sum(part.abs().sum() for part in whole)

    optimiser = torch.optim.SGD(method.parameters(), lr=0.01)
    optimiser.zero_grad()
    method.loss(x, y).backward()
    before = vector(method.si.held)
    optimiser.step()
    method.after_step()
    torch.testing.assert_close(method.si.path, -vector(whole) * (vector(method.si.held) - before))


@pytest.mark.parametrize("name", WITH_PENALTY)
def test_importance_is_damped_by_what_the_settings_say(name, build, learn):
    si = {"strength": 0.3, "damping": 0.25}
    method = build(name, **(si if name == "si" else {"si": SISettings(**si)}))
    consolidate, at_the_end = method.si.consolidate, []

    def listen():
        at_the_end.append((method.si.path.clone(), vector(method.si.held) - method.si.anchor))
        consolidate()

    method.si.consolidate = listen
    learn(method, tasks=1)
    ((path, way),) = at_the_end
    assert path.abs().sum() > 0
    torch.testing.assert_close(method.si.importance, path / (way**2 + 0.25))


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

    def listen(network, x, seen):
        terms.append((vector(fisher_information(network, x, seen)), vector(held_parameters(method.network))))
        consolidate(network, x, seen)

    method.ewc.consolidate = listen
    learn(method, tasks=2)
    method.begin_task(3)
    x, y = batch(True, 3)
    theta = vector(held_parameters(method.network)) + 0.05
    torch.nn.utils.vector_to_parameters(theta, held_parameters(method.network))
    assert len(terms) == 2
    penalty = sum(0.5 * 5.0 * (f * (t - a) ** 2).sum() for f, a, t in (in_numpy(*term, theta) for term in terms))
    assert penalty > 1e-3
    expected = cross_entropy(by_hand(method.network).scores(x.double().numpy())[:, :6], y) + penalty
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_ewc_looks_at_so_many_different_samples_of_the_task(build, learn, new_samples):
    method = build("ewc", samples=10)
    looked_at = []
    consolidate = method.ewc.consolidate
    method.ewc.consolidate = lambda network, x, seen: (looked_at.append((x, seen)), consolidate(network, x, seen))
    learn(method, tasks=2)
    assert len(looked_at) == 2
    samples = new_samples()
    for task, (x, seen) in enumerate(looked_at, start=1):
        assert seen == 2 * task
        own = samples.x[rows_of_tasks(samples.y, range(task, task + 1), method.problem)]
        assert len(x.unique(dim=0)) == 10
        assert all((own == row).all(1).any() for row in x)
