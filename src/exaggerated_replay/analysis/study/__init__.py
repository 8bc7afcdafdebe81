"""A study as it is read: its plan, its runs, their scores, who pairs up with whom, and what the paper says."""
