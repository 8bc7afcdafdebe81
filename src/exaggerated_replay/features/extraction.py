"""The frozen features of every image, computed once, kept in one file that all runs map into memory."""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.encoder import ConvEncoder, normalise
from exaggerated_replay.files import replacing


def load_encoder(path: Path, scale: float = 1.0) -> ConvEncoder:
    """Read a trained encoder, frozen and in evaluation mode.

    Args:
        path: Its weights.
        scale: Its features are multiplied by this: in the last convolution, after which nothing follows.

    Raises:
        UserError: The file is missing, or holds no encoder of this shape.
    """
    encoder = ConvEncoder()
    try:
        encoder.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} holds no trained encoder; name one in encoder.weights, or train one") from error
    encoder.requires_grad_(False).eval()
    *_, last, _flatten = encoder
    for parameter in last.parameters():
        parameter.mul_(scale)
    return encoder


@torch.no_grad()
def extract(
    images: np.ndarray, encoder: ConvEncoder, mean: list[float], std: list[float], device: torch.device
) -> Tensor:
    """Return the features of images: uint8 (N, H, W, 3) -> float32 (N, features), on the CPU."""
    encoder = encoder.to(device).to(memory_format=torch.channels_last)
    chunks = torch.from_numpy(images).split(1000)
    return torch.cat([encoder(normalise(chunk.to(device), mean, std)).cpu() for chunk in chunks])


def write_features(
    prepared: Prepared,
    encoder: ConvEncoder,
    mean: list[float],
    std: list[float],
    device: torch.device,
    threads: int,
    target: Path,
) -> None:
    """Compute the features of all images of a data set and write them beside their classes.

    Raises:
        UserError: The data are no colour images.
    """
    if prepared.x_train.dtype != np.uint8 or len(prepared.shape) != 3 or prepared.shape[2] != 3:
        raise UserError(
            f"an encoder needs colour images, uint8 of shape (N, H, W, 3), but the data are "
            f"{prepared.x_train.dtype} of shape (N, {', '.join(map(str, prepared.shape))}): set encoder=none"
        )
    torch.set_num_threads(threads)
    tensors = {
        "x_train": extract(prepared.x_train, encoder, mean, std, device),
        "y_train": torch.from_numpy(prepared.y_train),
        "x_test": extract(prepared.x_test, encoder, mean, std, device),
        "y_test": torch.from_numpy(prepared.y_test),
    }
    with replacing(target) as temporary:
        save_file(tensors, temporary, {"image_values": str(prepared.inputs)})
