"""The baseline's losses against closed forms, scipy and plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from exaggerated_replay.learning.losses import (
    distillation,
    log_mixture_prior,
    log_normal,
    log_normal_pairs,
    soft_target,
    standard_kl,
    variational,
)


def normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape))


def test_log_normal_is_the_sum_of_scipys_densities():
    z, mean, log_variance = normal(4, 3), normal(4, 3, seed=1), normal(4, 3, seed=2)
    expected = stats.norm.logpdf(z, mean, np.exp(0.5 * log_variance.numpy())).sum(1)
    np.testing.assert_allclose(log_normal(z, mean, log_variance), expected, rtol=1e-12)


@given(arrays(np.float32, (5, 4), elements=st.floats(-5, 5, width=32)), st.floats(-8, 4))
def test_densities_of_all_pairs_are_those_of_each_pair_even_under_narrow_gaussians(z, log_variance):
    mean, log_variances = z[:3] + np.float32(0.25), np.full((3, 4), log_variance, dtype=np.float32)
    pairs = log_normal_pairs(*map(torch.tensor, (z, mean, log_variances)))
    assert pairs.dtype == torch.float32
    expected = stats.norm.logpdf(z[:, None].astype(float), mean, np.exp(log_variances.astype(float) / 2)).sum(-1)
    np.testing.assert_allclose(pairs, expected, rtol=1e-5, atol=1e-5)


def test_log_normal_broadcasts_samples_against_classes():
    z, mean, log_variance = normal(4, 3), normal(5, 3, seed=1), normal(5, 3, seed=2)
    expected = [
        [stats.norm.logpdf(z[i], mean[c], np.exp(0.5 * log_variance[c].numpy())).sum() for c in range(5)]
        for i in range(4)
    ]
    np.testing.assert_allclose(log_normal(z.unsqueeze(1), mean, log_variance), expected, rtol=1e-12)


def naive_mixture(log_priors, weights):
    """Return log(max(sum_c w_c exp(l_c - l_max), 1e-40)) + l_max with l_max over all classes."""
    result = []
    for row, w in zip(log_priors.tolist(), weights.tolist(), strict=True):
        largest = max(row)
        total = sum(weight * math.exp(value - largest) for value, weight in zip(row, w, strict=True))
        result.append(math.log(max(total, 1e-40)) + largest)
    return result


@pytest.mark.parametrize("form", ["largest", "logsumexp"])
def test_mixture_prior_is_the_log_of_the_weighted_densities(form):
    log_priors = normal(6, 4)
    weights = torch.softmax(normal(6, 4, seed=1), 1)
    expected = [
        math.log(sum(w * math.exp(v) for v, w in zip(*row, strict=True)))
        for row in zip(log_priors, weights, strict=True)
    ]
    np.testing.assert_allclose(log_mixture_prior(log_priors, weights, form), expected, rtol=1e-10)


def test_largest_form_clamps_where_allowed_classes_lie_far_below_a_forbidden_one():
    log_priors = torch.tensor([[0.0, -100.0], [7.0, -193.0]], dtype=torch.float64)
    weights = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    # exp(-100) < 1e-40, so that 40 log 10 = 92.10 below the largest is the lowest value there is.
    floor = -40 * math.log(10)
    np.testing.assert_allclose(log_mixture_prior(log_priors, weights, "largest"), [floor, 7 + floor], rtol=1e-12)
    np.testing.assert_allclose(log_mixture_prior(log_priors, weights, "logsumexp"), [-100, -193], rtol=1e-12)


@pytest.mark.parametrize("form", ["largest", "logsumexp"])
def test_mixture_prior_above_the_clamp_keeps_its_value_in_single_precision(form):
    log_priors, weights = torch.tensor([[0.0, -86.0, -87.0]]), torch.tensor([[0.0, 0.5, 0.5]])
    expected = -86 + math.log(0.5 + 0.5 * math.exp(-1))
    assert log_mixture_prior(log_priors, weights, form).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("gap", [80.0, 91.0, 100.0, 1000.0])
@pytest.mark.parametrize("form", ["largest", "logsumexp"])
def test_mixture_prior_and_its_gradient_are_finite_in_single_precision(form, gap):
    log_priors = torch.tensor([[0.0, -gap, -gap - 1]], requires_grad=True)
    value = log_mixture_prior(log_priors, torch.tensor([[0.0, 0.5, 0.5]]), form)
    value.sum().backward()
    assert value.isfinite().all()
    assert log_priors.grad.isfinite().all()


@given(
    arrays(np.float64, (3, 4), elements=st.floats(-150, 20)),
    arrays(np.float64, (3, 4), elements=st.sampled_from([0.0, 0.1, 0.5, 1.0])),
)
def test_largest_form_is_the_clamped_formula(log_priors, weights):
    log_priors, weights = torch.tensor(log_priors), torch.tensor(weights)
    result = log_mixture_prior(log_priors, weights, "largest")
    np.testing.assert_allclose(result, naive_mixture(log_priors, weights), rtol=1e-9, atol=1e-9)


@given(arrays(np.float64, (3, 4), elements=st.floats(-80, 0)), arrays(np.float64, (3, 4), elements=st.floats(0.01, 1)))
def test_both_forms_agree_where_nothing_is_clamped(log_priors, weights):
    log_priors, weights = torch.tensor(log_priors), torch.tensor(weights)
    torch.testing.assert_close(
        log_mixture_prior(log_priors, weights, "largest"), log_mixture_prior(log_priors, weights, "logsumexp")
    )


@pytest.mark.parametrize("form", ["largest", "logsumexp"])
def test_gradient_of_the_mixture_prior_is_right(form):
    weights = torch.tensor([[0.2, 0.8, 0.0], [0.5, 0.5, 0.0]], dtype=torch.float64)
    log_priors = normal(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: log_mixture_prior(v, weights, form), log_priors)


def test_a_form_of_the_mixture_prior_that_does_not_exist_is_an_error():
    with pytest.raises(AssertionError, match="but got: 'largst'"):
        log_mixture_prior(normal(2, 3), torch.full((2, 3), 1 / 3), "largst")


def test_variational_is_log_q_minus_log_p_at_the_drawn_point():
    z, mean, log_variance, log_prior = normal(4, 3), normal(4, 3, seed=1), normal(4, 3, seed=2), normal(4, seed=3)
    log_q = stats.norm.logpdf(z, mean, np.exp(0.5 * log_variance.numpy())).sum(1)
    np.testing.assert_allclose(variational(z, mean, log_variance, log_prior), log_q - log_prior.numpy(), rtol=1e-12)


def test_variational_averages_to_the_divergence_from_the_prior():
    mean, deviation, n = 0.7, 0.5, 200_000
    z = torch.tensor(np.random.default_rng(0).normal(mean, deviation, size=(n, 1)))
    losses = variational(
        z,
        torch.full_like(z, mean),
        torch.full_like(z, 2 * math.log(deviation)),
        torch.tensor(stats.norm.logpdf(z[:, 0])),
    )
    divergence = 0.5 * (mean**2 + deviation**2 - 1) - math.log(deviation)
    assert abs(losses.mean().item() - divergence) < 5 * losses.std().item() / math.sqrt(n)


def test_gradient_of_the_variational_loss_is_right():
    z, mean, log_variance, log_prior = (
        v.requires_grad_() for v in (normal(2, 3), normal(2, 3), normal(2, 3), normal(2))
    )
    assert torch.autograd.gradcheck(variational, (z, mean, log_variance, log_prior))


def test_standard_kl_is_the_integral_it_stands_for():
    means, log_variances = [0.3, -1.2], [-0.5, 0.8]
    expected = 0.0
    for mean, log_variance in zip(means, log_variances, strict=True):
        q = stats.norm(mean, math.exp(0.5 * log_variance))
        expected += integrate.quad(lambda z, q=q: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), -15, 15)[0]
    result = standard_kl(torch.tensor([means], dtype=torch.float64), torch.tensor([log_variances], dtype=torch.float64))
    np.testing.assert_allclose(result, [expected], rtol=1e-8)


def test_standard_kl_is_zero_for_the_standard_normal_and_positive_elsewhere():
    assert standard_kl(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]
    assert standard_kl(normal(50, 3), normal(50, 3, seed=1)).min() > 0


@pytest.mark.parametrize("t", [0.5, 2.0, 3.0])
def test_distillation_is_the_cross_entropy_of_tempered_softmaxes_times_t_squared(t):
    logits, scores = normal(3, 5), normal(3, 3, seed=1)
    target = np.zeros((3, 5))  # two new classes
    expected = 0.0
    for i in range(3):
        weights = [math.exp(s / t) for s in scores[i].tolist()]
        total = sum(math.exp(v / t) for v in logits[i].tolist())
        for c in range(3):
            target[i, c] = weights[c] / sum(weights)
            expected -= target[i, c] * math.log(math.exp(logits[i, c].item() / t) / total) * t**2 / 3
    assert distillation(logits, torch.tensor(target), t).item() == pytest.approx(expected, rel=1e-12)


def test_distillation_is_at_rest_where_the_student_agrees_with_the_teacher():
    scores = normal(4, 3)
    logits = scores.clone().requires_grad_()
    distillation(logits, soft_target(scores, 2.0, 3), 2.0).backward()
    np.testing.assert_allclose(logits.grad, 0, atol=1e-15)


def test_distillation_pushes_new_classes_down():
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    distillation(logits, torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64), 2.0).backward()
    # T (softmax(logits / T) - target) with a softmax of 1/3 each
    np.testing.assert_allclose(logits.grad, [[-1 / 3, -1 / 3, 2 / 3]], rtol=1e-12)


def test_gradient_of_distillation_is_right():
    target = soft_target(normal(3, 2), 2.0, 4)
    assert torch.autograd.gradcheck(lambda v: distillation(v, target, 2.0), normal(3, 4, seed=1).requires_grad_())


def test_soft_target_is_the_tempered_softmax_padded_with_zeros():
    e = math.e
    target = soft_target(torch.tensor([[2.0, 0.0]], dtype=torch.float64), 2.0, 4)
    np.testing.assert_allclose(target, [[e / (e + 1), 1 / (e + 1), 0, 0]], rtol=1e-12)


@given(arrays(np.float64, (3, 4), elements=st.floats(-500, 500)), st.floats(0.5, 10), st.integers(4, 8))
def test_soft_target_sums_to_one_and_gives_newer_classes_nothing(scores, temperature, classes):
    target = soft_target(torch.tensor(scores), temperature, classes)
    assert target.shape == (3, classes)
    np.testing.assert_allclose(target.sum(1), 1, rtol=1e-12)
    assert (target[:, 4:] == 0).all()
