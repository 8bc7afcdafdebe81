"""One training job: several runs on the same data, finished run directories out.

Needs nothing but torch, numpy, safetensors and this package, so that it also runs from a bare checkout on
a machine without the workflow's tools.
"""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.devices import check_precision, hardware
from exaggerated_replay.errors import Interrupted, UserError
from exaggerated_replay.files import file_digest, replacing, write_json
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.learning.run import Diverged, Outcome, Progress, Samples
from exaggerated_replay.learning.standing import Observer
from exaggerated_replay.learning.trainer import to_stderr
from exaggerated_replay.locks import alone
from exaggerated_replay.places import RECORD, STATE, TRACES, WEIGHTS
from exaggerated_replay.settings.methods import named_in_errors, own_method
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.store.records import is_complete, put_run, sealed
from exaggerated_replay.training.observation.observer import TaskEndObserver
from exaggerated_replay.training.resume import StateFile, Stop
from exaggerated_replay.wording import significant

Watch = Callable[[Progress], None]
Observe = Callable[[Samples, int], Observer]  # from the test set and the run's seed


def train_runs(
    runs: dict[Path, RunSettings],
    prepared: Prepared,
    device: torch.device,
    workspace: Path,
    store: Path,
    timings: Path,
    watcher: Callable[[str], Watch],
    observe: Observe | None = TaskEndObserver,
    save_minutes: float = 10.0,
    stop: Stop | None = None,
) -> None:
    """Train those runs that are not finished yet.

    Every run is finished in the store, and put into its directory when all are done: a job that dies half-way keeps
    what it finished, and whatever becomes of a run's directory, its files in the store stay. A run that was interrupted
    goes on where it stood; one that diverges or fails says so, and the others go on. One process at a time trains a
    run.

    Args:
        runs: Settings of each run by the directory that it is to fill.
        prepared: The data.
        device: Where to compute.
        workspace: Where runs keep where they stand.
        store: Where every finished run is kept.
        timings: Where seconds and hardware of each run go.
        watcher: Called with a run's name; what it returns is called with the run's progress.
        observe: Makes what looks at a run when a task ends; what it noted is kept beside the weights. None for nobody.
        save_minutes: How often a run saves where it stands.
        stop: Whether the process was asked to stop; None where nobody asks.

    Raises:
        UserError: The settings do not fit the data, or the processor would emulate their precision.
        Interrupted: The process was asked to stop. Where it stood is saved.
        OSError: A file cannot be read or written; no other run is begun, which would meet the same.
        Exception: The first that a run failed with, once the others are done.
    """
    check_classes(runs, prepared.classes)
    with alone(workspace / target.name for target in runs if not is_complete(target)):
        missing = {target: settings for target, settings in runs.items() if not is_complete(target)}
        if not missing:
            return
        for precision in sorted({settings.precision for settings in missing.values()}):
            check_precision(precision, device)
        inputs = to_device(prepared, device)
        failures: list[Exception] = []
        for target, settings in missing.items():
            place = store / target.name
            if not is_complete(place):
                state = workspace / target.name / STATE
                own = own_method(settings.method.method)
                keeper = StateFile(state, target.name, device, save_minutes, stop or Stop(), own)
                samples = labelled(inputs, prepared, settings.class_order)
                watch = watcher(target.name)
                with failing_alone(target.name, failures), named_in_errors(settings.method.method):
                    record = finish_run(settings, prepared, samples, device, place, watch, observe, keeper)
                    timing = {"seconds": round(keeper.spent(), 3), "hardware": hardware(device)}
                    write_json(timings / f"{target.name}.json", timing)
                    write_json(place / RECORD, sealed(record))  # last: with it, the run is finished
                    keeper.forget()
        if failures:
            raise failures[0]
        for target in missing:
            put_run(store / target.name, target)
            shutil.rmtree(workspace / target.name, ignore_errors=True)


@contextmanager
def failing_alone(run: str, failures: list[Exception]) -> Iterator[None]:
    """Let the other runs of a job go on where one fails: say with what, and note it for the job's end.

    What would stop the others as well, because the process was asked to or no file can be written, is raised.
    """
    try:
        yield
    except (Interrupted, OSError):
        raise
    except Exception as error:
        what = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        to_stderr(f"{run} failed: {what}{error}")
        failures.append(error)


def check_classes(runs: dict[Path, RunSettings], classes: int) -> None:
    """Check that the tasks of each run have the classes of the data.

    Raises:
        UserError: They have another number of classes.
    """
    for target, settings in runs.items():
        if len(settings.class_order) != classes:
            raise UserError(
                f"the tasks of {target.name} have {len(settings.class_order)} classes, but the data have {classes}: "
                "set dataset.classes to what the data have and compose the study again"
            )


def finish_run(
    settings: RunSettings,
    prepared: Prepared,
    samples: tuple[Samples, Samples],
    device: torch.device,
    place: Path,
    watch: Watch,
    observe: Observe | None = None,
    keeper: StateFile | None = None,
) -> dict[str, Any]:
    """Train one run, write weights and traces to a directory, and return its record; of one that diverged, what is."""
    observer = observe and observe(samples[1], settings.seed)
    diverged = None

    def tell(said: str) -> None:
        to_stderr(f"{place.name}: {said}")

    try:
        method, outcome = run_experiment(settings, prepared, samples, device, watch, observer, keeper, tell)
    except Diverged as failure:
        method, outcome, observer, diverged = failure.method, failure.outcome, None, failure
        to_stderr(
            f"{place.name} stopped: {failure}; a lower training.learning_rate or smaller weights of losses may help"
        )

    place.mkdir(parents=True, exist_ok=True)
    arrays = {WEIGHTS: method.checkpoint(), TRACES: observer.traces() if observer else {}}
    for name, tensors in arrays.items():
        if tensors:
            with replacing(place / name) as temporary:
                # Copies: no file of this format takes two names for the same numbers, such as tied weights.
                save_file({key: value.to("cpu", copy=True) for key, value in tensors.items()}, temporary)
    return {
        "settings": asdict(settings),
        "environment": {"device": device.type, "torch": torch.__version__},
        "problem": {
            "inputs": prepared.inputs,
            "classes": prepared.classes,
            "bounded": prepared.bounded,
        },
        "counts": None if diverged else counts_of(outcome, samples[1], prepared.classes),
        "diverged": diverged and described(diverged),
        "instruments": {name: [noted(value) for value in values] for name, values in outcome.instruments.items()},
        "sha256": {
            **{name: file_digest(place / name) for name, tensors in arrays.items() if tensors},
            "data": prepared.digest(),
        },
    }


def counts_of(outcome: Outcome, test_set: Samples, classes: int) -> dict[str, list[Any]]:
    """Return what all scores of a run are made from: test samples by class, classified right, tested, assigned."""
    return {
        "correct": outcome.correct,
        "tested": torch.bincount(test_set.y, minlength=classes).tolist(),
        "predicted": outcome.predicted,
    }


def noted(value: float) -> float | None:
    """Return an instrument's mean as a record holds it: None where its sum passed what single precision can hold."""
    return significant(value) if math.isfinite(value) else None


def described(failure: Diverged) -> dict[str, Any]:
    """Return what a record says of a divergence; the loss as a text, since JSON knows no inf and no nan."""
    return {
        "task": failure.task,
        "iteration": failure.iteration,
        "term": failure.term,
        "loss": str(failure.loss),
    }
