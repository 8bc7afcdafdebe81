"""The methods compared, a folder each: `__init__.py` says what can be set, `method.py` how it learns.

`__init__.py` also states the method's `VERSION`, which is part of the name of its runs: it is raised where other
results come out of the same settings, also where that is because of another method that it builds on.
"""
