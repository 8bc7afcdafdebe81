"""The closed form of a step's arithmetic, against torch's own counter on a small model."""

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.counting import elementwise, fewest_bytes, gated_off, products, sizes_of
from bench.straightforward import new_learner
from exaggerated_replay.features.encoder import ConvEncoder
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings

INPUTS, CLASSES, TASKS = 20, 6, 3


@pytest.fixture
def settings(arms):
    return RunSettings(
        data="",
        code="",
        tasks=TASKS,
        seed=0,
        model=ModelSettings(units=11, latent=3),
        training=TrainingSettings(iterations=1, batch=8, replay_batch=14, learning_rate=1e-3),
        method=arms["bir-si"],
        threads=1,
        precision="fp32",
    )


@pytest.mark.parametrize("task", [1, 2, 3])
def test_matrix_products_are_those_that_torch_counts(settings, task):
    learner = new_learner(settings, ConvEncoder(), INPUTS, CLASSES)
    if task > 1:
        learner.previous = new_learner(settings, ConvEncoder(), INPUTS, CLASSES).model
    x, y = torch.randn(8, INPUTS), torch.full((8,), 2 * task - 1)
    with FlopCounterMode(display=False) as counter:
        learner.step_loss(x, y, task, CLASSES // TASKS)[0].backward()
    assert sum(products(sizes_of(settings, INPUTS, CLASSES, task)).values()) == counter.get_total_flops()


def test_exaggeration_adds_sums_distances_and_the_distances_gradient(settings, arms):
    own, x = torch.rand(14, 4), torch.randn(14, INPUTS)  # task 3: four earlier classes
    output = torch.randn(14, INPUTS, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        (output @ (own.T @ x).T).sum().backward()
    exaggerated = dataclasses.replace(settings, method=arms["exaggeration"])
    assert products(sizes_of(exaggerated, INPUTS, CLASSES, 3))["exaggeration"] == counter.get_total_flops()
    assert products(sizes_of(settings, INPUTS, CLASSES, 3))["exaggeration"] == 0


def test_gates_make_products_superfluous_where_the_class_is_known(settings):
    sizes = dataclasses.replace(sizes_of(settings, INPUTS, CLASSES, 2), units=10)
    # 5 of 10 units on in both layers: 3 x 5, 5 x 5 and 5 x 20 weights are in use, of 3 x 10, 10 x 10 and 10 x 20.
    unused = (30 + 100 + 200) - (15 + 25 + 100)
    # 8 current samples forward and twice backward, 14 generated ones forward; a product and a sum per weight.
    assert gated_off(sizes, 0.5) == 2 * unused * (3 * 8 + 14)
    assert gated_off(sizes, 0.0) == 0
    assert gated_off(sizes, 1.0) == 2 * sizes.decoder * (3 * 8 + 14)


def test_parameters_are_those_of_the_model(settings):
    learner = new_learner(settings, ConvEncoder(), INPUTS, CLASSES)
    sizes = sizes_of(settings, INPUTS, CLASSES, 1)
    trained = [p for name, p in learner.model.named_parameters() if not name.startswith("conv.")]
    assert sizes.parameters == sum(p.numel() for p in trained)
    assert sizes.held == sum(p.numel() for _, p in learner.si.held())


def test_the_first_task_replays_nothing(settings):
    first, second = (sizes_of(settings, INPUTS, CLASSES, task) for task in (1, 2))
    assert products(first)["replay"] == elementwise(first)["prior"] == 0
    assert elementwise(second)["prior"] == 11 * 14 * 4 * 3  # replayed samples, seen classes, latent variables
    difference = fewest_bytes(second)["weights"] - fewest_bytes(first)["weights"]
    assert difference == 4 * (11 * (3 + 11 + 20) + 11 * (20 + 11) + 11 * 6)  # the previous model, read once


def test_without_synaptic_intelligence_nothing_is_counted_for_it(settings, arms):
    plain = sizes_of(dataclasses.replace(settings, method=arms["bir"]), INPUTS, CLASSES, 2)
    assert elementwise(plain)["si"] == fewest_bytes(plain)["si"] == 0
