"""The statistics of paired runs: differences and their intervals, and intervals that stay valid at every look."""
