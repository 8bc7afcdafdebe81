import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exaggerated_replay.analysis.verdicts import rules as judging
from exaggerated_replay.analysis.verdicts.rules import Evidence, verdict
from exaggerated_replay.settings.rules import RulesSettings

RULES = RulesSettings()
STRONG = Evidence(n=20, mean=4.0, low=3.0, high=5.0, p_effect=0.001, p_equivalent=1.0)
VAGUE = Evidence(n=20, mean=0.2, low=-4.0, high=4.4, p_effect=0.9, p_equivalent=0.4)


@pytest.mark.parametrize(
    ("found", "claim", "word"),
    [
        (STRONG, 4.8, "reproduced"),
        (STRONG, 5.8, "smaller"),
        (STRONG, 2.0, "larger"),
        (STRONG, math.nan, "helps"),
        (replace(STRONG, mean=-4.0, low=-5.0, high=-3.0), 4.8, "harmful"),
        (replace(STRONG, mean=-4.0, low=-5.0, high=-3.0), math.nan, "harmful"),
        (Evidence(20, 0.1, -0.5, 0.7, 0.6, 0.01), 4.8, "no effect"),
        (Evidence(20, 0.5, 0.2, 0.8, 0.01, 0.01), 4.8, "no effect"),  # above zero, but of no interest
        (Evidence(20, 0.5, 0.2, 0.8, 0.01, 0.01), 0.7, "reproduced"),  # of no interest, but what the paper says
        (Evidence(20, 0.1, -2.0, 2.2, 0.6, 0.2), 4.8, "contradicted"),
        (Evidence(20, 0.1, -2.0, 2.2, 0.6, 0.2), 4.0, "undecided"),  # half of 4 lies within
        (VAGUE, 4.8, "undecided"),
        (VAGUE, math.nan, "undecided"),
        (replace(STRONG, n=4), 4.8, "undecided"),
        (Evidence(0, math.nan, math.nan, math.nan, math.nan, math.nan), 4.8, "undecided"),
    ],
)
def test_the_word_for_an_example(found, claim, word):
    assert verdict(found, claim, RULES) == word


chances = st.floats(0, 1)
evidence = st.builds(
    lambda n, ends, share, p, q: Evidence(n, ends[0] + share * (ends[1] - ends[0]), *ends, p, q),
    st.integers(0, 40),
    st.tuples(st.floats(-20, 20), st.floats(-20, 20)).map(sorted),
    st.floats(0, 1),
    chances,
    chances,
)


@given(evidence, st.floats(0.1, 10) | st.just(math.nan), st.floats(0.001, 0.2))
def test_exactly_one_verdict_holds_as_docs_statistics_defines_them(found, claim, alpha):
    """The definitions stand here once more, each by itself and without an order."""
    enough = found.n >= RULES.min_seeds
    above = enough and found.p_effect <= alpha and found.mean > 0
    below = enough and found.p_effect <= alpha and found.mean < 0
    as_claimed = found.low <= claim <= found.high
    negligible = enough and found.p_equivalent <= alpha and not (above and as_claimed)
    told = above and not as_claimed and not negligible
    contradicted = enough and found.high < claim / 2 and not (above or below or negligible)
    definitions = {
        "reproduced": above and as_claimed,
        "no effect": negligible,
        "smaller": told and claim > found.mean,
        "larger": told and claim <= found.mean,
        "helps": told and math.isnan(claim),
        "harmful": below and not negligible,
        "contradicted": contradicted,
        "undecided": not (above or below or negligible or contradicted),
    }
    assert [word for word, holds in definitions.items() if holds] == [
        verdict(found, claim, replace(RULES, alpha=alpha))
    ]


def first_with_power(effect, alpha):
    """The fewest seeds whose t test has a power of 0.8 at this effect size, from the noncentral t distribution."""
    for n in range(2, 1000):
        critical = stats.t.ppf(1 - alpha / 2, n - 1)
        if stats.nct.sf(critical, n - 1, effect * n**0.5) >= RULES.power:
            return n
    raise AssertionError


def test_seeds_that_are_missing_by_the_nearest_boundary():
    """With sd 2: from zero by 2; from either end of the smallest effect by 0.8, one-sided; below half of 4.8 by 2.2."""
    assert judging.more_seeds(5, 2.0, 2.0, math.nan, 1, RULES) == first_with_power(1.0, 0.05) - 5 == 5
    assert judging.more_seeds(5, 0.2, 2.0, math.nan, 1, RULES) == first_with_power(0.4, 0.1) - 5
    assert judging.more_seeds(5, 0.2, 2.0, 4.8, 1, RULES) == first_with_power(1.1, 0.05) - 5


def test_more_tests_in_a_table_need_more_seeds():
    alone, together = (judging.more_seeds(5, 2.0, 2.0, math.nan, tests, RULES) for tests in (1, 15))
    assert together > alone
    # However clear the effect, the sign-flip test cannot reach 0.05 / 15 with fewer than ten seeds.
    assert judging.more_seeds(5, 50.0, 2.0, math.nan, 15, RULES) == 5


@given(st.floats(1.5, 50), st.integers(1, 200))
def test_a_loss_that_the_paper_says_nothing_about_needs_as_many_seeds_as_a_gain(mean, tests):
    """Without a claim there is no half of it to be excluded."""
    for needed in (judging.more_seeds, judging.more_seeds_anytime):
        assert needed(5, -mean, 8.0, math.nan, tests, RULES) == needed(5, mean, 8.0, math.nan, tests, RULES)


def test_looking_often_needs_more_seeds():
    args = (5, 2.0, 2.0, math.nan, 1, RULES)
    assert judging.more_seeds_anytime(*args) > judging.more_seeds(*args)


def test_without_a_spread_the_fewest_seeds_are_asked_for():
    for needed in (judging.more_seeds, judging.more_seeds_anytime):
        assert needed(1, 3.0, math.nan, math.nan, 3, RULES) == 4
        assert needed(0, math.nan, math.nan, 4.8, 3, RULES) == 5


@given(
    st.integers(0, 30),
    st.floats(-10, 10),
    st.floats(0.01, 20) | st.just(math.nan) | st.just(0.0),
    st.floats(0.1, 10) | st.just(math.nan),
    st.integers(1, 60),
)
def test_at_least_one_more_seed_and_a_whole_number(n, mean, sd, claim, tests):
    for needed in (judging.more_seeds, judging.more_seeds_anytime):
        more = needed(n, mean, sd, claim, tests, RULES)
        assert more >= 1
        assert more == math.inf or more == int(more)
        assert n + more >= RULES.min_seeds
