"""Which reading comes closest to Table 1: distances by hand, and how sure the order is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_figures import config, sweep
from scipy import stats
from studies import made

from exaggerated_replay.analysis.questions.closest import answer as closest

SCORES = ["first20", "first50", "overall"]
TABLE = np.array([4.85, 4.096, 1.304])  # the means of Table 1 over its five values of f
NOTHING = 3.741663  # sqrt((4.85^2 + 4.096^2 + 1.304^2) / 3)


def readings(gains, seeds=6, **reading):
    """A plan and runs of one baseline and a reading for each gain: shape [3], or [seeds, 3]."""
    cells = {"bir-si": ("bir-si", config(), {}, None)}
    for number, _ in enumerate(gains):
        made = config(lambda_rr=1e-6, lambda_ra=1e-6, f=20, reading=reading)
        cells[f"r{number}"] = ("rr-ra", made, {"method.reading.temperature": number}, "bir-si")
    plan, runs = sweep(cells, seeds)
    runs = runs.astype(dict.fromkeys(SCORES, float))
    base = (20 + np.arange(seeds))[:, None]
    for number, gain in enumerate(gains):
        runs.loc[runs["cell"] == f"r{number}", SCORES] = base + np.broadcast_to(gain, (seeds, 3))
    return plan, runs


def test_distances_by_hand():
    table = closest(made(*readings([TABLE + np.array([3, 0, 0]), TABLE, TABLE - 1, np.zeros(3)])), "g")
    assert table["cell"].tolist() == ["r1", "r2", "r0", "r3"]
    np.testing.assert_allclose(table["distance"], [0, 1, 3**0.5, NOTHING], atol=1e-6)
    np.testing.assert_allclose(table["without_effect"], NOTHING, atol=1e-6)
    np.testing.assert_allclose(table.loc[1, SCORES].astype(float), TABLE - 1)
    assert table["closest"].tolist() == [1, 0, 0, 0]
    assert table["seeds"].tolist() == [6] * 4
    assert set(table["baseline"]) == {"bir-si"}


@pytest.mark.parametrize("reading", [{"competitors": "random"}, {"class_means": "shuffled"}])
def test_a_control_is_no_reading(reading):
    assert closest(made(*readings([TABLE, TABLE], **reading)), "g").empty


def test_the_closest_of_one_is_nothing_to_tell():
    assert closest(made(*readings([TABLE])), "g").empty


def test_seeds_decide_how_sure_the_order_is():
    """Two readings miss the table by a point, one at seeds 0, 2, 4 and 6, the other at 1, 3 and 5.

    The first is the closest where less than half of the seven draws hit its four bad seeds.
    """
    even, odd = np.zeros((7, 3)), np.zeros((7, 3))
    even[::2], odd[1::2] = 1, 1
    table = closest(made(*readings([TABLE + even, TABLE + odd], seeds=7)), "g").set_index("cell")
    assert table.index.tolist() == ["r1", "r0"]
    assert table["distance"].to_numpy() == pytest.approx([3 / 7, 4 / 7])
    assert table.loc["r0", "closest"] == pytest.approx(stats.binom.cdf(3, 7, 4 / 7), abs=0.02)


def test_readings_that_are_the_same_share_the_first_place():
    assert closest(made(*readings([TABLE - 1, TABLE - 1])), "g")["closest"].tolist() == [0.5, 0.5]


def test_a_seed_that_diverged_is_left_out_of_its_reading_alone():
    plan, runs = readings([TABLE + 1, TABLE + 2])
    runs.loc[(runs["cell"] == "r1") & (runs["seed"] > 1), SCORES] = np.nan
    table = closest(made(plan, runs), "g")
    assert table["seeds"].tolist() == [6, 2]
    assert table["closest"].tolist() == [1, 0]
    runs.loc[(runs["cell"] == "r1") & (runs["seed"] > 0), SCORES] = np.nan
    table = closest(made(plan, runs), "g")
    assert table["seeds"].tolist() == [6, 1]
    assert table["closest"].isna().all()  # one common seed can be resampled in one way only
    runs.loc[runs["cell"] == "r1", SCORES] = np.nan
    assert closest(made(plan, runs), "g").empty


def test_more_seeds_make_no_cell_the_closest():
    """A resample of seeds that only one cell has would leave that one alone."""
    plan, runs = readings([TABLE + 3, TABLE + 1])
    runs.loc[(runs["cell"] == "r1") & (runs["seed"] > 1), SCORES] = np.nan
    assert closest(made(plan, runs), "g").set_index("cell")["closest"].to_dict() == {"r1": 1, "r0": 0}


@given(st.lists(st.tuples(*[st.floats(-20, 20)] * 3), min_size=2, max_size=4))
def test_the_closest_comes_first_and_shares_add_up(gains):
    table = closest(made(*readings(np.array(gains))), "g")
    assert table["distance"].is_monotonic_increasing
    assert table["closest"].sum() == pytest.approx(1)
    assert len(table) == len(gains)
