"""Who competes, and how far reconstructions are pushed and pulled, against the paper's text and plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from exaggerated_replay.learning.competition import (
    Competition,
    attraction,
    competition,
    confidence,
    random_class,
    random_rivals,
    repulsion,
    shuffled_among,
    sums_by_class,
)
from exaggerated_replay.learning.likelihoods import Bernoulli, Gaussian

FORMS = ["mean_inverse", "inverse_mean", "negative"]


def rivals_of(probabilities, f, rule="all", temperature=1.0):
    """Return the competing classes of one sample with these softmax probabilities."""
    scores = torch.log(torch.tensor([probabilities], dtype=torch.float64))
    return competition(scores, f, rule, temperature).rivals[0].nonzero().flatten().tolist()


# Fig. 2 in numbers: label 0.6, f = 3, threshold 0.2.


def test_the_class_above_the_threshold_competes_and_those_below_do_not():
    assert rivals_of([0.05, 0.25, 0.6, 0.1], 3) == [1]


def test_the_threshold_moves_with_f():
    p = [0.05, 0.25, 0.6, 0.1]
    assert rivals_of(p, 2.3) == []  # threshold 0.26
    assert rivals_of(p, 2.5) == [1]  # 0.24
    assert rivals_of(p, 7) == [1, 3]  # 0.086
    assert rivals_of(p, 13) == [0, 1, 3]  # 0.046


def test_probabilities_and_label_are_those_of_the_softmax():
    who = competition(torch.log(torch.tensor([[1.0, 2.0, 7.0], [6.0, 2.0, 2.0]])), 3.0, "all", 1.0)
    np.testing.assert_allclose(who.probabilities, [[0.1, 0.2, 0.7], [0.6, 0.2, 0.2]], rtol=1e-6)
    assert who.own.tolist() == [[False, False, True], [True, False, False]]


def test_runner_up_rule_keeps_only_the_most_probable_competitor():
    assert rivals_of([0.2, 0.5, 0.3], 10, "all") == [0, 2]
    assert rivals_of([0.2, 0.5, 0.3], 10, "runner_up") == [2]


def test_runner_up_must_pass_the_threshold_too():
    assert rivals_of([0.1, 0.8, 0.1], 7, "runner_up") == []


@pytest.mark.parametrize("rule", ["all", "runner_up"])
def test_without_f_the_runner_up_always_competes(rule):
    assert rivals_of([1e-12, 1 - 1.1e-11, 1e-11], None, rule) == [2]


def test_without_f_the_probabilities_are_those_of_the_softmax_too():
    who = competition(torch.log(torch.tensor([[1.0, 2.0, 7.0]])), None, "runner_up", 1.0)
    np.testing.assert_allclose(who.probabilities, [[0.1, 0.2, 0.7]], rtol=1e-6)


def test_without_f_a_runner_up_of_probability_zero_still_competes():
    who = competition(torch.tensor([[0.0, 1000.0]]), None, "runner_up", 1.0)
    assert who.rivals.tolist() == [[True, False]]


@pytest.mark.parametrize("rule", ["all", "runner_up"])
@pytest.mark.parametrize("f", [None, 1.0, 20.0])
def test_nobody_competes_when_there_is_one_class(f, rule):
    who = competition(torch.zeros(3, 1), f, rule, 1.0)
    assert who.own.all()
    assert not who.rivals.any()


@pytest.mark.parametrize("rule", ["all", "runner_up"])
def test_nobody_competes_at_f_1_not_even_with_equal_probability(rule):
    assert rivals_of([0.4, 0.4, 0.2], 1, rule) == []
    assert rivals_of([0.25] * 4, 1, rule) == []


def test_equal_probabilities_give_one_label_and_the_others_compete():
    scores = torch.zeros(1, 4)
    every, one = (competition(scores, 1.5, rule, 1.0) for rule in ("all", "runner_up"))
    assert every.own.sum() == 1
    assert torch.equal(every.rivals, ~every.own)
    assert one.rivals.sum() == 1
    assert not (one.rivals & one.own).any()


def test_temperature_2_compares_square_roots_of_probabilities():
    p = [0.25, 0.6, 0.15]  # square roots 0.5, 0.77, 0.39
    assert rivals_of(p, 1.9, temperature=1) == []
    assert rivals_of(p, 1.9, temperature=2) == [0]
    assert rivals_of(p, 2.1, temperature=2) == [0, 2]


# Thousandths, so that a softmax tells them apart; whole numbers often, so that there are ties.
score = (st.integers(-20_000, 20_000) | st.integers(-3, 3).map(lambda k: 1000 * k)).map(lambda k: k / 1000)
scores = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=score)
factors = st.floats(1, 200)
rules = st.sampled_from(["all", "runner_up"])
temperatures = st.sampled_from([1.0, 2.0])


@given(scores, factors, temperatures)
def test_a_class_competes_if_its_score_is_within_t_log_f_of_the_best(scores, f, temperature):
    behind = scores.max(1, keepdims=True) - scores
    assume((np.abs(behind - temperature * math.log(f)) > 1e-9).all())  # on the threshold itself rounding decides
    who = competition(torch.tensor(scores), f, "all", temperature)
    expected = behind < temperature * math.log(f)
    expected[np.arange(len(scores)), scores.argmax(1)] = False
    np.testing.assert_array_equal(who.rivals, expected)


@given(scores, st.none() | factors, rules, temperatures)
def test_every_sample_has_one_label_that_is_no_rival_of_itself(scores, f, rule, temperature):
    who = competition(torch.tensor(scores), f, rule, temperature)
    assert (who.own.sum(1) == 1).all()
    assert not (who.own & who.rivals).any()
    np.testing.assert_array_equal(scores[who.own.numpy()], scores.max(1))


@given(scores, factors, factors, rules, temperatures)
def test_a_larger_f_never_loses_a_rival(scores, f, g, rule, temperature):
    small, large = (competition(torch.tensor(scores), x, rule, temperature).rivals for x in sorted((f, g)))
    assert (small <= large).all()


@given(scores, factors, temperatures)
def test_the_runner_up_is_one_of_all_rivals(scores, f, temperature):
    one, every = (competition(torch.tensor(scores), f, rule, temperature).rivals for rule in ("runner_up", "all"))
    assert (one <= every).all()
    assert torch.equal(one.sum(1), every.any(1).long())


@given(scores, rules, temperatures)
def test_f_1_means_nobody_competes(scores, rule, temperature):
    assert not competition(torch.tensor(scores), 1.0, rule, temperature).rivals.any()


def test_sums_by_class_adds_up_the_members_of_each_class():
    x = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    own = torch.tensor([[True, False, False], [False, False, True], [True, False, False]])
    sums, counts = sums_by_class(x, own)
    assert sums.tolist() == [[5, 50], [0, 0], [2, 20]]
    assert counts.tolist() == [2, 0, 1]


def who_with(probabilities):
    return competition(torch.log(torch.tensor(probabilities, dtype=torch.float64)), 20.0, "all", 1.0)


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [
        ("off", [1, 1, 1]),
        ("label", [0.5, 0.5, 0.5]),
        ("label_rival", [0.25, 0.125, 0.125]),
        ("entropy", [1 - 1.5 / math.log2(3)] * 3),  # H(1/2, 1/4, 1/4) = 1.5 bits
    ],
)
def test_confidence_by_hand(weighting, expected):
    np.testing.assert_allclose(confidence(who_with([[0.5, 0.25, 0.25]]), weighting), [expected], rtol=1e-12)


def test_entropy_confidence_is_1_when_certain_and_0_without_an_idea():
    who = competition(torch.tensor([[500.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64), 20.0, "all", 1.0)
    np.testing.assert_allclose(confidence(who, "entropy"), [[1] * 3, [0] * 3], atol=1e-12)


@pytest.mark.parametrize("weighting", ["off", "label", "label_rival", "entropy"])
def test_confidence_is_1_with_a_single_class(weighting):
    who = competition(torch.zeros(2, 1), 20.0, "all", 1.0)
    assert confidence(who, weighting).tolist() == [[1], [1]]


@pytest.mark.parametrize("weighting", ["off", "label", "label_rival", "entropy"])
@given(scores)
def test_confidence_lies_between_0_and_1(weighting, scores):
    weights = confidence(competition(torch.tensor(scores, dtype=torch.float32), 20.0, "all", 1.0), weighting)
    assert weights.shape == scores.shape
    assert weights.min() >= 0
    assert weights.max() <= 1


def test_repulsion_vanishes_with_confidence_when_the_model_has_no_idea_at_all():
    for classes in range(2, 20):
        who = competition(torch.zeros(4, classes), 20.0, "runner_up", 1.0)
        weights = confidence(who, "entropy")
        for form in FORMS:
            loss = repulsion(torch.ones(4, classes), who.rivals, weights, form).item()
            assert abs(loss) < 1e-5, (classes, form)


def naive_repulsion(distances, rivals, weights, form):
    """Average within a sample over its rivals, then over the samples that have one."""
    inverses, plain = [], []
    for i in range(len(distances)):
        mine = [c for c in range(distances.shape[1]) if rivals[i, c]]
        if mine:
            inverses.append(sum(weights[i, c] / distances[i, c] for c in mine) / len(mine))
            plain.append(sum(weights[i, c] * distances[i, c] for c in mine) / len(mine))
    if not inverses:
        return 0.0
    if form == "mean_inverse":
        return sum(inverses) / len(inverses)
    return len(plain) / sum(plain) if form == "inverse_mean" else -sum(plain) / len(plain)


batches = st.integers(1, 5).flatmap(
    lambda b: st.integers(1, 4).flatmap(
        lambda c: st.tuples(
            arrays(np.float64, (b, c), elements=st.floats(0.01, 50)),
            arrays(np.bool_, (b, c)),
            arrays(np.float64, (b, c), elements=st.floats(0, 1)),
        )
    )
)


@pytest.mark.parametrize("form", FORMS)
@given(batch=batches)
def test_repulsion_is_the_mean_over_the_samples_that_have_a_rival(form, batch):
    distances, rivals, _ = batch
    ones = np.ones_like(distances)
    loss = repulsion(torch.tensor(distances), torch.tensor(rivals), torch.tensor(ones), form).item()
    assert loss == pytest.approx(naive_repulsion(distances, rivals, ones, form), rel=1e-9)


@pytest.mark.parametrize("form", ["mean_inverse", "negative"])
@given(batch=batches)
def test_confidence_weighs_each_pair_of_sample_and_rival(form, batch):
    distances, rivals, weights = batch
    loss = repulsion(*(torch.tensor(v) for v in batch), form).item()
    assert loss == pytest.approx(naive_repulsion(distances, rivals, weights, form), rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_equal_confidence_scales_the_repulsion(form):
    distances, rivals = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[False, True], [True, True]])
    whole, part = (repulsion(distances, rivals, torch.full((2, 2), w), form).item() for w in (1.0, 0.3))
    assert part == pytest.approx(0.3 * whole, rel=1e-6)


@pytest.mark.parametrize(
    ("form", "expected"),
    # Samples 0 and 2 have rivals: at distance 2; at distances 4 and 8.
    [("mean_inverse", (1 / 2 + (1 / 4 + 1 / 8) / 2) / 2), ("inverse_mean", 1 / ((2 + 6) / 2)), ("negative", -4)],
)
def test_repulsion_by_hand(form, expected):
    distances = torch.tensor([[9.0, 2.0, 7.0], [1.0, 1.0, 1.0], [4.0, 8.0, 9.0]])
    rivals = torch.tensor([[False, True, False], [False, False, False], [True, True, False]])
    assert repulsion(distances, rivals, torch.ones(3, 3), form).item() == pytest.approx(expected)


@pytest.mark.parametrize("form", FORMS)
def test_pairs_that_do_not_compete_never_enter_however_odd_their_distance(form):
    distances = torch.tensor([[0.0, 2.0], [math.inf, 1.0]], requires_grad=True)
    rivals = torch.tensor([[False, True], [False, False]])
    loss = repulsion(distances, rivals, torch.ones(2, 2), form)
    loss.backward()
    assert loss.item() == {"mean_inverse": 0.5, "inverse_mean": 0.5, "negative": -2}[form]
    assert distances.grad[0, 1] != 0
    assert distances.grad.flatten()[[0, 2, 3]].tolist() == [0, 0, 0]


@pytest.mark.parametrize("form", FORMS)
def test_repulsion_is_exactly_0_with_gradient_0_when_nobody_competes(form):
    distances = torch.tensor([[0.0, 2.0], [1.0, 3.0]], requires_grad=True)
    loss = repulsion(distances, torch.zeros(2, 2, dtype=torch.bool), torch.ones(2, 2), form)
    loss.backward()
    assert loss.item() == 0
    assert distances.grad.tolist() == [[0, 0], [0, 0]]


@given(batches)
def test_the_default_form_is_bounded_below_by_0(batch):
    assert repulsion(*(torch.tensor(v) for v in batch), "mean_inverse") >= 0


def test_the_default_form_stays_bounded_when_a_reconstruction_is_certain_and_right():
    # A reconstruction of pure white that is near perfect: the distance is tiny, but no distance is negative.
    output = 10 + 30 * torch.rand(200, 784, generator=torch.Generator().manual_seed(0))
    distances = Bernoulli().pairwise(torch.ones(1, 784), output)
    everyone = torch.ones(200, 1)
    loss = repulsion(distances, everyone.bool(), everyone, "mean_inverse")
    assert loss.isfinite()
    assert loss >= 0


@pytest.mark.parametrize("form", FORMS)
def test_gradient_of_repulsion_is_right(form):
    random = np.random.default_rng(0)
    distances = torch.tensor(random.uniform(0.5, 2, size=(4, 3)), requires_grad=True)
    weights = torch.tensor(random.uniform(0.1, 1, size=(4, 3)))
    rivals = torch.tensor([[0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda d: repulsion(d, rivals, weights, form), distances)


@given(batches)
def test_attraction_is_the_batch_mean_of_the_distance_to_the_own_class(batch):
    distances, _, draw = batch
    labels = (draw.sum(1) * 100).astype(int) % distances.shape[1]
    own = torch.nn.functional.one_hot(torch.tensor(labels), distances.shape[1]).bool()
    expected = sum(row[label] for row, label in zip(distances, labels, strict=True)) / len(labels)
    assert attraction(torch.tensor(distances), own).item() == pytest.approx(expected, rel=1e-12)


def test_gradient_of_attraction_is_right():
    distances = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    own = torch.tensor([[True, False], [False, True], [True, False]])
    assert torch.autograd.gradcheck(lambda d: attraction(d, own), distances)


def step_down(loss_of, output, size):
    """Return the output after one step of gradient descent."""
    output = output.clone().requires_grad_()
    loss_of(output).backward()
    assert output.grad.abs().sum() > 0
    return (output - size * output.grad).detach()


both = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian()], ids=["bernoulli", "gaussian"])


@both
@pytest.mark.parametrize("form", FORMS)
def test_a_step_on_repulsion_moves_the_reconstruction_away_from_the_rivals_mean(likelihood, form):
    means = torch.tensor([[0.2, 0.3, 0.4], [0.9, 0.6, 0.7]])
    output = torch.tensor([[0.1, 0.2, 0.4]])
    rivals = torch.tensor([[False, True]])
    moved = step_down(lambda a: repulsion(likelihood.pairwise(means, a), rivals, torch.ones(1, 2), form), output, 0.01)
    before, after = (torch.dist(likelihood.mean(a), means[1:]) for a in (output, moved))
    assert after > before


@both
def test_a_step_on_attraction_moves_the_reconstruction_towards_its_own_mean(likelihood):
    means = torch.tensor([[0.2, 0.3, 0.4], [0.9, 0.6, 0.7]])
    output = torch.tensor([[0.1, 0.2, 0.5]])
    own = torch.tensor([[False, True]])
    moved = step_down(lambda a: attraction(likelihood.pairwise(means, a), own), output, 0.01)
    before, after = (torch.dist(likelihood.mean(a), means[1:]) for a in (output, moved))
    assert after < before


# Reduction "total": sums over the samples, as Eq. 4 and 5 print them


@given(batches)
def test_total_repulsion_is_the_mean_times_the_samples_that_have_a_rival(batch):
    distances, rivals, weights = (torch.tensor(v) for v in batch)
    samples = max(int(rivals.any(1).sum()), 1)
    for form in ("mean_inverse", "negative"):
        mean, total = (repulsion(distances, rivals, weights, form, r).item() for r in ("mean", "total"))
        assert total == pytest.approx(samples * mean, rel=1e-9, abs=1e-12)
    ones = torch.ones_like(distances)
    mean, total = (repulsion(distances, rivals, ones, "inverse_mean", r).item() for r in ("mean", "total"))
    assert total == pytest.approx(mean / samples, rel=1e-9)


@both
@given(lambda_rec=st.floats(0.1, 10), lambda_ra=st.floats(0, 10), seed=st.integers(0, 2**32))
def test_attraction_is_reconstruction_of_a_point_between_sample_and_class_mean(likelihood, lambda_rec, lambda_ra, seed):
    draw = torch.Generator().manual_seed(seed)
    x, means, output = (torch.rand(n, 3, generator=draw, dtype=torch.float64) for n in (4, 2, 4))
    own = torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 0])).bool()
    between = (lambda_rec * x + lambda_ra * means[[0, 1, 1, 0]]) / (lambda_rec + lambda_ra)

    def pull(loss_of):
        a = output.clone().requires_grad_()
        return torch.autograd.grad(loss_of(a), a)[0]

    both_terms = pull(
        lambda a: (
            lambda_rec * likelihood.distance(x, a).mean() + lambda_ra * attraction(likelihood.pairwise(means, a), own)
        )
    )
    one_term = pull(lambda a: (lambda_rec + lambda_ra) * likelihood.distance(between, a).mean())
    torch.testing.assert_close(both_terms, one_term)


def test_total_attraction_by_hand():
    distances = torch.tensor([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])
    own = torch.tensor([[True, False], [False, True], [True, False]])
    assert attraction(distances, own, "total").item() == 1 + 5 + 7


def test_distances_summed_over_features_are_averaged_over_samples_all_the_same():
    distances = torch.tensor([[1.0, 2.0], [4.0, 8.0]])
    own = torch.tensor([[True, False], [False, True]])
    assert attraction(distances, own, "sum").item() == (1 + 8) / 2
    assert repulsion(distances, ~own, torch.ones(2, 2), "negative", "sum").item() == -(2 + 4) / 2


# Controls


CONTROLS = {
    "rivals": lambda present, generator: (
        random_rivals(Competition(present, present & False, present | True), generator).rivals
    ),
    "class": lambda present, generator: random_class(present[0], 50, generator),
    "means": lambda present, generator: shuffled_among(present[0], present[0].cumsum(0).unsqueeze(1), generator),
}


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_what_is_drawn_at_random_is_the_generators_alone(control):
    present = torch.ones(50, 50, dtype=torch.bool)
    drawn = []
    for global_seed, seed in ((0, 7), (1, 7), (0, 8)):
        torch.manual_seed(global_seed)
        drawn.append(control(present, torch.Generator().manual_seed(seed)))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_what_is_drawn_at_random_lies_where_its_inputs_lie(control):
    """The device without memory stands for a GPU: mixing it with the processor is an error there too."""
    present = torch.ones(5, 5, dtype=torch.bool, device="meta")
    assert control(present, torch.Generator()).device.type == "meta"


def test_the_random_rival_of_one_of_two_classes_is_the_other():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(50, 1)
    who = random_rivals(competition(scores, None, "runner_up", 1.0), torch.Generator().manual_seed(0))
    assert torch.equal(who.rivals, ~who.own)


def test_a_random_rival_is_any_other_class_alike_for_those_samples_that_have_a_rival():
    scores = torch.tensor([[5.0, 4.0, 0.0, 0.0, 0.0], [0.0, 0.0, 9.0, 0.0, 0.0]]).repeat(2000, 1)
    who = random_rivals(competition(scores, 20.0, "runner_up", 1.0), torch.Generator().manual_seed(0))
    assert who.rivals[1::2].sum() == 0  # far ahead of everyone
    counts = who.rivals[::2].sum(0)
    assert counts[0] == 0  # never the label itself
    assert (who.rivals[::2].sum(1) == 1).all()
    assert chisquare(counts[1:]).pvalue > 1e-3


def test_no_random_rival_where_there_is_one_class():
    who = random_rivals(competition(torch.zeros(3, 1), None, "runner_up", 1.0), torch.Generator())
    assert not who.rivals.any()


def test_a_random_class_is_any_of_those_present_alike():
    drawn = random_class(torch.tensor([True, False, True, True, False]), 3000, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.bool
    assert (drawn.sum(1) == 1).all()
    counts = drawn.sum(0)
    assert counts[[1, 4]].tolist() == [0, 0]
    assert chisquare(counts[[0, 2, 3]]).pvalue > 1e-3


def test_shuffled_means_are_permuted_among_the_classes_present_and_all_permutations_are_alike():
    means = torch.tensor([[1.0, 10.0], [0.0, 0.0], [2.0, 20.0], [3.0, 30.0]])
    present = torch.tensor([True, False, True, True])
    generator = torch.Generator().manual_seed(0)
    seen = {}
    for _ in range(1200):
        shuffled = shuffled_among(present, means, generator)
        assert shuffled[1].tolist() == [0, 0]
        assert torch.equal(shuffled[:, 1], 10 * shuffled[:, 0])
        key = tuple(shuffled[[0, 2, 3], 0].tolist())
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 6
    assert chisquare(list(seen.values())).pvalue > 1e-3


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.integers(0, 99))
def test_shuffling_loses_no_mean(present, seed):
    means = torch.arange(len(present)).float().unsqueeze(1)
    shuffled = shuffled_among(torch.tensor(present), means, torch.Generator().manual_seed(seed)).flatten().tolist()
    assert sorted(shuffled) == list(range(len(present)))
    assert all(shuffled[c] == c for c, there in enumerate(present) if not there)


def test_a_choice_that_does_not_exist_is_an_error():
    d, yes = torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool)
    who = competition(torch.zeros(2, 2), 2.0, "all", 1.0)
    for call in (
        lambda: competition(d, 2.0, "runnerup", 1.0),
        lambda: confidence(who, "labels"),
        lambda: repulsion(d, yes, d, "mean_invers"),
        lambda: repulsion(d, yes, d, "negative", "totals"),
        lambda: attraction(d, yes, "totals"),
    ):
        with pytest.raises(AssertionError, match="but got: '"):
            call()
