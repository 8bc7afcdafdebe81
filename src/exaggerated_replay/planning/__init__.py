"""From conf/ to params.yaml to the list of runs: what is to be trained, and what decides each result."""
