"""The pages of docs/reference/, written from the code: `python -m tools.reference` (`make reference`).

Nothing in them is typed by hand but the meaning of columns (`tables.py`), so that what is looked up is what runs.
"""
