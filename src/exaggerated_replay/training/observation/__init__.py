"""What is looked at when a task ends, beside a run: it changes no result and is no part of a run's identity."""
