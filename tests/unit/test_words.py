"""How numbers, intervals and metrics are written, wherever they stand."""

import math

import numpy as np
import pytest

from exaggerated_replay.analysis.words import SHORT, TITLES, amount, between, span, written


@pytest.mark.parametrize(
    ("value", "in_a_table", "in_a_sentence"),
    [
        (3000, "3000", "3,000"),
        (np.int64(3000), "3000", "3,000"),  # as a table that was read has it
        (25000.0, "25000", "25,000"),
        (1234.5, "1234.5", "1,234.5"),
        (1000000, "1e+06", "1e6"),
        (1000001, "1000001", "1,000,001"),  # one more than the one above
        (0.12345678, "0.12345678", "0.12345678"),
        (math.inf, "inf", "inf"),
        (0.5, "0.5", "0.5"),
        (1e-05, "1e-05", "1e-5"),
        (1e8, "1e+08", "1e8"),
        ("none", "none", "none"),
        (True, "True", "True"),
        (None, "", ""),
        (np.nan, "", ""),
    ],
)
def test_a_setting_in_a_table_and_in_a_sentence(value, in_a_table, in_a_sentence):
    assert (written(value), amount(value)) == (in_a_table, in_a_sentence)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([1], "1 seed"), ([4, 4], "4 seeds"), ([6, 4, 1500], "4 to 1,500 seeds"), ([1, 0], "0 to 1 seed")],
)
def test_numbers_of_things_are_said_as_one_or_as_a_span(numbers, text):
    assert span(iter(numbers), "seed") == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-1.234, 0.5, "\N{MINUS SIGN}1.23 to +0.50"),
        (-0.001, 0.001, "0.00 to 0.00"),
        (-math.inf, math.inf, ""),
        (math.nan, math.nan, ""),
    ],
)
def test_an_interval_has_both_ends_or_is_not_there(low, high, text):
    assert between(low, high) == text


def test_metrics_are_called_alike_with_more_or_less_room():
    assert TITLES == {
        "first20": "first 20 % of classes",
        "first50": "first 50 % of classes",
        "overall": "all classes",
    }
    assert SHORT == {"first20": "first 20 %", "first50": "first 50 %", "overall": "all classes"}
