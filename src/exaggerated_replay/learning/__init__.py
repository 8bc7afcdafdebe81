"""The core: model, losses, trainer. Imports torch, numpy, safetensors and the standard library only."""
