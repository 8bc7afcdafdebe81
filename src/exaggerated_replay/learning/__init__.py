"""The core: model, losses, trainer. Imports torch, numpy, safetensors and the standard library only."""

# Part of the name of every run. It covers all that `experiment.py` imports of the floors that compute, and no method:
# raise it by one where other weights, counts, instruments or traces come out, and only there.
VERSION = 1
