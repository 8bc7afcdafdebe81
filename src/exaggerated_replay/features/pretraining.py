"""Pre-training of the encoder as a classifier of images; every epoch is kept, so it resumes anywhere."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exaggerated_replay.devices import use_threads
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.augmentation import augment
from exaggerated_replay.features.encoder import ConvEncoder, initialise, normalise, pretraining_classifier
from exaggerated_replay.settings.encoder import PretrainingSettings
from exaggerated_replay.states import mark_of, usable_state, write_state
from exaggerated_replay.streams import stream


class Images(NamedTuple):
    """Labelled images on the device."""

    x: Tensor  # uint8 (N, side, side, 3)
    y: Tensor  # int64 (N,)
    mean: Sequence[float]  # of each channel, as a fraction of 255
    std: Sequence[float]

    def inputs(self, x: Tensor) -> Tensor:
        """Return some of the images, or crops of them, as the encoder sees them."""
        return normalise(x, self.mean, self.std)


class Epoch(NamedTuple):
    """One point of the learning curve; the accuracies are fractions."""

    epoch: int
    loss: float  # mean over the epoch's batches
    train_accuracy: float  # of the same batches, augmented, while learning
    test_accuracy: float


def pretrain(
    settings: PretrainingSettings,
    train_set: Images,
    test_set: Images,
    state: Path,
    watch: Callable[[Epoch], None],
) -> tuple[ConvEncoder, list[Epoch]]:
    """Train encoder and classifier on images, or go on from the last epoch that was kept.

    Adam, mini-batches of a shuffled epoch (the last partial one dropped), random crops and flips. What an
    epoch draws depends on the seed and its number alone, so an interrupted training ends in the same bytes.

    Args:
        settings: All that decides the result, besides the images.
        train_set: To learn from.
        test_set: To measure on after each epoch; nothing is chosen by it.
        state: File that holds weights, optimiser and curve after each epoch.
        watch: Called after each epoch.

    Returns:
        The encoder, and its learning curve.

    Raises:
        UserError: A batch larger than the training set, fewer threads than the settings say, or a loss that stopped
            being a number.
    """
    if settings.batch > len(train_set.x):
        raise UserError(
            f"encoder.pretraining.batch is {settings.batch}, but there are only {len(train_set.x)} training images: "
            f"choose a batch of at most {len(train_set.x)}"
        )
    use_threads(settings.threads, "encoder.pretraining.threads")
    device = train_set.x.device
    encoder = ConvEncoder()
    network = pretraining_classifier(encoder, train_set.x.shape[1], settings.units, int(train_set.y.max()) + 1)
    initialise(network, settings.seed)
    network.to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    steps = len(train_set.x) // settings.batch
    mark = mark_of(state.parent.name, device)  # the folder is named after all that decides the weights
    curve = restore(state, mark, network, optimiser)

    for epoch in range(len(curve) + 1, settings.epochs + 1):
        order = stream(settings.seed, f"encoder/order/{epoch}")
        crops = stream(settings.seed, f"encoder/crops/{epoch}")
        shuffled = torch.randperm(len(train_set.x), generator=order).to(device)
        sums = torch.zeros(2, device=device)  # of losses and of hits: read once per epoch
        network.train()
        for step, rows in enumerate(shuffled[: steps * settings.batch].split(settings.batch)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(settings, (epoch - 1) * steps + step, settings.epochs * steps)
            x = train_set.inputs(augment(train_set.x[rows], crops))
            logits, y = network(x), train_set.y[rows]
            loss = F.cross_entropy(logits, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            sums += torch.stack([loss.detach(), (logits.argmax(1) == y).float().mean()])
        mean_loss, train_accuracy = (sums / steps).tolist()
        if not mean_loss < float("inf"):
            raise UserError(
                f"the encoder's loss is no finite number in epoch {epoch}: lower encoder.pretraining.learning_rate"
            )
        curve.append(Epoch(epoch, mean_loss, train_accuracy, accuracy(network, test_set)))
        keep(state, mark, network, optimiser, curve)
        watch(curve[-1])
    return encoder.eval(), curve


def learning_rate(settings: PretrainingSettings, step: int, steps: int) -> float:
    """Return the learning rate of a step: constant, or a rise over the first fifth and a fall to 0 (one cycle)."""
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = steps / 5
    return settings.learning_rate * min((step + 1) / rise, (steps - step) / (steps - rise))


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, chunk: int = 1000) -> float:
    """Return the fraction of images that are classified right, in evaluation mode."""
    network.eval()
    hits = sum(
        (network(images.inputs(x)).argmax(1) == y).sum()
        for x, y in zip(images.x.split(chunk), images.y.split(chunk), strict=True)
    )
    return int(hits) / len(images.y)


def keep(
    state: Path, mark: dict[str, str], network: nn.Module, optimiser: torch.optim.Optimizer, curve: list[Epoch]
) -> None:
    """Write weights, moments and curve."""
    moments = {str(number): parts for number, parts in optimiser.state_dict()["state"].items()}
    write_state(state, mark, {"network": network.state_dict(), "moments": moments, "curve": curve})


def restore(state: Path, mark: dict[str, str], network: nn.Module, optimiser: torch.optim.Optimizer) -> list[Epoch]:
    """Go on from what `keep` has written, if it has; return the curve so far."""
    saved = usable_state(state, mark)
    if saved is None:
        return []
    network.load_state_dict(saved["network"])
    parameters = optimiser.param_groups[0]["params"]
    moments = {
        int(number): {name: laid_out_as(parameters[int(number)], value) for name, value in parts.items()}
        for number, parts in saved["moments"].items()
    }
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return [Epoch(*point) for point in saved["curve"]]


def laid_out_as(weight: Tensor, value: Tensor) -> Tensor:
    """Return a moment as its weight lies in memory, through which the fused step walks; a count stays as it is."""
    return torch.empty_like(weight).copy_(value) if value.ndim else value
