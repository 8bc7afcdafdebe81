"""A study's report: one page that reads from the question to the verdict, and asks nothing of anywhere."""
