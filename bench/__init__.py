"""Benchmarks: what a training step costs, what the machine could do, and what the workflow adds.

`python -m bench` from the repository's root measures all of it; every part also runs alone (`python -m bench.profile`).
"""
