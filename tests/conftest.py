"""Fixtures of unit and integration tests alike."""

pytest_plugins = ["browser"]
