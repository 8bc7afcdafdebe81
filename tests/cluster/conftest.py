"""The throw-away clones of the integration tests."""

from tests.integration.conftest import fresh, once  # noqa: F401 (fixtures)
