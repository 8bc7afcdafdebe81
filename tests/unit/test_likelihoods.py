"""Distances between inputs and decoder outputs, against the formulas in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian, likelihood_of


def naive(likelihood, x, output):
    """Return D of one pair of rows: Eq. 2 with its minus sign and averaged, or half the mean squared error."""
    total = 0.0
    for value, a in zip(x, output, strict=True):
        if isinstance(likelihood, Gaussian):
            total += 0.5 * (value - a) ** 2
        else:
            p = 1 / (1 + math.exp(-a))
            total -= value * math.log(p) + (1 - value) * math.log(1 - p)
    return total / len(x)


def draw(likelihood, rows, columns=7, seed=0):
    random = np.random.default_rng(seed)
    x = (
        random.uniform(size=(rows, columns))
        if isinstance(likelihood, Bernoulli)
        else random.normal(size=(rows, columns))
    )
    return x, 2 * random.normal(size=(rows, columns))


both = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian()], ids=["bernoulli", "gaussian"])


@both
def test_distance_is_the_formula_row_by_row(likelihood):
    x, output = draw(likelihood, 5)
    expected = [naive(likelihood, *pair) for pair in zip(x, output, strict=True)]
    distance = likelihood.distance(torch.tensor(x), torch.tensor(output))
    np.testing.assert_allclose(distance.numpy(), expected, rtol=1e-12)


@both
def test_pairwise_is_the_formula_for_every_pair(likelihood):
    x, _ = draw(likelihood, 3)
    _, output = draw(likelihood, 5, seed=1)
    expected = [[naive(likelihood, row, a) for row in x] for a in output]
    pairwise = likelihood.pairwise(torch.tensor(x), torch.tensor(output))
    np.testing.assert_allclose(pairwise.numpy(), expected, rtol=1e-10)


@both
def test_pairwise_of_a_single_row_is_the_formula(likelihood):
    x, output = draw(likelihood, 4)
    expected = [[naive(likelihood, x[0], a)] for a in output]
    pairwise = likelihood.pairwise(torch.tensor(x[:1]), torch.tensor(output))
    np.testing.assert_allclose(pairwise.numpy(), expected, rtol=1e-10)


inputs = {"bernoulli": st.floats(0, 1), "gaussian": st.floats(-10, 10)}


@pytest.mark.parametrize("bounded", [True, False])
@given(data=st.data())
def test_diagonal_of_pairwise_is_distance(bounded, data):
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    x = torch.tensor(data.draw(arrays(np.float64, shape, elements=inputs["bernoulli" if bounded else "gaussian"])))
    output = torch.tensor(data.draw(arrays(np.float64, shape, elements=st.floats(-30, 30))))
    likelihood = likelihood_of(bounded)
    torch.testing.assert_close(
        likelihood.pairwise(x, output).diagonal(), likelihood.distance(x, output), rtol=1e-9, atol=1e-9
    )


@both
def test_gradients_are_right(likelihood):
    x, output = draw(likelihood, 4)
    x, output = torch.tensor(x[:3]), torch.tensor(output, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: likelihood.distance(x, a[:3]), output)
    assert torch.autograd.gradcheck(lambda a: likelihood.pairwise(x, a), output)


def test_bernoulli_is_finite_at_pure_black_and_white_and_certain_outputs():
    x, output = torch.tensor([[0.0], [1.0], [0.0], [1.0]]), torch.tensor([[-1e4], [1e4], [1e4], [-1e4]])
    # -log sigmoid(-10000) = 10000 where the certain output is wrong, 0 where it is right.
    assert Bernoulli().distance(x, output).tolist() == [0, 0, 1e4, 1e4]
    assert Bernoulli().pairwise(x[:2], output).tolist() == [[0, 1e4], [1e4, 0], [1e4, 0], [0, 1e4]]


def test_bernoulli_gradient_is_finite_where_outputs_are_certain():
    output = torch.tensor([[-1e4, 1e4, 0.0]], requires_grad=True)
    Bernoulli().pairwise(torch.tensor([[1.0, 1.0, 0.0]]), output).sum().backward()
    # sigmoid(a) - x, divided by the number of inputs
    np.testing.assert_allclose(output.grad, [[-1 / 3, 0, 0.5 / 3]], atol=1e-7)


def test_bernoulli_pairwise_is_never_negative_in_single_precision():
    a = 10 + 30 * torch.rand(200, 784, generator=torch.Generator().manual_seed(0))
    assert Bernoulli().pairwise(torch.ones(1, 784), a).min() >= 0


def test_gaussian_pairwise_keeps_its_digits_far_from_zero():
    x, output = (1000 + rows for rows in draw(Gaussian(), 4, seed=2))
    x, output = np.float32(x), np.float32(output)
    expected = [[naive(Gaussian(), np.float64(row), np.float64(a)) for row in x] for a in output]
    np.testing.assert_allclose(Gaussian().pairwise(torch.tensor(x), torch.tensor(output)), expected, rtol=1e-4)


def test_gaussian_pairwise_keeps_its_digits_where_each_feature_is_far_from_zero_on_its_own_side():
    offset = np.array([1000.0, -1000.0, 3000.0, 0.0, -3000.0, 2000.0, -2000.0])
    x, output = (np.float32(offset + rows) for rows in draw(Gaussian(), 4, seed=2))
    expected = [[naive(Gaussian(), np.float64(row), np.float64(a)) for row in x] for a in output]
    np.testing.assert_allclose(Gaussian().pairwise(torch.tensor(x), torch.tensor(output)), expected, rtol=1e-4)


def test_gaussian_pairwise_of_equal_rows_is_zero_and_never_negative():
    x = torch.randn(50, 30, generator=torch.Generator().manual_seed(0)) + 10
    pairwise = Gaussian().pairwise(x, x)
    assert pairwise.min() >= 0
    assert pairwise.diagonal().max() < 1e-5


@given(arrays(np.float64, 4, elements=st.floats(0.01, 0.99)), arrays(np.float64, 4, elements=st.floats(-10, 10)))
def test_bernoulli_is_smallest_where_the_reconstruction_is_the_input(x, a):
    entropy = -np.mean(x * np.log(x) + (1 - x) * np.log(1 - x))
    best = np.log(x / (1 - x))
    at_best, elsewhere = (
        Bernoulli().distance(torch.tensor(np.stack([x, x])), torch.tensor(np.stack([best, a]))).tolist()
    )
    assert math.isclose(at_best, entropy, rel_tol=1e-9)
    assert elsewhere >= entropy - 1e-9


def test_reconstruction_is_the_sigmoid_or_the_output_itself():
    a = torch.tensor([[-3.0, 0.0, 2.5]], dtype=torch.float64)
    np.testing.assert_allclose(Bernoulli().mean(a), expit(a.numpy()))
    assert torch.equal(Gaussian().mean(a), a)


def test_squashing_leaves_bounded_inputs_alone_and_bounds_the_others():
    x = torch.tensor([[-7.4, 0.0, 10.3]], dtype=torch.float64)
    np.testing.assert_allclose(Gaussian().squash(x), expit(x.numpy()))
    assert torch.equal(Bernoulli().squash(x), x)


def test_bounded_inputs_get_bernoulli_and_others_gaussian():
    assert isinstance(likelihood_of(True), Bernoulli)
    assert isinstance(likelihood_of(False), Gaussian)
