"""Initial weights, context gates and the VAE's arithmetic, against numpy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from exaggerated_replay.learning.networks import (
    BrainInspiredVAE,
    Classifier,
    ClassPrior,
    ContextGates,
    Decoder,
    PlainVAE,
    initialise,
    reparameterise,
)


def vae(seed=0, inputs=6, units=12, latent=3, classes=5, proportion=0.5):
    return BrainInspiredVAE(inputs, units, latent, classes, proportion, seed)


def rows(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


@pytest.mark.parametrize("network", [vae(units=60, inputs=20), PlainVAE(20, 60, 3, 0)], ids=["vae", "plain"])
def test_weights_and_biases_start_uniform_within_1_over_the_root_of_fan_in(network):
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(layers) >= 7
    for layer in layers:
        bound = 1 / math.sqrt(layer.in_features)
        for parameter in layer.parameters():
            assert parameter.abs().max() <= bound
            assert stats.kstest(parameter.detach().flatten(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3


def test_only_the_log_variance_layer_has_no_bias():
    for network in (vae(), PlainVAE(6, 12, 3, 0)):
        without = [n for n, m in network.named_modules() if isinstance(m, torch.nn.Linear) and m.bias is None]
        assert without == ["latent_log_variance"]


def test_classifier_and_vae_start_from_the_same_classifier_for_one_seed():
    plain = Classifier(6, 12, 5)
    initialise(plain, 3)
    full = vae(seed=3).state_dict()
    assert len(plain.state_dict()) == 6
    assert all(torch.equal(value, full[name]) for name, value in plain.state_dict().items())


def test_initial_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = vae(seed=0).state_dict()
    torch.manual_seed(2)
    again, other = vae(seed=0).state_dict(), vae(seed=1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_no_two_layers_start_alike():
    starts = [tuple(p.flatten()[:3].tolist()) for p in vae().parameters()]
    assert len(set(starts)) == len(starts)


def test_generator_and_classifier_start_from_different_weights():
    assert not torch.equal(PlainVAE(6, 12, 3, 0).encoder1.weight, vae().encoder1.weight)


def test_prior_starts_with_standard_normal_means_and_log_variances():
    prior = ClassPrior(100, 50, 0)
    for parameter in (prior.mean, prior.log_variance):
        assert parameter.shape == (100, 50)
        assert stats.kstest(parameter.detach().flatten(), "norm").pvalue > 1e-3
    assert not torch.equal(prior.mean, prior.log_variance)


def test_reparameterised_noise_has_the_mean_and_variance_asked_for():
    z = reparameterise(
        torch.tensor([[1.0, -2.0]]), torch.tensor([[math.log(9.0), math.log(0.25)]]), torch.tensor([[2.0, -1.0]])
    )
    np.testing.assert_allclose(z, [[1 + 3 * 2, -2 - 0.5]], rtol=1e-6)


@pytest.mark.parametrize("proportion", [0.6, 0.7, 0.8])
def test_gates_switch_off_the_proportion_of_units(proportion):
    gates = ContextGates(20, 1000, proportion, 0)
    for gate in (gates.first, gates.second):
        assert set(gate.unique().tolist()) == {0.0, 1.0}
        off = int((gate == 0).sum())
        deviation = math.sqrt(20_000 * proportion * (1 - proportion))
        assert abs(off - 20_000 * proportion) < 4 * deviation


def test_proportion_0_switches_nothing_off():
    gates = ContextGates(3, 50, 0.0, 0)
    assert gates.first.all()
    assert gates.second.all()


def test_gates_are_drawn_anew_for_every_class_and_layer_but_not_for_the_same_seed():
    gates, again, other = ContextGates(4, 100, 0.5, 0), ContextGates(4, 100, 0.5, 0), ContextGates(4, 100, 0.5, 1)
    assert torch.equal(gates.first, again.first)
    assert torch.equal(gates.second, again.second)
    assert len({tuple(gate.tolist()) for g in (gates, other) for gate in (*g.first, *g.second)}) == 16


def test_gates_are_saved_but_never_trained():
    assert {"gates.first", "gates.second"} <= set(vae().state_dict())
    assert not any(name.startswith("gates") for name, _ in vae().named_parameters())


def test_context_mixes_the_gates_of_the_classes():
    gates = ContextGates(2, 3, 0.5, 0)
    gates.first.copy_(torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]))
    gates.second.copy_(torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]))
    first, second = gates(torch.tensor([[1.0, 0.0], [0.25, 0.75]]))
    assert first.tolist() == [[1, 0, 1], [0.25, 0, 1]]
    assert second.tolist() == [[0, 1, 1], [0.75, 0.25, 1]]


def tiny_decoder():
    """z -> relu(3 z + 1) -> relu(2 h + 5) -> -h + 7, one unit per layer."""
    decoder = Decoder(1, 1, 1)
    values = {"decoder1": (3.0, 1.0), "decoder2": (2.0, 5.0), "output": (-1.0, 7.0)}
    for name, (weight, bias) in values.items():
        torch.nn.init.constant_(getattr(decoder, name).weight, weight)
        torch.nn.init.constant_(getattr(decoder, name).bias, bias)
    return decoder


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1.0, 1.0, -(2 * 7 + 5) + 7),  # z = 2: h1 = 7, h2 = 19
        (0.5, 1.0, -(2 * 3.5 + 5) + 7),  # the bias 1 is halved with the rest
        (0.0, 1.0, -5 + 7),  # a unit that is off sends nothing, not even its bias
        (1.0, 0.5, -9.5 + 7),
        (1.0, 0.0, 7),  # the output layer has no gate
    ],
)
def test_gates_multiply_the_pre_activation_bias_included(first, second, expected):
    output = tiny_decoder()(torch.tensor([[2.0]]), (torch.tensor([[first]]), torch.tensor([[second]])))
    assert output.item() == expected


def test_a_decoder_without_gates_has_all_units_on():
    assert tiny_decoder()(torch.tensor([[2.0]])).item() == -12


def test_scores_are_those_of_two_rectified_layers_and_a_linear_one(by_hand):
    network, x = vae(), rows(4, 6)
    np.testing.assert_allclose(network(x).detach(), by_hand(network).scores(x.numpy()), rtol=1e-4, atol=1e-6)


def test_reconstruction_is_the_pass_through_encoder_latent_and_gated_decoder(by_hand):
    network, x, noise = vae(), rows(4, 6), rows(4, 3, seed=1)
    context = torch.softmax(rows(4, 5, seed=2), 1)
    hand = by_hand(network)
    mean, log_variance, z = hand.encode(x.numpy(), noise.numpy())
    first, second = (context.numpy() @ hand.w[f"gates.{layer}"] for layer in ("first", "second"))
    expected = (hand.scores(x.numpy()), z, mean, log_variance, hand.decode(z, first, second))
    for value, right in zip(network.reconstruct(x, context, noise), expected, strict=True):
        np.testing.assert_allclose(value.detach(), right, rtol=1e-4, atol=1e-5)


def test_imagined_samples_use_their_own_classs_prior_and_gates(by_hand):
    network, noise = vae(), rows(4, 3)
    hand = by_hand(network)
    labels = [3, 0, 3, 4]
    imagined = network.imagine(torch.tensor(labels), noise).detach()
    for row, label in enumerate(labels):
        spread = np.exp(hand.w["prior.log_variance"][label] / 2)
        z = hand.w["prior.mean"][label] + spread * noise[row].numpy()
        expected = hand.decode(z, hand.w["gates.first"][label], hand.w["gates.second"][label])
        np.testing.assert_allclose(imagined[row], expected, rtol=1e-4, atol=1e-5)


def test_plain_vae_reconstructs_without_gates_and_without_scores(by_hand):
    network, x, noise = PlainVAE(6, 12, 3, 0), rows(4, 6), rows(4, 3, seed=1)
    hand = by_hand(network)
    mean, log_variance, z = hand.encode(x.numpy(), noise.numpy())
    result = network.reconstruct(x, noise)
    assert result.logits.shape == (len(result.z), 0)
    for value, right in zip(result[1:], (z, mean, log_variance, hand.decode(z)), strict=True):
        np.testing.assert_allclose(value.detach(), right, rtol=1e-4, atol=1e-5)
