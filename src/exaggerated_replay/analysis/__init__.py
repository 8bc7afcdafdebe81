"""From the records of finished runs to scores, statistics and tables."""
