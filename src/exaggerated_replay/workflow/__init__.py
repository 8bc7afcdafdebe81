"""What the Snakefile needs besides rules: which files there are to be, one look at all of them, and how to stop."""
