"""Random crops and flips of a batch, on the device where the images lie."""

import torch
from torch import Tensor


def augment(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Crop each image at random from its symmetrically padded self, and flip half of them left to right.

    Args:
        images: (B, side, side, C) of any type, on any device.
        generator: On the CPU, so that every device sees the same crops.
        padding: Pixels mirrored at each edge, the edge itself included; at most the image's side.

    Returns:
        (B, side, side, C): pixel (i, j) of a padded image is looked up, the padded image is never made.
    """
    batch, side = images.shape[:2]
    inside = torch.arange(side)
    padded = torch.cat([inside[:padding].flip(0), inside, inside[side - padding :].flip(0)])
    offsets = torch.randint(2 * padding + 1, (2, batch, 1), generator=generator)
    rows, columns = padded[offsets + inside]
    flipped = torch.rand(batch, 1, generator=generator) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)
    samples = torch.arange(batch)
    places = (samples[:, None, None], rows[:, :, None], columns[:, None, :])
    return images[tuple(place.to(images.device, non_blocking=True) for place in places)]
