"""Learning without forgetting against the sums written out in numpy."""

import numpy as np
import pytest
from every_method import METHODS

from exaggerated_replay.learning.method import build_method


def log_softmax(scores):
    shifted = scores - scores.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


@pytest.mark.parametrize("temperature", [2.0, 3.0])
def test_the_loss_is_a_third_of_the_labels_and_two_thirds_of_what_it_thought_before(
    temperature, learned, batch, by_hand
):
    lwf = learned("lwf", temperature=temperature)
    x, y = batch(True, 3)
    inputs = x.double().numpy()
    now, before = by_hand(lwf.network).scores(inputs)[:, :6], by_hand(lwf.previous).scores(inputs)[:, :4]
    labels = -log_softmax(now)[np.arange(len(y)), y].mean()
    soft = np.exp(log_softmax(before / temperature))  # the two new classes get nothing
    distilled = -(temperature**2) * (soft * log_softmax(now / temperature)[:, :4]).sum(1).mean()
    assert lwf.loss(x, y).item() == pytest.approx(labels / 3 + 2 * distilled / 3, rel=1e-5)


def test_the_first_task_has_nothing_to_keep(new_problem, batch, by_hand):
    method = build_method("lwf", new_problem(), METHODS["lwf"])
    method.begin_task(1)
    x, y = batch(True, 1)
    expected = -log_softmax(by_hand(method.network).scores(x.double().numpy())[:, :2])[np.arange(len(y)), y].mean()
    assert method.loss(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_goes_through_the_model_that_learns_alone(learned, batch):
    lwf = learned("lwf")
    lwf.loss(*batch(True, 3)).backward()
    assert all(weight.grad is None for weight in lwf.previous.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in lwf.network.parameters())
