"""The methods compared, a folder each: `__init__.py` says what can be set, `method.py` how it learns."""
