"""What a grid is asked: a table for each question."""
