import math
from fractions import Fraction
from itertools import product
from operator import mul

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from exaggerated_replay.analysis.statistics import paired as statistics
from exaggerated_replay.analysis.statistics import power
from exaggerated_replay.analysis.statistics.paired import estimate, paired
from exaggerated_replay.errors import UserError

accuracies = st.floats(0, 100, allow_subnormal=False)
pairs = st.lists(st.tuples(accuracies, accuracies), min_size=2, max_size=12)


def series(values):
    return pd.Series(values, dtype=float)


def test_paired_against_a_hand_computed_interval():
    """Differences 2, 4, 0 have mean 2 and sd 2; a t table gives 4.3027 for 2 degrees of freedom."""
    found = paired(series({0: 12, 1: 15, 2: 12}), series({2: 12, 1: 11, 0: 10}))
    assert (found.n, found.mean, found.sd) == (3, 2, 2)
    margin = 4.3027 * 2 / math.sqrt(3)
    assert found.low == pytest.approx(2 - margin, abs=1e-3)
    assert found.high == pytest.approx(2 + margin, abs=1e-3)
    assert found.relative == pytest.approx(100 * 2 / 11)
    assert not found.excludes_zero


def test_only_common_seeds_count():
    alone = paired(series({1: 5, 2: 7}), series({1: 4, 2: 4}))
    crowded = paired(series({0: 99, 1: 5, 2: 7}), series({1: 4, 2: 4, 3: -50}))
    assert crowded == alone
    assert alone.n == 2


def test_one_seed_has_a_difference_but_no_interval():
    found = paired(series({4: 33}), series({4: 30}))
    assert (found.n, found.mean, found.relative) == (1, 3, 10)
    assert all(math.isnan(value) for value in (found.sd, found.low, found.high))
    assert not found.excludes_zero


def test_equal_differences_exclude_zero_and_equal_arms_do_not():
    assert paired(series([3, 4]), series([1, 2])).excludes_zero
    assert paired(series([1, 2]), series([3, 4])).excludes_zero
    assert not paired(series([1, 2]), series([1, 2])).excludes_zero


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


def test_seeds_that_cannot_be_paired_are_refused():
    with pytest.raises(UserError, match="no seed in common"):
        paired(series({0: 1}), series({1: 1}))
    with pytest.raises(UserError, match="seed 3 occurs twice"):
        paired(pd.Series([1.0, 2.0], index=[3, 3]), series({3: 1}))


def test_a_diverged_run_leaves_its_pair_out():
    found = paired(series({0: 12, 1: math.nan, 2: 12, 3: 99}), series({0: 10, 1: 11, 2: 12, 3: math.nan}))
    assert (found.n, found.mean) == (2, 1)
    assert found.relative == pytest.approx(100 * 1 / 11)
    nothing = paired(series({0: math.nan}), series({0: 1}))
    assert nothing.n == 0
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.relative)


def by_brute_force(values):
    """The sign-flip test, one sign pattern after the other, in exact arithmetic."""
    values = [Fraction(value) for value in values]
    sums = [abs(sum(map(mul, signs, values))) for signs in product((-1, 1), repeat=len(values))]
    return sum(total >= abs(sum(values)) for total in sums) / len(sums)


def test_five_seeds_cannot_be_significant():
    assert statistics.sign_flip([1, 2, 3, 4, 5]) == 1 / 16
    assert statistics.sign_flip_seeds(0.05) == 6
    assert [2 ** (1 - n) <= 0.05 for n in (5, 6)] == [False, True]
    assert statistics.sign_flip_seeds(0.05 / 15) == 10


@given(st.lists(st.integers(-8, 8), min_size=1, max_size=7))
def test_sign_flips_are_all_counted_ties_included(values):
    assert statistics.sign_flip(values) == by_brute_force(values)


def test_sign_flips_of_decimals_that_are_equal_on_paper_are_ties():
    """0.1 + 0.2 is not 0.3 in floating point; the sums 0.3 - 0.3 and 0.1 + 0.2 - 0.3 - 0.3 ... must still tie."""
    decimals = [0.1, 0.2, -0.3, 0.6, 0.7]
    assert statistics.sign_flip(decimals) == by_brute_force([1, 2, -3, 6, 7])


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_sign_flips_agree_with_an_independent_implementation(values):
    reference = stats.permutation_test(
        (np.array(values),), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert statistics.sign_flip(values) == pytest.approx(reference.pvalue)


def test_many_seeds_are_flipped_at_random_but_always_alike():
    values = np.random.default_rng(3).normal(0.3, 1, 40)
    p = statistics.sign_flip(values)
    assert p == statistics.sign_flip(values)
    # For 40 values the sign-flip test is close to the normal approximation.
    z = values.sum() / np.sqrt((values**2).sum())
    assert p == pytest.approx(2 * stats.norm.sf(abs(z)), abs=4 * (0.25 / 9999) ** 0.5)
    assert statistics.sign_flip(np.full(40, 1.0)) == pytest.approx(1 / 10_000)


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.04: times 3, 2 and 1, and never less than the one before."""
    assert statistics.holm([0.04, 0.01, math.nan, 0.02])[[0, 1, 3]] == pytest.approx([0.04, 0.03, 0.04])
    assert math.isnan(statistics.holm([math.nan, 0.5])[0])
    assert statistics.holm([]).shape == (0,)


@pytest.mark.parametrize("draw", range(3))
def test_holm_agrees_with_an_independent_implementation(draw):
    p = np.random.default_rng(draw).uniform(size=15).round(1 + draw) * 0.1  # with ties
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_equivalence_by_hand():
    """Values 0, 0.5, 1: mean 0.5, standard error 0.2887; the nearer end, 1, lies t = 1.732 away with 2 degrees."""
    assert statistics.equivalence([0, 0.5, 1], -1, 1) == pytest.approx(stats.t.sf(3**0.5, 2))
    assert statistics.equivalence([2, 2.5, 3], -1, 1) > 0.5
    assert math.isnan(statistics.equivalence([1], -1, 1))
    assert (statistics.equivalence([0, 0, 0], -1, 1), statistics.equivalence([1, 1], -1, 1)) == (0, 1)


def test_the_bootstrap_of_equal_values_is_that_value():
    assert statistics.bootstrap_interval([2, 2, 2]) == (2, 2)
    assert all(math.isnan(end) for end in statistics.bootstrap_interval([2]))


def test_improvement_by_hand():
    """Three wins and a tie of five: 3.5 of 5; Wilson's interval from its formula."""
    found = statistics.improvement([1, 2, 3, 0, -1])
    share, n, z = 0.7, 5, 1.959964
    centre, half = share + z**2 / 10, z * math.sqrt(share * 0.3 / n + z**2 / 100)
    assert found.share == pytest.approx(share)
    assert (found.low, found.high) == pytest.approx(
        ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    )
    assert statistics.improvement([0, 0]).share == 0.5
    assert math.isnan(statistics.improvement([]).share)


def power_of(difference, sd, n, alpha=0.05):
    """The power of the paired t test from the noncentral t distribution."""
    nu, shift = n - 1, difference / sd * n**0.5
    critical = stats.t.ppf(1 - alpha / 2, nu)
    return stats.nct.sf(critical, nu, shift) + stats.nct.cdf(-critical, nu, shift)


def test_the_smallest_detectable_difference_has_the_power_that_was_asked_for():
    assert power_of(power.detectable(5, 3.0), 3.0, 5) == pytest.approx(0.8, abs=1e-4)
    assert power_of(power.detectable(20, 3.0, power=0.9), 3.0, 20) == pytest.approx(0.9, abs=1e-4)
    assert math.isnan(power.detectable(1, 3.0))
    assert math.isnan(power.detectable(5, math.nan))
    assert power.detectable(5, 0.0) == 0


@pytest.mark.parametrize("n", [2, 3, 5, 73, 87, 92, 109, 117, 120, 500])
@pytest.mark.parametrize(("alpha", "chance"), [(0.05, 0.8), (0.05, 0.9), (0.01, 0.8), (0.001, 0.8), (0.05, 0.06)])
def test_the_smallest_detectable_difference_is_found_at_every_number_of_seeds(n, alpha, chance):
    """The solver around statsmodels' power does not end at some of these, or ends at nonsense."""
    assert power_by_integration(power.detectable(n, 1.0, alpha, chance), n, alpha) == pytest.approx(chance, abs=1e-4)


def test_a_power_that_a_test_has_by_chance_needs_no_difference():
    assert power.detectable(5, 1.0, alpha=0.05, power=0.05) == 0


def power_by_integration(effect, n, alpha):
    """The same power, integrated over the spread that a sample happens to have."""
    critical, shift = stats.t.isf(alpha / 2, n - 1), effect * n**0.5
    spread = np.sqrt(stats.chi2.ppf((np.arange(400_000) + 0.5) / 400_000, n - 1) / (n - 1))
    return np.mean(stats.norm.sf(critical * spread - shift) + stats.norm.cdf(-critical * spread - shift))


@pytest.mark.parametrize(("difference", "alpha", "least"), [(3, 0.05 / 45, 7), (2, 0.05 / 84, 11)])
def test_the_seeds_needed_are_right_in_the_far_tail(difference, alpha, least):
    assert power.seeds_needed(difference, 1, alpha) == least
    assert power_by_integration(difference, least, alpha) >= 0.8 > power_by_integration(difference, least - 1, alpha)


@pytest.mark.parametrize(("difference", "sd"), [(1, 1), (-2, 3), (0.5, 2.5)])
def test_the_seeds_needed_are_the_first_that_have_the_power(difference, sd):
    n = power.seeds_needed(difference, sd)
    assert power_of(abs(difference), sd, n) >= 0.8 > power_of(abs(difference), sd, n - 1)


def test_seeds_needed_at_the_edges():
    assert power.seeds_needed(0, 1) == math.inf
    assert power.seeds_needed(0, 0) == math.inf
    assert power.seeds_needed(1e-6, 1) == math.inf
    assert power.seeds_needed(1, 0) == 2
    assert power.seeds_needed(1e9, 1) <= 3
    assert power.seeds_needed(math.nan, 1) == math.inf


SAMPLES, SEEDS = 4000, 12


def within(share, expected, samples=SAMPLES):
    """Whether a simulated share is what it should be, by four standard errors."""
    return abs(share - expected) < 4 * (expected * (1 - expected) / samples) ** 0.5


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_the_t_interval_covers_the_truth_as_often_as_it_says(effect):
    samples = np.random.default_rng(11).normal(effect, 1, (SAMPLES, SEEDS))
    found = [estimate(values) for values in samples]
    assert within(np.mean([one.low <= effect <= one.high for one in found]), 0.95)


def test_the_bootstrap_interval_covers_nearly_as_often():
    """BCa is known to cover a little less than it says in small samples: about 93 % of the time for 20 values."""
    samples = np.random.default_rng(12).normal(1, 2, (300, 20))
    covered = np.mean([low <= 1 <= high for low, high in map(statistics.bootstrap_interval, samples)])
    assert within(covered, 0.93, 300)


def test_the_sign_flip_test_is_wrong_as_often_as_it_says():
    """With 8 seeds, p takes the values k / 128: at most 0.05 means 6 of 128."""
    samples = np.random.default_rng(13).normal(0, 1, (SAMPLES, 8))
    p = np.array([statistics.sign_flip(values) for values in samples])
    assert within(np.mean(p <= 0.05), 6 / 128)


def test_the_sign_flip_test_is_right_when_the_spread_differs_from_seed_to_seed():
    """Where the t test's assumption fails, a symmetric null is enough."""
    rng = np.random.default_rng(14)
    samples = rng.normal(0, 1, (SAMPLES, 8)) * np.array([0.1, 0.1, 0.1, 0.1, 1, 1, 5, 20])
    p = np.array([statistics.sign_flip(values) for values in samples])
    assert within(np.mean(p <= 0.05), 6 / 128)


def test_the_power_is_what_the_number_of_seeds_was_chosen_for():
    n = power.seeds_needed(1.0, 1.2)
    samples = np.random.default_rng(15).normal(1.0, 1.2, (SAMPLES, n))
    found = np.mean([estimate(values).low > 0 for values in samples])
    assert found == pytest.approx(power_of(1.0, 1.2, n), abs=4 * (0.16 / SAMPLES) ** 0.5)


def test_equivalence_is_claimed_wrongly_at_most_as_often_as_it_says():
    """At a true difference of just the smallest effect of interest, the claim is wrong 5 % of the time."""
    samples = np.random.default_rng(16).normal(1.0, 0.5, (1000, 15))
    p = np.array([statistics.equivalence(values, -1, 1) for values in samples])
    assert within(np.mean(p <= 0.05), 0.05, 1000)


def test_holm_is_wrong_anywhere_in_a_table_at_most_as_often_as_it_says():
    p = np.random.default_rng(17).uniform(size=(1000, 15))
    wrong = np.mean([(statistics.holm(row) <= 0.05).any() for row in p])
    assert within(wrong, 1 - (1 - 0.05 / 15) ** 15, 1000)


def test_improvement_covers_the_truth_about_as_often_as_it_says():
    samples = np.random.default_rng(18).normal(0.5, 1, (1000, 20))
    truth = stats.norm.cdf(0.5)
    found = [statistics.improvement(values) for values in samples]
    # Wilson's interval of 20 coin tosses at this chance, exactly: the sum of the binomial's chances it covers.
    wins = np.arange(21)
    covering = [
        one.low <= truth <= one.high for one in (statistics.improvement([1] * won + [-1] * (20 - won)) for won in wins)
    ]
    exact = stats.binom.pmf(wins, 20, truth)[covering].sum()
    assert 0.93 < exact < 0.97
    assert within(np.mean([one.low <= truth <= one.high for one in found]), exact, 1000)
