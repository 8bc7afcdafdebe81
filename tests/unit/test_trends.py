"""What grows with the size: by hand, and against simulated studies with and without a trend."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_figures import config, sweep
from studies import made

from exaggerated_replay.analysis.questions.trends import answer as trends
from exaggerated_replay.analysis.questions.trends import lines_by_seed
from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.study.paper import VALUES
from exaggerated_replay.planning.questions import SIZES
from exaggerated_replay.settings.rules import RulesSettings

RULES = RulesSettings()
UNITS = (20, 200)


def grown(differences, units=UNITS):
    """A plan and runs: rr-ra minus bir-si over units, on all metrics alike; differences are of shape [seeds, units]."""
    cells = {}
    for size in units:
        cells[f"bir-si{size}"] = ("bir-si", config(size), {"model.units": size}, None)
        cells[f"rr-ra{size}"] = ("rr-ra", config(size), {"model.units": size}, f"bir-si{size}")
    differences = np.asarray(differences, dtype=float)
    plan, runs = sweep(cells, len(differences))
    runs = runs.astype({"first20": float, "first50": float, "overall": float})
    for size, own in zip(units, differences.T, strict=True):
        there = runs["cell"] == f"rr-ra{size}"
        for metric in ("first20", "first50", "overall"):
            runs.loc[there, metric] = 20 + np.arange(len(own)) + own
    return plan, runs


def trended(differences, units=UNITS):
    """The row on the first 20 % of classes."""
    table = trends(made(*grown(differences, units)), "g")
    assert table["metric"].tolist() == ["first20", "first50", "overall"]
    return table.iloc[0]


def test_a_trend_by_hand():
    """From 20 to 200 units is tenfold: slopes are 1, 2, 3, 4, 5."""
    row = trended([[0, 1], [1, 3], [0, 3], [2, 6], [0, 5]])
    assert (row["arm"], row["size"], row["least"], row["most"], row["seeds"]) == ("rr-ra", "model.units", 20, 200, 5)
    assert "papers" not in row  # it does not speak of cells that do not exaggerate
    assert row["slope"] == pytest.approx(3)
    margin = 2.776445 * np.sqrt(2.5 / 5)  # t of four degrees of freedom; the slopes' variance is 2.5
    assert (row["low"], row["high"]) == pytest.approx((3 - margin, 3 + margin), abs=1e-5)
    assert (row["valid_low"], row["valid_high"]) == (-np.inf, np.inf)  # five seeds, three rows: 6^2 < 3 / 0.05
    assert row["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        ([3.0, 3.1, 2.9, 3.2, 2.8, 3.0], "rises"),
        ([-3.0, -3.1, -2.9, -3.2, -2.8, -3.0], "falls"),
        ([0.1, 0.2, 0.1, 0.2, 0.15, 0.1], "level"),  # not zero, and not worth having
        ([0.0] * 6, "level"),
        ([2.0] * 6, "rises"),
        ([3.0, -3.0, 2.0, -2.0, 0.5, -0.5], "undecided"),
        ([3.0, 3.1, 2.9, 3.2, 3.0], "undecided"),  # a seed too few, for every word
        ([-3.0, -3.1, -2.9, -3.2, -3.0], "undecided"),
        ([0.0] * 5, "undecided"),
    ],
)
def test_verdicts(slopes, verdict):
    assert trended([[0, slope] for slope in slopes])["verdict"] == verdict


def test_the_intervals_are_those_of_all_rows_together():
    slopes = [3.0, 3.1, 2.9, 3.2, 2.8, 3.0]
    row = trended([[0, slope] for slope in slopes])
    assert (row["valid_low"], row["valid_high"]) == pytest.approx(anytime.interval(slopes, 1.0, 0.05 / 3))


def test_a_run_that_diverged_takes_its_pair_with_it_and_its_seed_keeps_a_line_of_the_others():
    plan, runs = grown([[0, 1, 2]] * 6, units=(20, 200, 2000))
    scores = ["first20", "first50", "overall"]
    runs.loc[(runs["cell"] == "rr-ra2000") & (runs["seed"] == 0), scores] = np.nan
    runs.loc[(runs["cell"] == "bir-si200") & (runs["seed"] == 1), scores] = np.nan
    runs.loc[(runs["cell"].isin(["rr-ra20", "rr-ra200"])) & (runs["seed"] == 2), scores] = np.nan
    row = trends(made(plan, runs), "g").iloc[0]
    assert (row["seeds"], row["slope"]) == (5, pytest.approx(1))  # seed 2 has one size left, and no line


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=6),
    st.floats(1.5, 20),
    st.floats(-5, 5),
)
def test_a_slope_knows_neither_the_unit_of_the_size_nor_a_shift(differences, unit, shift):
    found = np.array(differences)
    size, seed = pd.Series(np.tile([10.0, 30.0, 100.0], len(found))), pd.Series(np.repeat(range(len(found)), 3))
    lines = lines_by_seed(size, pd.Series(found.ravel()), seed)
    others = lines_by_seed(unit * size, pd.Series(found.ravel() + shift), seed)
    np.testing.assert_allclose(others["slope"], lines["slope"], atol=1e-8)
    logs = np.log10([10, 30, 100])  # least squares, as any textbook has it
    expected = ((logs - logs.mean()) * found).sum(axis=1) / ((logs - logs.mean()) ** 2).sum()
    np.testing.assert_allclose(lines["slope"], expected, atol=1e-8)


def test_a_trend_that_is_not_there_is_rarely_found_and_one_that_is_there_is():
    """Over 100 simulated studies: coverage by t, false positives at most alpha in both directions, power."""
    draw = np.random.default_rng(0)
    times, covered, words = 100, 0, []
    for _ in range(times):
        row = trended(draw.normal(0, 2, (10, 1)) + draw.normal(0, 1.5, (10, 4)), units=(20, 40, 80, 160))
        covered += row["low"] <= 0 <= row["high"]
        words.append(row["verdict"])
    assert covered / times == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / times) ** 0.5)
    assert words.count("rises") + words.count("falls") <= RULES.alpha * times
    for sign, word in ((5, "rises"), (-5, "falls")):
        there = [trended(sign * np.arange(4) * 0.3 + draw.normal(0, 1, (10, 4)), (20, 40, 80, 160)) for _ in range(20)]
        assert np.mean([row["verdict"] == word for row in there]) >= 0.8


def test_every_size_that_can_be_drawn_has_the_papers_value():
    assert [*VALUES] == [*SIZES]
    assert VALUES["training.iterations"] == 5000
