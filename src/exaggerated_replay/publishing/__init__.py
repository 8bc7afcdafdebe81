"""A study's folder: all that is made from the records of its runs."""
