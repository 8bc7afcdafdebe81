"""What grows with the size: by hand, and against simulated studies with and without a trend."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_figures import config, sweep
from studies import made

from exaggerated_replay.analysis.questions.trends import PAPERS, lines_by_seed
from exaggerated_replay.analysis.questions.trends import answer as trends
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
    """From 20 to 200 units is tenfold: slopes are 1, 2, 3, 4, 5, and the paper's 2,000 units are tenfold once more."""
    row = trended([[0, 1], [1, 3], [0, 3], [2, 6], [0, 5]])
    assert (row["arm"], row["size"], row["least"], row["most"], row["seeds"]) == ("rr-ra", "model.units", 20, 200, 5)
    assert row["slope"] == pytest.approx(3)
    margin = 2.776445 * np.sqrt(2.5 / 5)  # t of four degrees of freedom; the slopes' variance is 2.5
    assert (row["low"], row["high"]) == pytest.approx((3 - margin, 3 + margin), abs=1e-5)
    assert (row["papers"], row["at_papers"]) == (2000, pytest.approx(np.mean([2, 5, 6, 10, 10])))
    assert row["p"] == pytest.approx(0.013236, abs=1e-5)  # t = 3 / sqrt(0.5) = 4.2426, four degrees of freedom
    assert row["p_holm"] == pytest.approx(3 * row["p"])
    assert row["verdict"] == "rises"


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        ([3.0, 3.1, 2.9, 3.2, 2.8], "rises"),
        ([-3.0, -3.1, -2.9, -3.2, -2.8], "falls"),
        ([0.1, 0.2, 0.1, 0.2, 0.15], "level"),  # not zero, and not worth having
        ([0.0] * 5, "level"),
        ([2.0] * 5, "rises"),
        ([3.0, -3.0, 2.0, -2.0, 0.5], "undecided"),
        ([3.0, 3.1, 2.9, 3.2], "undecided"),  # a seed too few
    ],
)
def test_verdicts(slopes, verdict):
    assert trended([[0, slope] for slope in slopes])["verdict"] == verdict


THREE = (20, 200, 2000)  # over tens: -1, 0, 1, so that the bend of a parabola is (first + last) / 2 - middle


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        # bends -1, -2, -3, -2, -2: t = 2 sqrt(5) / sqrt(0.5) = 6.3246, four degrees of freedom
        ([[0, 1, 0], [0, 2, 0], [0, 3, 0], [1, 3, 1], [0, 3, 2]], 0.003198),
        # bends 1, -1, 0, 2, -2: mean 0
        ([[1, 0, 1], [-1, 0, -1], [0, 1, 2], [4, 0, 0], [0, 0, -4]], 1.0),
    ],
)
def test_where_the_differences_bend_no_line_is_drawn_on_to_the_papers_size(differences, p):
    row = trended(differences, THREE)
    assert row["p_straight"] == pytest.approx(p, abs=1e-6)
    slopes = [(last - first) / 2 for first, _, last in differences]
    assert row["slope"] == pytest.approx(np.mean(slopes))
    at_papers = row[["at_papers", "at_papers_low", "at_papers_high"]]
    if p < RULES.alpha:
        assert at_papers.isna().all()
    else:
        assert row["at_papers"] == pytest.approx(np.mean(differences) + np.mean(slopes))


def test_two_sizes_tell_nothing_of_a_bend():
    row = trended([[0, 1], [1, 3], [0, 3], [2, 6], [0, 5]])
    assert np.isnan(row["p_straight"])
    assert not np.isnan(row["at_papers"])


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
    """Over 120 simulated studies: false positives over three tests at most alpha, intervals that cover, and power."""
    draw = np.random.default_rng(0)
    times, covered, found = 120, 0, 0
    for _ in range(times):
        row = trended(draw.normal(0, 2, (5, 1)) + draw.normal(0, 1.5, (5, 4)), units=(20, 40, 80, 160))
        covered += row["low"] <= 0 <= row["high"]
        found += row["verdict"] in ("rises", "falls")
    assert covered / times == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / times) ** 0.5)
    assert found / times <= RULES.alpha / 3 + 3 * (0.05 / 3 / times) ** 0.5  # the three metrics are alike here
    there = [trended(5 * np.arange(4) * 0.30103 + draw.normal(0, 1, (5, 4)), (20, 40, 80, 160)) for _ in range(30)]
    assert np.mean([row["verdict"] == "rises" for row in there]) >= 0.8


def test_every_size_that_can_be_drawn_has_the_papers_value():
    assert [*PAPERS] == [*SIZES]
    assert PAPERS["training.iterations"] == 5000
