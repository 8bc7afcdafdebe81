"""Tools for those who change the code; what only runs it needs none of them."""
