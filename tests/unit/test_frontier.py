"""What lies beyond the baseline's reach: by hand, against simulated sweeps, and as the report shows it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_figures import config, strengths, sweep
from studies import made

from exaggerated_replay.analysis.questions.frontier import answer as reach
from exaggerated_replay.settings.rules import RulesSettings

RULES = RulesSettings()
# Overall and first 20 % of the baseline, by its strength: what one gains the other loses.
FRONTIER = {10.0: (30.0, 5.0), 1e3: (25.0, 20.0), 1e5: (10.0, 30.0)}


def swept(places, seeds=10, spread=0.0, draw=None):
    """A plan and runs with the baseline at `FRONTIER` and a cell of rr-ra at each of up to three places.

    A place is overall accuracy, then that on the first 20 %. Accuracies vary by 3 points over seeds, for all cells
    alike, and by `spread` from run to run.
    """
    cells = {f"b{c:g}": ("bir-si", config(strength=c), {"method.si.strength": c}, None) for c in FRONTIER}
    for c, _ in zip(FRONTIER, places, strict=False):
        cells[f"t{c:g}"] = ("rr-ra", config(strength=c), {"method.si.strength": c}, None)
    plan, runs = sweep(cells, seeds)
    runs = runs.astype({"overall": float, "first50": float, "first20": float})
    at = [*FRONTIER.values(), *places]
    noise = np.random.default_rng(0) if draw is None else draw
    for cell, place in zip(cells, at, strict=True):
        own = np.array(place) + 3 * np.arange(seeds)[:, None] + spread * noise.standard_normal((seeds, 2))
        runs.loc[runs["cell"] == cell, ["overall", "first20"]] = own
    return plan, runs


def test_verdicts_by_hand():
    """All ten differences of a cell are the same: the evidence is 11^4.5 against any mean but their own.

    The first cell exceeds every strength in overall: p is twice the inverse, for two axes. The second equals a
    strength and the third is exceeded on both: p of this is three times the inverse, for three strengths.
    """
    table = reach(made(*swept([(31.0, 4.0), (25.0, 20.0), (9.0, 4.0)])), "g")
    assert table["verdict"].tolist() == ["beyond", "within", "within"]
    np.testing.assert_allclose(table["p"], [2 / 11**4.5, 1, 1])
    np.testing.assert_allclose(table["p_within"], [1, 3 / 11**4.5, 3 / 11**4.5])
    assert table["cell"].tolist() == ["t10", "t1000", "t100000"]
    assert table["c"].tolist() == [*FRONTIER]
    assert table.loc[1, ["rival", "rival_c", "seeds", "first20", "overall"]].tolist() == ["b1000", 1e3, 10, 0, 0]


def test_a_gain_at_one_strength_is_none_where_the_baseline_has_it_at_another():
    """From (30, 5) to (25, 19): fourteen points more on the first classes, and still within reach."""
    (row,) = reach(made(*swept([(25.0, 19.0)])), "g").itertuples()
    assert (row.verdict, row.rival, row.first20, row.overall) == ("within", "b1000", -1.0, 0.0)


def test_better_on_one_axis_than_some_and_on_the_other_than_the_rest_is_beyond():
    """Between two strengths, and better than both: of each it exceeds one accuracy."""
    (row,) = reach(made(*swept([(28.0, 14.0)])), "g").itertuples()
    assert row.verdict == "beyond"


def test_what_lies_on_or_below_a_line_between_two_strengths_is_not_beyond():
    """Between (30, 5) and (25, 20), in the middle: better than either on one axis, and no better than a toss-up.

    Within reach is only what a strength itself reaches: which mixture one would have chosen is known afterwards.
    """
    (row,) = reach(made(*swept([(27.5, 12.5)])), "g").itertuples()
    assert (row.verdict, row.rival, row.other, row.share) == ("undecided", "b10", "b1000", 0.5)
    assert (row.rival_c, row.other_c, row.first20, row.overall) == (10.0, 1e3, 0.0, 0.0)
    (row,) = reach(made(*swept([(18.0, 24.0)])), "g").itertuples()  # the line from (25, 20) to (10, 30) is at 24.7
    assert (row.verdict, row.rival, row.other, row.share) == ("undecided", "b1000", "b100000", 0.56)
    np.testing.assert_allclose([row.first20, row.overall], [-0.4, -0.4])


def test_few_seeds_and_a_gain_that_may_be_chance_decide_nothing():
    for place in ((31.0, 31.0), (9.0, 4.0)):  # three strengths and one cell: 6^2 is less than 3 / 0.05, 7^2.5 is not
        verdicts = [reach(made(*swept([place], seeds=n)), "g")["verdict"].tolist() for n in (5, 6)]
        assert verdicts == [["undecided"], ["beyond" if place[0] == 31 else "within"]]
    plan, runs = swept([(25.0, 20.0)])
    runs.loc[runs["cell"] == "t10", "overall"] += np.tile([1.0, -0.5], 5)
    assert reach(made(plan, runs), "g")["verdict"].tolist() == ["undecided"]


def test_a_run_that_diverged_takes_its_pairs_with_it():
    plan, runs = swept([(31.0, 31.0)])
    runs.loc[(runs["cell"] == "b1000") & (runs["seed"] < 3), ["first20", "first50", "overall"]] = np.nan
    (row,) = reach(made(plan, runs), "g").itertuples()
    assert (row.rival, row.seeds, row.p) == ("b1000", 7, pytest.approx(2 / 8**3))
    runs.loc[runs["cell"] == "t10", ["first20", "first50", "overall"]] = np.nan
    (row,) = reach(made(plan, runs), "g").itertuples()
    assert (row.seeds, row.p, row.verdict) == (0, 1, "undecided")


def test_a_strength_at_which_every_run_diverged_is_no_rival():
    plan, runs = swept([(31.0, 4.0)])
    runs.loc[runs["cell"] == "b100000", ["first20", "first50", "overall"]] = np.nan
    (row,) = reach(made(plan, runs), "g").itertuples()
    assert (row.seeds, row.verdict) == (10, "beyond")


def test_a_sweep_of_the_baseline_alone_and_one_without_it_have_no_rows():
    plan, runs = strengths()
    for arm in ("bir-si", "rr-ra"):
        alone = {**plan, "grids": {"g": [row for row in plan["grids"]["g"] if row["cell"].startswith(arm)]}}
        assert reach(made(alone, runs), "g").empty


@given(st.lists(st.tuples(st.floats(0, 40), st.floats(0, 40)), min_size=1, max_size=3), st.integers(0, 99))
def test_more_settings_of_the_baseline_never_make_it_easier(places, seed):
    plan, runs = swept(places, seeds=6, spread=2.0, draw=np.random.default_rng(seed))
    fewer = {**plan, "grids": {"g": [row for row in plan["grids"]["g"] if row["cell"] != "b1000"]}}
    assert (reach(made(plan, runs), "g")["p"] >= reach(made(fewer, runs), "g")["p"]).all()


def share_of(verdict, place, times, spread=1.0, seeds=10):
    """How often a cell at a place has a verdict, of so many simulated sweeps."""
    draw = np.random.default_rng(1)
    tables = [reach(made(*swept([place], seeds, spread, draw)), "g") for _ in range(times)]
    return float((pd.concat(tables)["verdict"] == verdict).mean())


@pytest.mark.parametrize("place", [*FRONTIER.values(), (25.0, 12.0), (27.5, 12.5)])
def test_what_is_on_the_frontier_or_inside_is_rarely_found_beyond(place):
    """At most alpha of the time, within three standard errors of 100 simulations; also on a line between two."""
    assert share_of("beyond", place, 100) <= RULES.alpha + 3 * (RULES.alpha * (1 - RULES.alpha) / 100) ** 0.5


def test_what_exceeds_every_strength_by_the_margin_is_rarely_found_within():
    """At (25, 20) plus the margin on one axis, where the word is wrong most often."""
    for place in ((25.33, 20.0), (25.0, 21.2)):
        assert share_of("within", place, 50) <= RULES.alpha + 3 * (RULES.alpha * (1 - RULES.alpha) / 50) ** 0.5


def test_what_is_well_beyond_or_well_within_is_found():
    """Three and six points, of twice the spread of a difference and more."""
    assert share_of("beyond", (25.0, 26.0), 30, seeds=12) >= 0.9
    assert share_of("within", (22.0, 15.0), 30, seeds=12) >= 0.9
