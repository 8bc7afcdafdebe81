"""The profiles: Snakemake reads the default one by itself, and what is typed counts for more; that of Slurm is read."""

from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

PROFILES = Path(__file__).parents[2] / "profiles"
DEFAULT, SLURM = str(PROFILES / "default"), str(PROFILES / "slurm")


@pytest.mark.parametrize(("typed", "cores"), [([], None), (["--cores", "3"], 3), (["-c1"], 1), (["-c", "all"], None)])
def test_all_cores_are_taken_unless_somebody_says_how_many(typed, cores):
    every = get_argument_parser().parse_args(["--cores", "all"]).cores
    assert get_argument_parser(profiles=[DEFAULT]).parse_args(typed).cores == (cores or every)
    assert every >= 1


def test_the_profile_of_a_cluster_asks_for_slurm_and_tries_again():
    asked = get_argument_parser(profiles=[SLURM]).parse_args([])
    assert (asked.executor, asked.retries, asked.jobs, asked.latency_wait) == ("slurm", 3, 100, 60)
    assert {"runtime=720", "mem_mb=4000"} <= {*asked.default_resources.args}
