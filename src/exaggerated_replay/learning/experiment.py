"""One run: from its settings and the data to a trained method."""

from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor

from exaggerated_replay.data.prepared import Prepared, relabel
from exaggerated_replay.devices import use_threads
from exaggerated_replay.learning.likelihoods import likelihood_of
from exaggerated_replay.learning.method import Method, Problem, build_method
from exaggerated_replay.learning.run import Outcome, Progress, Samples, Schedule
from exaggerated_replay.learning.standing import Keeper, Observer
from exaggerated_replay.learning.trainer import to_stderr, train
from exaggerated_replay.settings.run import RunSettings


def to_device(prepared: Prepared, device: torch.device) -> tuple[Tensor, Tensor]:
    """Put the inputs of training and test set on the device as models see them: (N, inputs), (M, inputs).

    What needs no scaling is used where it lies, which is a file that all jobs of a machine map into memory.
    """
    train_x, test_x = (
        as_inputs(torch.from_numpy(x.reshape(len(x), -1)).to(device), prepared.scale)
        for x in (prepared.x_train, prepared.x_test)
    )
    return train_x, test_x


def labelled(inputs: tuple[Tensor, Tensor], prepared: Prepared, class_order: list[int]) -> tuple[Samples, Samples]:
    """Label the inputs of training and test set in the order in which a seed sees the classes."""
    train_set, test_set = (
        Samples(x, torch.from_numpy(relabel(y, class_order)).to(x.device))
        for x, y in zip(inputs, (prepared.y_train, prepared.y_test), strict=True)
    )
    return train_set, test_set


def as_inputs(x: Tensor, scale: float) -> Tensor:
    """Return x / scale as numbers of single precision."""
    return x if x.dtype == torch.float32 and scale == 1 else x.float() / scale


def new_method(settings: RunSettings, inputs: int, bounded: bool, device: torch.device) -> Method:
    """Return the method of a run that has learned nothing yet.

    Args:
        settings: Of the run.
        inputs: Input values per sample.
        bounded: Whether they lie in [0, 1].
        device: Where it is to compute.
    """
    problem = Problem(
        inputs=inputs,
        image_values=settings.image_values,
        task_sizes=settings.task_sizes,
        likelihood=likelihood_of(bounded),
        units=settings.model.units,
        latent=settings.model.latent,
        replay_batch=settings.training.replay_batch,
        seed=settings.seed,
        device=device,
    )
    return build_method(settings.method.method, problem, settings.method)


def run_experiment(
    settings: RunSettings,
    prepared: Prepared,
    samples: tuple[Samples, Samples],
    device: torch.device,
    watch: Callable[[Progress], None],
    observer: Observer | None = None,
    keeper: Keeper | None = None,
    tell: Callable[[str], None] = to_stderr,
) -> tuple[Method, Outcome]:
    """Train one run.

    Args:
        settings: All that decides the result.
        prepared: The data, for their sizes.
        samples: Training and test set on the device.
        device: Where to compute.
        watch: Called with the run's progress.
        observer: Looks at the method when a task ends.
        keeper: Keeps what the run goes on from when it was interrupted.
        tell: Called with what goes wrong without stopping the run.

    Raises:
        UserError: The settings do not fit the data, or the environment does not allow the threads that they say.
        Diverged: The loss stopped being a finite number.
    """
    use_threads(settings.threads)
    match settings.precision:
        case "fp32" | "bf16":  # with bf16, what is not taken in it is taken in full
            products = "highest"
        case "tf32":
            products = "high"
        case _:
            assert_never(settings.precision)
    if device.type == "cuda":
        torch.set_float32_matmul_precision(products)
    schedule = Schedule(
        tasks=len(settings.tasks),
        iterations=settings.training.iterations,
        batch=settings.training.batch,
        learning_rate=settings.training.learning_rate,
        precision=settings.precision,
        optimiser_state=settings.training.optimiser_state,
    )
    method = new_method(settings, prepared.inputs, prepared.bounded, device)
    return method, train(method, *samples, schedule, watch, observer, keeper, tell)
