"""A study's report: one self-contained page, from the question to the verdict."""
