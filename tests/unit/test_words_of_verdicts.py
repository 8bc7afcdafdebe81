"""The word for an interval: defined once more here, and its error rates when somebody looks after every seed."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.verdicts.rules import more_seeds, not_zero, verdict
from exaggerated_replay.settings.rules import RulesSettings

RULES = RulesSettings()
CLAIM, MARGIN = 4.8, 1.2
NONE = math.nan
MIRRORED = {
    "reproduced": "contradicted",
    "contradicted": "reproduced",
    "larger": "harmful",
    "harmful": "larger",
    "smaller": "smaller",
    "undecided": "undecided",
}
"""What each word becomes where zero and the paper's gain change places."""
WORDS = {*MIRRORED, "helps", "negligible"}


@pytest.mark.parametrize(
    ("low", "high", "claim", "word"),
    [
        (3.0, 5.0, CLAIM, "reproduced"),
        (0.1, 9.0, CLAIM, "reproduced"),
        (1.5, 4.7, CLAIM, "smaller"),
        (4.9, 7.0, CLAIM, "larger"),
        (3.0, 5.0, NONE, "helps"),
        (-5.0, -3.0, CLAIM, "harmful"),
        (-5.0, -3.0, NONE, "harmful"),
        (-0.5, 0.7, CLAIM, "negligible"),
        (0.2, 0.8, CLAIM, "negligible"),  # above zero, but of no interest
        (-0.8, -0.2, NONE, "negligible"),
        (-2.0, 2.2, CLAIM, "contradicted"),
        (-2.0, 4.9, CLAIM, "undecided"),
        (-2.0, 2.2, NONE, "undecided"),
        (-math.inf, math.inf, CLAIM, "undecided"),
        (-math.inf, math.inf, NONE, "undecided"),
    ],
)
def test_the_word_for_an_example(low, high, claim, word):
    assert verdict(low, high, claim, MARGIN) == word


ends = st.tuples(st.floats(-20, 20), st.floats(-20, 20)).map(sorted)


@given(ends, st.floats(0.1, 10) | st.just(NONE), st.floats(0.01, 3))
def test_exactly_one_word_holds_as_docs_statistics_defines_them(interval, claim, margin):
    """The definitions stand here once more, each by itself and without an order."""
    low, high = interval
    claimed, inside = not math.isnan(claim), -margin < low and high < margin
    above, below = low > 0, high < 0
    holds = {
        "negligible": inside,
        "harmful": below and not inside,
        "helps": above and not inside and not claimed,
        "larger": claimed and low > claim and not inside,
        "smaller": claimed and above and high < claim and not inside,
        "reproduced": claimed and above and low <= claim <= high and not inside,
        "contradicted": claimed and not above and not below and high < claim and not inside,
        "undecided": not above and not below and not inside and not (claimed and high < claim),
    }
    assert [word for word, true in holds.items() if true] == [verdict(low, high, claim, margin)]


@given(ends, st.floats(0.5, 10))
def test_zero_and_the_papers_gain_are_treated_alike(interval, claim):
    """Turned around halfway between the two, each interval has the mirrored word; without a margin, exactly."""
    low, high = interval
    assume(not {low, high, claim - low, claim - high} & {0.0, claim})
    turned = verdict(claim - high, claim - low, claim, 0.0)
    assert turned == MIRRORED[verdict(low, high, claim, 0.0)]


@given(ends, st.floats(0.01, 3))
def test_gains_and_losses_are_treated_alike_where_the_paper_claims_nothing(interval, margin):
    low, high = interval
    turned = {"helps": "harmful", "harmful": "helps", "negligible": "negligible", "undecided": "undecided"}
    assert verdict(-high, -low, NONE, margin) == turned[verdict(low, high, NONE, margin)]


def judged(values, tests, claim):
    low, high = anytime.interval(values, RULES.g, RULES.alpha / tests)
    return verdict(low, high, claim, MARGIN)


@pytest.mark.parametrize(("tests", "fewest"), [(1, 5), (3, 6), (6, 6), (15, 7), (54, 8), (105, 8)])
def test_every_word_can_be_reached_from_one_number_of_seeds_on_and_none_before(tests, fewest):
    """(1 + n)^((n - 1) / 2) exceeds tests / 0.05 for the first time at the fewest seeds."""
    assert (1 + fewest) ** ((fewest - 1) / 2) > tests / 0.05 >= fewest ** ((fewest - 2) / 2)
    assert anytime.fewest_seeds(RULES.g, RULES.alpha / tests) == fewest
    noise = 1e-3 * np.resize([1.0, -1.0], fewest)
    at = {0.0: "negligible", -3.0: "harmful", 9.0: "larger", 3.0: "smaller", CLAIM: "reproduced"}
    reached = {judged(mean + noise, tests, CLAIM) for mean in at}
    assert reached == {*at.values()}
    wide = np.resize([1.0, -1.0], fewest)  # at the fewest seeds an interval is many deviations wide
    reach = np.ptp(anytime.interval(wide, RULES.g, RULES.alpha / tests)) / 2
    scale = 2.0 / reach
    assert judged(scale * wide, tests, CLAIM) == "contradicted"
    assert judged(3.0 + noise, tests, NONE) == "helps"
    assert judged(100 * wide, tests, CLAIM) == "undecided"
    for mean in at:
        assert judged((mean + noise)[1:], tests, CLAIM) == judged((mean + noise)[1:], tests, NONE) == "undecided"


# Studies of a family of comparisons, looked at after every seed.

TESTS, STUDIES, MOST = 6, 400, 40


def ever_said(effect, seed, claim=CLAIM, spread=1.5):
    """The words that a comparison ever had, study by study: of each, a set for every comparison of the family."""
    values = np.random.default_rng(seed).normal(effect, spread, (STUDIES, TESTS, MOST))
    n = np.arange(1, MOST + 1)
    mean = values.cumsum(-1) / n
    squares = np.maximum((values**2).cumsum(-1) - n * mean**2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = anytime.half_width(n, np.sqrt(squares / (n - 1)), RULES.g, RULES.alpha / TESTS)
    return [
        [{verdict(m - w, m + w, claim, MARGIN) for m, w in zip(*one, strict=True)} for one in zip(*study, strict=True)]
        for study in zip(mean, reach, strict=True)
    ]


TRUE = {
    "reproduced": lambda effect: effect > 0,
    "smaller": lambda effect: 0 < effect < CLAIM,
    "larger": lambda effect: effect > CLAIM,
    "helps": lambda effect: effect > 0,
    "negligible": lambda effect: abs(effect) < MARGIN,
    "harmful": lambda effect: effect < 0,
    "contradicted": lambda effect: effect < CLAIM,
    "undecided": lambda effect: True,
}
"""Whether a word is true of a true difference."""


@pytest.mark.parametrize("claim", [CLAIM, NONE])
@pytest.mark.parametrize("effect", [-MARGIN, 0.0, MARGIN, CLAIM])
def test_any_wrong_word_is_ever_said_anywhere_in_a_family_as_rarely_as_stated(effect, claim):
    """At the borders of the words, where they are wrong most often; at most alpha, within three standard errors."""
    found = ever_said(effect, seed=31, claim=claim)
    wrong = np.mean([any(not TRUE[word](effect) for words in study for word in words) for study in found])
    assert wrong <= RULES.alpha + 3 * (RULES.alpha * (1 - RULES.alpha) / STUDIES) ** 0.5


def test_errors_are_as_frequent_in_both_directions():
    """Without an effect, gains and losses are found alike; nothing and the paper's gain are refuted alike."""
    nothing, losses = ever_said(0.0, seed=32, claim=NONE), ("helps", "harmful")
    gained, lost = (np.mean([any(word in words for words in study) for study in nothing]) for word in losses)
    assert max(gained, lost) <= RULES.alpha
    as_claimed, none = ever_said(CLAIM, seed=33), ever_said(0.0, seed=33)
    refuted = np.mean([any("contradicted" in words for words in study) for study in as_claimed])
    found = np.mean([any("reproduced" in words for words in study) for study in none])
    assert max(refuted, found) <= RULES.alpha


def test_an_effect_and_its_absence_are_found_with_the_same_power():
    """The paper's gain, and nothing: how many of the comparisons have said so by the last seed."""
    shares = {}
    for effect, word in ((CLAIM, "reproduced"), (0.0, "contradicted")):
        counts = Counter(word in words for study in ever_said(effect, seed=34) for words in study)
        shares[word] = counts[True] / counts.total()
    assert min(shares.values()) > 0.9
    assert shares["reproduced"] == pytest.approx(shares["contradicted"], abs=0.03)


@pytest.mark.parametrize(
    ("effect", "claim", "word"),
    [
        (-3.0, CLAIM, "harmful"),
        (9.0, CLAIM, "larger"),
        (2.4, CLAIM, "smaller"),
        (CLAIM, CLAIM, "reproduced"),
        (0.0, CLAIM, "contradicted"),
        (0.0, NONE, "negligible"),
        (3.0, NONE, "helps"),
        (-3.0, NONE, "harmful"),
    ],
)
def test_each_word_is_reached_where_it_is_true(effect, claim, word):
    assert word in WORDS
    found = ever_said(effect, seed=35, claim=claim, spread=1.0)
    assert np.mean([word in words for study in found for words in study]) > 0.8


# How many seeds are missing.


def test_seeds_that_are_missing_by_the_nearest_boundary():
    """With a mean of 1.0: 1.0 from zero, 0.2 inside the margin, 3.8 below the paper's gain."""
    alpha = RULES.alpha / 6

    def needed(distance, power=RULES.power):
        return anytime.seeds_needed(distance, 2.0, RULES.g, alpha, power) - 5

    assert more_seeds(5, 1.0, 2.0, NONE, MARGIN, alpha, RULES) == needed(1.0)
    assert more_seeds(5, 1.0, 2.0, CLAIM, MARGIN, alpha, RULES) == needed(3.8)
    assert more_seeds(5, 0.0, 2.0, NONE, MARGIN, alpha, RULES) == needed(MARGIN, power=0.9)


def test_the_seeds_asked_for_decide_that_nothing_happens_as_often_as_is_said():
    """Both ends of the interval must lie within the margin: in four studies of five they do."""
    alpha, draw = RULES.alpha / 15, np.random.default_rng(0)
    n = 5 + int(more_seeds(5, 0.0, 1.0, NONE, 0.5, alpha, RULES))
    intervals = [anytime.interval(draw.normal(0, 1, n), RULES.g, alpha) for _ in range(400)]
    decided = np.mean([verdict(low, high, NONE, 0.5) == "negligible" for low, high in intervals])
    assert RULES.power - 0.05 < decided < RULES.power + 0.1


@given(st.floats(0, 50), st.floats(0.1, 10))
def test_a_loss_needs_as_many_seeds_as_a_gain(mean, sd):
    """Without a claim around zero; with one, around the middle between zero and the claim."""
    lost, gained = (more_seeds(5, sign * mean, sd, NONE, MARGIN, 0.01, RULES) for sign in (-1, 1))
    assert lost == gained
    sides = [more_seeds(5, CLAIM / 2 + sign * mean, sd, CLAIM, 1e-9, 0.01, RULES) for sign in (-1, 1)]
    assert sides[0] == pytest.approx(sides[1], abs=1)


def test_without_a_spread_the_fewest_seeds_are_asked_for():
    assert more_seeds(1, 3.0, NONE, NONE, MARGIN, RULES.alpha / 15, RULES) == 6
    assert more_seeds(0, NONE, NONE, CLAIM, MARGIN, RULES.alpha, RULES) == 5


@given(
    st.integers(0, 30),
    st.floats(-10, 10),
    st.floats(0.01, 20) | st.just(NONE) | st.just(0.0),
    st.floats(0.1, 10) | st.just(NONE),
    st.integers(1, 60),
)
def test_at_least_one_more_seed_and_a_whole_number(n, mean, sd, claim, tests):
    more = more_seeds(n, mean, sd, claim, MARGIN, RULES.alpha / tests, RULES)
    assert more >= 1
    assert more == math.inf or more == int(more)
    assert n + more >= anytime.fewest_seeds(RULES.g, RULES.alpha / tests)


def test_what_excludes_zero():
    assert not_zero(0.1, 0.2)
    assert not_zero(-0.2, -0.1)
    assert not not_zero(-0.1, 0.1)
    assert not not_zero(0.0, 0.0)
