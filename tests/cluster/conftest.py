"""The throw-away clones of the integration tests."""

from tests.integration.conftest import common, fresh, once  # noqa: F401 (fixtures)
