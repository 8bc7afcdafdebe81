"""Whether a file holds the weights of an encoder, told from names and shapes alone, before anything is computed."""

from itertools import pairwise
from pathlib import Path

from safetensors import SafetensorError, safe_open

from exaggerated_replay.errors import UserError

CHANNELS = (3, 16, 32, 64, 128, 256)  # of conv5
NORM = ("weight", "bias", "running_mean", "running_var")

Shapes = dict[str, tuple[int, ...]]


def check_weights(path: Path, architecture: str) -> None:
    """Refuse a safetensors file that cannot be read, or that holds other weights than those of conv5.

    What the layers of torchvision's models are called, only torchvision knows, which takes seconds to import; and other
    formats only torch reads.

    Raises:
        UserError: It is not the file of such an encoder.
    """
    if path.suffix != ".safetensors":
        return
    try:
        with safe_open(path, framework="np") as file:
            found: Shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(f"encoder.weights: {path} does not hold weights that can be read") from error
    if architecture != "conv5":
        return
    wanted = published_shapes() if any(name.startswith("convLayer") for name in found) else shapes()
    odd = next((name for name in wanted if found.get(name) != wanted[name]), None) or next(
        iter(found - wanted.keys()), None
    )
    if odd is not None:
        has = f"of shape {list(found[odd])}" if odd in found else "missing"
        needs = f"of shape {list(wanted[odd])}" if odd in wanted else "no part of it"
        raise UserError(
            f"encoder.weights: {path} does not hold the weights of conv5, in which {odd} is {needs}, while here it is "
            f"{has}: name another file, or set encoder.architecture to what it is of"
        )


def shapes() -> Shapes:
    """Return the shapes of all tensors of conv5 by name, as this project writes them."""
    found: Shapes = {}
    last = len(CHANNELS) - 2
    for number, (before, after) in enumerate(pairwise(CHANNELS)):
        found[f"{3 * number}.weight"] = (after, before, 3, 3)
        if number == last:
            found[f"{3 * number}.bias"] = (after,)
        else:
            found |= {f"{3 * number + 1}.{name}": (after,) for name in NORM}
            found[f"{3 * number + 1}.num_batches_tracked"] = ()
    return found


def published_shapes() -> Shapes:
    """Return the same as the baseline's publication names them: every convolution has a bias."""
    found: Shapes = {}
    last = len(CHANNELS) - 2
    for number, (before, after) in enumerate(pairwise(CHANNELS)):
        layer = f"convLayer{number + 1}"
        found |= {f"{layer}.conv.weight": (after, before, 3, 3), f"{layer}.conv.bias": (after,)}
        if number < last:
            found |= {f"{layer}.bn.{name}": (after,) for name in NORM} | {f"{layer}.bn.num_batches_tracked": ()}
    return found
