import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exaggerated_replay.analysis.statistics.paired import estimate, paired
from exaggerated_replay.analysis.verdicts.rules import not_zero

accuracies = st.floats(0, 100, allow_subnormal=False)
pairs = st.lists(st.tuples(accuracies, accuracies), min_size=2, max_size=12)


def series(values):
    return pd.Series(values, dtype=float)


def excludes_zero(found):
    return not_zero(found.low, found.high)


def test_paired_against_a_hand_computed_interval():
    """Differences 2, 4, 0 have mean 2 and sd 2; a t table gives 4.3027 for 2 degrees of freedom."""
    found = paired(series({0: 12, 1: 15, 2: 12}), series({2: 12, 1: 11, 0: 10}))
    assert (found.n, found.mean, found.sd) == (3, 2, 2)
    margin = 4.3027 * 2 / math.sqrt(3)
    assert found.low == pytest.approx(2 - margin, abs=1e-3)
    assert found.high == pytest.approx(2 + margin, abs=1e-3)
    assert found.relative == pytest.approx(100 * 2 / 11)
    assert not excludes_zero(found)


def test_only_common_seeds_count():
    alone = paired(series({1: 5, 2: 7}), series({1: 4, 2: 4}))
    crowded = paired(series({0: 99, 1: 5, 2: 7}), series({1: 4, 2: 4, 3: -50}))
    assert crowded == alone
    assert alone.n == 2


def test_one_seed_has_a_difference_but_no_interval():
    found = paired(series({4: 33}), series({4: 30}))
    assert (found.n, found.mean, found.relative) == (1, 3, 10)
    assert all(math.isnan(value) for value in (found.sd, found.low, found.high))
    assert not excludes_zero(found)


def test_equal_differences_exclude_zero_and_equal_arms_do_not():
    assert excludes_zero(paired(series([3, 4]), series([1, 2])))
    assert excludes_zero(paired(series([1, 2]), series([3, 4])))
    assert not excludes_zero(paired(series([1, 2]), series([1, 2])))


def test_differences_that_are_equal_on_paper_are_equal():
    found = paired(series([0.3, 0.7]), series([0.1, 0.5]))  # 0.19999999999999998 and 0.19999999999999996
    assert (found.mean, found.sd) == (0.2, 0)


def test_relative_change_over_a_baseline_of_zero_is_undefined():
    assert math.isnan(paired(series([1, 2]), series([0, 0])).relative)


@given(pairs)
def test_swapping_the_arms_mirrors_the_interval(values):
    a, b = (series(side) for side in zip(*values, strict=True))
    forth, back = paired(a, b), paired(b, a)
    assert forth.mean == pytest.approx(-back.mean, abs=1e-9)
    assert forth.low == pytest.approx(-back.high, abs=1e-9)
    assert forth.sd == pytest.approx(back.sd, abs=1e-9)


@given(pairs, st.floats(-50, 50))
def test_what_both_arms_gain_is_no_difference(values, shift):
    a, b = (series(side) for side in zip(*values, strict=True))
    here, there = paired(a, b), paired(a + shift, b + shift)
    assert (there.low, there.mean, there.high) == pytest.approx((here.low, here.mean, here.high), abs=1e-6)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=12).filter(lambda values: len(set(values)) > 1))
def test_intervals_agree_with_an_independent_implementation(values):
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    assert found.mean == pytest.approx(np.mean(values))


def test_without_a_seed_in_common_there_is_no_difference():
    assert paired(series({0: 1}), series({1: 1})).n == 0


def test_a_diverged_run_leaves_its_pair_out():
    found = paired(series({0: 12, 1: math.nan, 2: 12, 3: 99}), series({0: 10, 1: 11, 2: 12, 3: math.nan}))
    assert (found.n, found.mean) == (2, 1)
    assert found.relative == pytest.approx(100 * 1 / 11)
    nothing = paired(series({0: math.nan}), series({0: 1}))
    assert nothing.n == 0
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.relative)


SAMPLES, SEEDS = 4000, 12


def within(share, expected, samples=SAMPLES):
    """Whether a simulated share is what it should be, by four standard errors."""
    return abs(share - expected) < 4 * (expected * (1 - expected) / samples) ** 0.5


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_the_t_interval_covers_the_truth_as_often_as_it_says(effect):
    samples = np.random.default_rng(11).normal(effect, 1, (SAMPLES, SEEDS))
    found = [estimate(values) for values in samples]
    assert within(np.mean([one.low <= effect <= one.high for one in found]), 0.95)
