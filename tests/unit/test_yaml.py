"""params.yaml is written by one reading of YAML and read by another: every value comes back as what it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.strict_yaml import dump_yaml, parse_yaml

LIKE_NUMBERS = st.text(alphabet="0123456789.eEox+-_~:nafi", max_size=8)
LOOKING_LIKE_SOMETHING_ELSE = (
    *("1e5", "2e-6", "+1E3", "1.e3", ".5e1", "0e1", "0o17"),  # numbers of YAML 1.2 alone
    *("017", "0x1F", "1:30", "1_000", "yes"),  # of YAML 1.1 alone
    *("1.5", "~", ".nan", "null", "true", "-", "=", "2024-01-01"),
)


@pytest.mark.parametrize("text", LOOKING_LIKE_SOMETHING_ELSE)
def test_a_text_that_looks_like_something_else_stays_text(text):
    assert parse_yaml(dump_yaml({"label": text}), "x") == {"label": text}


@given(LIKE_NUMBERS | st.text(max_size=5) | st.floats(allow_nan=False) | st.integers() | st.booleans() | st.none())
def test_every_value_comes_back_as_what_it_was(value):
    back = parse_yaml(dump_yaml({"label": value}), "x")["label"]
    assert (back, type(back)) == (value, type(value))
