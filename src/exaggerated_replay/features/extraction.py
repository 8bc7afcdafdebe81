"""The frozen features of every image, computed once, kept in one file that all runs map into memory."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.data.values import deviation_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.encoder import normalise
from exaggerated_replay.files import replacing

CHUNK = 500  # images at a time


class Inputs(NamedTuple):
    """How an encoder sees images."""

    mean: Sequence[float]  # of each channel, as a fraction of 255
    std: Sequence[float]
    size: int | None = None  # height and width to which they are brought; None: as they are

    def of(self, images: Tensor) -> Tensor:
        """Return images as an encoder takes them: uint8 (B, H, W, 3) -> float32 (B, 3, H, W)."""
        x = normalise(images, self.mean, self.std)
        if self.size is None:
            return x
        return F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)


@torch.no_grad()
def extract(images: np.ndarray, encoder: nn.Module, inputs: Inputs, device: torch.device) -> Tensor:
    """Return the features of images: uint8 (N, H, W, 3) -> float32 (N, features), on the CPU.

    Raises:
        UserError: The encoder takes no images of this size.
    """
    encoder = encoder.to(device).to(memory_format=torch.channels_last)
    chunks = torch.from_numpy(images).split(CHUNK)
    try:
        return torch.cat([encoder(inputs.of(chunk.to(device))).flatten(1).cpu() for chunk in chunks])
    except (RuntimeError, AssertionError) as error:
        size = "x".join(map(str, images.shape[1:3] if inputs.size is None else (inputs.size, inputs.size)))
        raise UserError(
            f"the encoder cannot take images of {size} pixels ({' '.join(str(error).split())}): set encoder.image_size "
            "to the size that it was trained on"
        ) from error


def write_features(
    prepared: Prepared,
    encoder: nn.Module,
    inputs: Inputs,
    deviation: float | None,
    device: torch.device,
    target: Path,
    made_from: str,
) -> None:
    """Compute the features of all images of a data set and write them beside their classes.

    The file's metadata hold the deviation that the features of the training images had, the factor by which all were
    multiplied, and the digests that `data/prepared.py` checks.

    Args:
        prepared: The images.
        encoder: Frozen.
        inputs: How it sees them.
        deviation: What the standard deviation over all features of the training images becomes; None: they stay as
            they are.
        device: Where to compute.
        target: The safetensors file.
        made_from: Digest of images, encoder and all else that decides the features.

    Raises:
        UserError: The data are no colour images, or the encoder makes nothing of them.
    """
    if prepared.x_train.dtype != np.uint8 or len(prepared.shape) != 3 or prepared.shape[2] != 3:
        raise UserError(
            f"an encoder needs colour images, uint8 of shape (N, H, W, 3), but the data are "
            f"{prepared.x_train.dtype} of shape (N, {', '.join(map(str, prepared.shape))}): set encoder=none"
        )
    train, test = (extract(images, encoder, inputs, device) for images in (prepared.x_train, prepared.x_test))
    measured = deviation_of(train.numpy())
    if not 0 < measured < float("inf"):
        raise UserError(f"the encoder's features have a standard deviation of {measured}: check encoder.weights")
    factor = 1.0 if deviation is None else deviation / measured
    features = Prepared(
        (train * factor).numpy(), prepared.y_train, (test * factor).numpy(), prepared.y_test, scale=1.0, bounded=False
    )
    tensors = {name: torch.from_numpy(getattr(features, name)) for name in ("x_train", "y_train", "x_test", "y_test")}
    about = {"deviation": measured, "factor": factor, "made_from": made_from, "content": features.digest()}
    with replacing(target) as temporary:
        # One entry: the order of several is drawn anew in every process.
        save_file(tensors, temporary, {"about": json.dumps(about, sort_keys=True)})
