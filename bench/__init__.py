"""Benchmarks: what a training step costs, what the machine could do, and how long the workflow takes.

`python -m bench` from the root of the repository measures all of it.
"""
