"""Fixtures of unit and integration tests alike."""

import os

import pytest

from exaggerated_replay.git import OF_A_REPOSITORY

pytest_plugins = ["browser"]


@pytest.fixture(scope="session", autouse=True)
def no_other_repository():
    """Keep `git` in tests to the folder it runs in, also below a hook of Git's that names another repository."""
    for name in OF_A_REPOSITORY:
        os.environ.pop(name, None)
