"""What commands do that is no job of the workflow: ask a study, add seeds to it, train it once more."""
