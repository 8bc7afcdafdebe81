"""The environment is made again where its scripts name another folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NOTHING = "Nothing to be done for 'env'"


def asked(place):
    """Return what `make env` would do."""
    done = subprocess.run(["make", "-n", "env"], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def checkout(tmp_path):
    """A checkout with an environment that was made in it."""
    place = tmp_path / "checkout"
    (place / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, place)
    (place / ".venv/bin/snakemake").write_text(f"#!{place.resolve()}/.venv/bin/python\n")
    (place / ".venv/.ready").touch()
    return place


def test_where_it_lies_it_is_left_alone(checkout):
    assert NOTHING in asked(checkout)


def test_a_moved_checkout_gets_another_one(checkout):
    moved = checkout.rename(checkout.with_name("moved"))
    told = asked(moved)
    assert NOTHING not in told
    assert told.index("rm -rf .venv") < told.index("-m venv .venv")


def test_an_environment_elsewhere_that_is_linked_is_left_alone(checkout, tmp_path):
    (tmp_path / "other").mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(checkout / name, tmp_path / "other")
    (tmp_path / "other/.venv").symlink_to(checkout / ".venv")
    (checkout / ".venv/.ready").touch()
    assert NOTHING in asked(tmp_path / "other")


def test_where_there_is_none_none_is_removed(checkout):
    shutil.rmtree(checkout / ".venv")
    told = asked(checkout)
    assert "-m venv .venv" in told
    assert "rm -rf" not in told
