"""The statistics of paired runs: tests and intervals, those that stay valid at every look, power."""
