"""The throw-away clones of the integration tests."""

from tests.integration.conftest import fresh  # noqa: F401 (a fixture)
