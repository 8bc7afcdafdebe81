"""Separate streams of randomness, one per purpose, so that methods stay paired.

The same seed gives every method the same class order, initial weights and batches, because what one
purpose draws never shifts what another purpose gets.
"""

import hashlib

import torch


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator that depends on the run's seed and on what its numbers are for.

    Args:
        seed: The run's seed.
        purpose: What the numbers are for, for example "data order".
        device: Where the generator draws. Only generators on the same kind of device agree.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
