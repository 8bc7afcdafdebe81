"""Synaptic intelligence on problems one can solve by hand; Fisher information by brute force."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from exaggerated_replay.learning.consolidation import (
    ElasticWeightConsolidation,
    SynapticIntelligence,
    fisher_information,
    held_parameters,
)
from exaggerated_replay.learning.networks import BrainInspiredVAE, Classifier, initialise


def double(values):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


CURVATURE, GOAL, START = np.array([1.0, 4.0]), np.array([2.0, -1.0]), np.array([0.0, 0.5])


def descend(si, parameter, optimiser, steps, goal=GOAL):
    """Minimise 1/2 sum a (theta - goal)^2 under the watch of synaptic intelligence."""
    for _ in range(steps):
        loss = 0.5 * (torch.tensor(CURVATURE) * (parameter - torch.tensor(goal)).square()).sum()
        loss = loss + 0 * si.penalty()  # which sees the weights before the step
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        si.after_step()


def path_by_hand(rule, steps):
    """Return theta and W = -sum g dtheta, step by step in numpy."""
    theta, path, first, second = START.copy(), np.zeros(2), np.zeros(2), np.zeros(2)
    for k in range(1, steps + 1):
        g = CURVATURE * (theta - GOAL)
        if rule == "sgd":
            step = -0.1 * g
        else:
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
            step = -0.1 * (first / (1 - 0.9**k)) / (np.sqrt(second / (1 - 0.999**k)) + 1e-8)
        theta, path = theta + step, path - g * step
    return theta, path


OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_path_integral_adds_up_gradient_times_step(rule):
    parameter = double(START)
    si = SynapticIntelligence([parameter], 1.0, 0.1)
    descend(si, parameter, OPTIMISERS[rule]([parameter], lr=0.1), 7)
    theta, path = path_by_hand(rule, 7)
    np.testing.assert_allclose(parameter.detach(), theta, rtol=1e-9)
    np.testing.assert_allclose(si.path, path, rtol=1e-9)


def test_the_path_of_weights_in_several_parameters_is_that_of_the_same_weights_in_one():
    """Seven numbers, each with a curvature of its own, as one vector and as a matrix and a vector."""
    start, curvature = np.linspace(-1.0, 2.0, 7), torch.arange(1.0, 8.0, dtype=torch.float64)
    paths = []
    for held in ([double(start)], [double(start[:4].reshape(2, 2)), double(start[4:])]):
        si, optimiser = SynapticIntelligence(held, 1.0, 0.1), torch.optim.SGD(held, lr=0.01)
        for _ in range(3):
            theta = torch.cat([p.flatten() for p in held])
            loss = 0.5 * (curvature * theta.square()).sum() + 0 * si.penalty()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            si.after_step()
        paths.append(si.path)
    assert paths[0].equal(paths[1])
    assert paths[0].unique().numel() == 7


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_importance_is_the_path_over_the_squared_way_plus_damping(rule):
    parameter = double(START)
    si = SynapticIntelligence([parameter], 1.0, 0.25)
    descend(si, parameter, OPTIMISERS[rule]([parameter], lr=0.1), 7)
    si.consolidate()
    theta, path = path_by_hand(rule, 7)
    np.testing.assert_allclose(si.importance, path / ((theta - START) ** 2 + 0.25), rtol=1e-9)


def test_with_small_steps_the_path_integral_is_each_weights_share_of_the_loss_it_lowered():
    parameter = double(START)
    si = SynapticIntelligence([parameter], 1.0, 0.1)
    descend(si, parameter, torch.optim.SGD([parameter], lr=0.001), 500)
    end = parameter.detach().numpy()
    lowered = 0.5 * CURVATURE * ((START - GOAL) ** 2 - (end - GOAL) ** 2)
    np.testing.assert_allclose(si.path, lowered, rtol=5e-3)


def test_consolidation_moves_the_anchor_restarts_the_path_and_adds_to_the_importance():
    parameter = double(START)
    si = SynapticIntelligence([parameter], 1.0, 0.1)
    optimiser = torch.optim.SGD([parameter], lr=0.1)
    descend(si, parameter, optimiser, 3)
    si.consolidate()
    middle, first = parameter.detach().clone(), si.importance.clone()
    assert torch.equal(si.anchor, middle)
    assert si.path.tolist() == [0, 0]
    descend(si, parameter, optimiser, 1, goal=START)
    si.consolidate()
    g = CURVATURE * (middle.numpy() - START)
    second = 0.1 * g**2 / ((0.1 * g) ** 2 + 0.1)
    np.testing.assert_allclose(si.importance, first.numpy() + second, rtol=1e-9)


def consolidated(importance, anchor, strength):
    parameter = double(anchor)
    si = SynapticIntelligence([parameter], strength, 0.1)
    si.importance.copy_(torch.tensor(importance))
    return si, parameter


def test_penalty_is_c_times_importance_times_squared_distance_without_a_half():
    si, parameter = consolidated([2.0, 0.5], [1.0, -1.0], 3.0)
    parameter.data += torch.tensor([0.5, 2.0])
    penalty = si.penalty()
    penalty.backward()
    assert penalty.item() == pytest.approx(3 * (2 * 0.25 + 0.5 * 4))
    np.testing.assert_allclose(parameter.grad, [2 * 3 * 2 * 0.5, 2 * 3 * 0.5 * 2])


def test_gradient_of_the_penalty_is_right():
    si, _ = consolidated([2.0, -0.5], [1.0, -1.0], 3.0)
    value = torch.tensor([1.5, 0.3], dtype=torch.float64, requires_grad=True)

    def penalty_at(v):
        si.held = [v]
        return si.penalty()

    assert torch.autograd.gradcheck(penalty_at, value)


def test_penalty_is_0_at_the_anchor_and_before_the_first_task_ends():
    si, parameter = consolidated([2.0, 0.5], [1.0, -1.0], 3.0)
    assert si.penalty().item() == 0
    fresh = SynapticIntelligence([parameter], 3.0, 0.1)
    parameter.data += 1
    assert fresh.penalty().item() == 0


def test_importance_may_be_negative_and_then_the_penalty_is_negative():
    parameter = double([0.0])
    si = SynapticIntelligence([parameter], 1.0, 0.1)
    parameter.grad = torch.ones_like(parameter)
    si.penalty()
    parameter.data += 0.5  # uphill, as momentum may
    si.after_step()
    si.consolidate()
    omega = -0.5 / (0.25 + 0.1)
    assert si.importance.item() == pytest.approx(omega)
    parameter.data += 2
    assert si.penalty().item() == pytest.approx(4 * omega)


def test_a_state_holds_all_that_synaptic_intelligence_has_learned_and_can_be_gone_on_from():
    si, parameter = consolidated([2.0, 0.5], [1.0, -1.0], 3.0)
    si.path.copy_(torch.tensor([7.0, -7.0]))
    state = {name: value.clone() for name, value in si.state_dict().items()}
    assert {name: value.tolist() for name, value in state.items()} == {
        "anchor": [1, -1],
        "path": [7, -7],
        "importance": [2, 0.5],
    }
    parameter.data += 1
    other = SynapticIntelligence([parameter], 3.0, 0.1)
    other.load_state_dict(state)
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())
    assert other.penalty().item() == pytest.approx(3 * (2 + 0.5))
    other.consolidate()
    np.testing.assert_allclose(other.importance, [2 + 7 / 1.1, 0.5 - 7 / 1.1], rtol=1e-12)


def test_exactly_the_hidden_encoder_layers_and_the_classifier_are_held():
    network = BrainInspiredVAE(6, 12, 3, 5, 0.5, 0)
    names = {id(p): name for name, p in network.named_parameters()}
    assert sorted(names[id(p)] for p in held_parameters(network)) == [
        "classifier.bias",
        "classifier.weight",
        "encoder1.bias",
        "encoder1.weight",
        "encoder2.bias",
        "encoder2.weight",
    ]


def classifier(seed=0):
    network = Classifier(4, 5, 6)
    initialise(network, seed)
    return network.double()


def fisher_by_brute_force(network, x, seen):
    """Differentiate the log-likelihood of every label of every sample on its own."""
    parameters = held_parameters(network)
    total = [torch.zeros_like(p) for p in parameters]
    for sample in x:
        probabilities = F.softmax(network(sample)[:seen], 0).detach()
        for label in range(seen):
            log_likelihood = F.log_softmax(network(sample)[:seen], 0)[label]
            for part, gradient in zip(total, torch.autograd.grad(log_likelihood, parameters), strict=True):
                part += probabilities[label] * gradient.square() / len(x)
    return total


@pytest.mark.parametrize("seen", [1, 2, 4, 6])
def test_fisher_information_is_that_of_one_gradient_per_sample_and_label(seen):
    network = classifier()
    for p in network.parameters():
        p.data *= 3  # away from uniform probabilities
    x = torch.tensor(np.random.default_rng(0).normal(size=(7, 4)))
    computed, expected = fisher_information(network, x, seen), fisher_by_brute_force(network, x, seen)
    assert len(computed) == 6
    for fisher, right in zip(computed, expected, strict=True):
        np.testing.assert_allclose(fisher, right, rtol=1e-9, atol=1e-14)


def test_classes_not_seen_yet_carry_no_fisher_information():
    weight, bias = fisher_information(classifier(), torch.ones(2, 4, dtype=torch.float64), 4)[4:]
    assert (weight[:4] > 0).any()
    assert (weight[4:] == 0).all()
    assert (bias[4:] == 0).all()


def test_fisher_information_lies_where_the_network_lies():
    """The device without memory stands for a GPU: mixing it with the processor is an error there too."""
    found = fisher_information(classifier().to("meta"), torch.ones(2, 4, dtype=torch.float64, device="meta"), 4)
    assert {fisher.device.type for fisher in found} == {"meta"}


def test_ewc_penalty_has_a_term_for_each_finished_task():
    network = classifier()
    ewc = ElasticWeightConsolidation(held_parameters(network), 5.0)
    random = np.random.default_rng(1)
    expected_terms = []
    for seen in (2, 4, 6):
        x = torch.tensor(random.normal(size=(3, 4)))
        anchors = [p.detach().clone() for p in held_parameters(network)]
        expected_terms.append((fisher_by_brute_force(network, x, seen), anchors))
        ewc.consolidate(network, x, seen)
        for p in network.parameters():
            p.data += 0.1 * torch.tensor(random.normal(size=p.shape))
    expected = 0.0
    for fishers, anchors in expected_terms:
        for fisher, anchor, p in zip(fishers, anchors, held_parameters(network), strict=True):
            expected += 0.5 * 5.0 * float((fisher * (p.detach() - anchor) ** 2).sum())
    assert expected > 0
    assert ewc.penalty().item() == pytest.approx(expected, rel=1e-9)


def test_ewc_penalty_pulls_a_weight_back_with_lambda_f_times_its_distance():
    network = classifier()
    ewc = ElasticWeightConsolidation(held_parameters(network), 5.0)
    ewc.consolidate(network, torch.ones(2, 4, dtype=torch.float64), 6)
    network.classifier.bias.data += 0.2
    ewc.penalty().backward()
    fisher = fisher_information(network, torch.ones(2, 4, dtype=torch.float64), 6)[5]
    np.testing.assert_allclose(network.classifier.bias.grad, 5.0 * fisher * 0.2, rtol=1e-9)
    assert math.isclose(network.encoder1.weight.grad.abs().sum().item(), 0)


def test_a_state_of_ewc_holds_its_penalty_and_can_be_gone_on_from():
    network, x = classifier(), torch.ones(2, 4, dtype=torch.float64)
    ewc = ElasticWeightConsolidation(held_parameters(network), 5.0)
    for seen in (2, 4):
        ewc.consolidate(network, x, seen)
        for p in network.parameters():
            p.data += 0.1
    state = {name: value.clone() for name, value in ewc.state_dict().items()}
    assert state.keys() == {"centre", "fisher", "spread"}
    assert state["spread"] > 0
    other = ElasticWeightConsolidation(held_parameters(network), 5.0)
    other.load_state_dict(state)
    assert other.penalty().item() == ewc.penalty().item() > 0
