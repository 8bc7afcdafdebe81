"""What commands do that is no job of the workflow: compose a study, ask it, add seeds to it, train it once more."""
