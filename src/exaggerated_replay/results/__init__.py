"""From the records of finished runs to statistics and tables."""
