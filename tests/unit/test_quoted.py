"""What the pages quote is what the committed studies found: "+8.6 (6.9 to 10.3)" stands in a table of verdicts."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/results.md", "docs/explanation/miniature.md")
NUMBER = r"([+-]?\d+(?:\.\d+)?)"
ESTIMATE = re.compile(
    rf"{NUMBER}\s+(?:points\s+|on\s+all\s+classes\s+)?\((?:95 % interval\s+)?{NUMBER}\s+to\s+{NUMBER}"
)
STUDY = re.compile(r"results/([\w-]+)/")


def quoted(text):
    """Yield every difference with its interval, as written, and the studies that its line or paragraph links to."""
    for block in re.split(r"\n\n|\n(?=\|)", text):
        for numbers in ESTIMATE.findall(block):
            yield numbers, set(STUDY.findall(block))


def fits(written, found):
    """Say of each value whether it is the number that is written, to the digits that it is written with."""
    unit = 10.0 ** -len(written.partition(".")[2])
    return (found - float(written)).abs() <= 0.5 * unit + 1e-9


@pytest.fixture(scope="module")
def found():
    """The differences of all committed studies, by study."""
    tables = {path.parent.name: pd.read_csv(path) for path in ROOT.glob("results/*/verdicts.csv")}
    return pd.concat(tables, names=["study"]).reset_index("study")


@pytest.mark.parametrize("page", PAGES)
def test_every_estimate_stands_in_the_verdicts_of_a_study_that_is_linked_beside_it(page, found):
    estimates = list(quoted((ROOT / page).read_text(encoding="utf-8")))
    assert estimates
    for numbers, studies in estimates:
        own = found[found["study"].isin(studies)] if studies else found
        columns = zip(numbers, ("difference", "low", "high"), strict=True)
        matches = pd.concat([fits(written, own[column]) for written, column in columns], axis=1).all(axis=1)
        assert matches.any(), f"{page}: {' '.join(numbers)} is in no verdicts of {sorted(studies) or 'any study'}"


def test_a_wrong_digit_is_noticed():
    page = "gains +8.6 points (6.9 to 10.3)\n\n| [x](results/a-b/report.html) | 1.0 (0 to 2) |"
    assert list(quoted(page)) == [(("+8.6", "6.9", "10.3"), set()), (("1.0", "0", "2"), {"a-b"})]
    assert list(fits("6.9", pd.Series([6.919, 6.95, 6.851, 6.83, -6.9]))) == [True, True, True, False, False]
