"""The same examples every time, however busy the machine."""

from hypothesis import settings

settings.register_profile("bad input", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("bad input")
