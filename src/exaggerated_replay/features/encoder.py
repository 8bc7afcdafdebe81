"""The convolutional encoder whose frozen features everything else learns from (baseline's publication)."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from exaggerated_replay.streams import stream

CHANNELS = (3, 16, 32, 64, 128, 256)


class ConvEncoder(nn.Sequential):
    """Five 3x3 convolutions, (B, 3, 32, 32) -> (B, 1024): images halve in every layer but the first.

    Batch norm and rectification follow each layer but the last, which is linear.
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        last = len(CHANNELS) - 2
        for number, (before, after) in enumerate(pairwise(CHANNELS)):
            stride = 1 if number == 0 else 2
            # Batch norm has a shift of its own, which makes the bias before it idle.
            layers.append(nn.Conv2d(before, after, 3, stride, padding=1, bias=number == last))
            if number < last:
                layers += [nn.BatchNorm2d(after), nn.ReLU()]
        super().__init__(*layers, nn.Flatten())


def pretraining_classifier(encoder: ConvEncoder, side: int, units: int, classes: int) -> nn.Sequential:
    """Put two fully connected layers of rectified units and a linear layer on an encoder.

    Args:
        encoder: What is to be pre-trained.
        side: Height and width of the images.
        units: Of each hidden layer.
        classes: Number of scores.
    """
    features = CHANNELS[-1] * math.ceil(side / 2 ** (len(CHANNELS) - 2)) ** 2
    return nn.Sequential(
        encoder,
        nn.Linear(features, units),
        nn.ReLU(),
        nn.Linear(units, units),
        nn.ReLU(),
        nn.Linear(units, classes),
    )


def initialise(network: nn.Module, seed: int) -> None:
    """Draw the weights and biases of every convolution and linear layer uniformly from +-1/sqrt(fan_in)."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for part, parameter in layer.named_parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=stream(seed, f"encoder/{name}.{part}"))


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Scale each channel to mean 0 and deviation 1: uint8 (B, H, W, C) -> float32 (B, C, H, W)."""
    scale = torch.tensor([255 * s for s in std], device=images.device)
    shift = torch.tensor([m / s for m, s in zip(mean, std, strict=True)], device=images.device)
    # Permuted, not copied: the memory stays channels-last, which is also the faster order for a convolution.
    return (images / scale - shift).permute(0, 3, 1, 2)
