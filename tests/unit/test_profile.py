"""profiles/default, which Snakemake reads by itself: a plain `snakemake` works, and what is typed counts for more."""

from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

DEFAULT = str(Path(__file__).parents[2] / "profiles/default")


@pytest.mark.parametrize(("typed", "cores"), [([], None), (["--cores", "3"], 3), (["-c1"], 1), (["-c", "all"], None)])
def test_all_cores_are_taken_unless_somebody_says_how_many(typed, cores):
    every = get_argument_parser().parse_args(["--cores", "all"]).cores
    assert get_argument_parser(profiles=[DEFAULT]).parse_args(typed).cores == (cores or every)
    assert every >= 1
