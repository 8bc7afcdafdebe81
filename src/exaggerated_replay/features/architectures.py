"""Trained networks as encoders: the five convolutions, or a classifier of torchvision without its last layer."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from exaggerated_replay.errors import UserError
from exaggerated_replay.features.encoder import ConvEncoder

CONV5 = "conv5"
INSIDE = "state"  # the key under which the publication's file has its weights


def load_encoder(path: Path, architecture: str = CONV5) -> nn.Module:
    """Read a trained encoder, frozen and in evaluation mode.

    Args:
        path: Its weights: safetensors, or a state dictionary that `torch.save` wrote (read without running its code),
            in the names of this package or of the baseline's publication.
        architecture: `conv5`, or the name of a classifier of torchvision: its features are what its last linear
            layer sees.

    Returns:
        A network from images (B, 3, H, W) to features (B, F).

    Raises:
        UserError: The file is missing, or its weights are not of this architecture; or there is no such architecture,
            or one without a linear layer at its end.
    """
    weights = named_here(read_weights(path))
    network = ConvEncoder() if architecture == CONV5 else build(architecture, weights)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"encoder.weights: {path} does not hold the weights of {architecture}") from error
    if architecture != CONV5:
        network.set_submodule(last_linear(network, architecture), nn.Identity())
    return network.requires_grad_(False).eval()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by their names.

    Raises:
        UserError: The file is missing, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever a damaged archive makes it stumble over
        raise UserError(f"encoder.weights: {path} does not hold weights that can be read") from error
    if isinstance(weights, dict) and isinstance(weights.get(INSIDE), dict):
        weights = weights[INSIDE]
    if not (isinstance(weights, dict) and all(isinstance(value, Tensor) for value in weights.values())):
        raise UserError(f"encoder.weights: {path} must hold a state dictionary, from names to tensors")
    return weights


def named_here(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the convolutions of the baseline's publication the names that they have in `ConvEncoder`.

    Its convolutions have a bias before batch norm, which is the same as a mean that is smaller by it: batch norm
    subtracts the running mean. Weights under other names stay as they are.
    """
    layers = sorted({name.partition(".")[0] for name in weights if name.startswith("convLayer")})
    if not layers:
        return weights
    found = {}
    for number, layer in enumerate(layers):
        convolution, norm = f"{3 * number}", f"{3 * number + 1}"
        own = {name.removeprefix(f"{layer}."): value for name, value in weights.items() if name.startswith(f"{layer}.")}
        bias = own.pop("conv.bias")
        if "bn.running_mean" in own:
            own["bn.running_mean"] = own["bn.running_mean"] - bias
        else:
            own["conv.bias"] = bias
        for name, value in own.items():
            part, _, rest = name.partition(".")
            found[f"{convolution if part == 'conv' else norm}.{rest}"] = value
    return found


def build(architecture: str, weights: dict[str, Tensor]) -> nn.Module:
    """Return a classifier of torchvision for as many classes as its weights are made for.

    Raises:
        UserError: There is no such classifier, or its weights have no linear layer at its end.
    """
    from torchvision import models

    names = models.list_models(module=models)
    if architecture not in names:
        raise UserError(
            f"encoder.architecture is {architecture!r}: choose {CONV5}, or a classifier of torchvision.models, "
            f"which are {', '.join(names)}"
        )
    with torch.device("meta"):  # only to learn what its last layer is called
        head = f"{last_linear(models.get_model(architecture, weights=None), architecture)}.weight"
    if head not in weights or weights[head].ndim != 2:
        raise UserError(f"encoder.weights: there is no {head}, so these are not the weights of {architecture}")
    return models.get_model(architecture, weights=None, num_classes=len(weights[head]))


def last_linear(network: nn.Module, architecture: str) -> str:
    """Return the name of a network's last linear layer.

    Raises:
        UserError: It has none, or other layers with weights follow.
    """
    weighted = [name for name, module in network.named_modules() if list(module.parameters(recurse=False))]
    if not isinstance(network.get_submodule(weighted[-1]), nn.Linear):
        raise UserError(
            f"encoder.architecture is {architecture}, whose last layer is not linear: choose one whose last layer is, "
            "for example resnet18"
        )
    return weighted[-1]
