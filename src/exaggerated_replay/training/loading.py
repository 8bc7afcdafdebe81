"""A finished run as a library sees it: its network, what it takes an input for, and what it would replay."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.learning.experiment import new_method
from exaggerated_replay.learning.method import Method
from exaggerated_replay.places import PLAN, RECORD, RUNS, STORE, WEIGHTS
from exaggerated_replay.planning.versions import method_version
from exaggerated_replay.settings.methods import method_names, use_own
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.store.records import is_complete, read_record

CPU = torch.device("cpu")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Compute as a run does, whatever torch's defaults are in a notebook, whose random numbers stay what they are."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.random.fork_rng(devices=[]), CPU:
            yield
    finally:
        torch.set_default_dtype(dtype)


@dataclass(frozen=True)
class LoadedRun:
    """A run that is done, on the CPU."""

    record: Mapping[str, Any]
    settings: RunSettings
    weights: dict[str, Tensor]
    method: Method  # as at the end of its last task

    @property
    def network(self) -> nn.Module:
        """The trained network: (N, inputs) -> (N, C) scores, classes in order of being seen."""
        return self.method.network

    @torch.no_grad()
    def classify(self, x: Tensor, task: int | None = None) -> Tensor:
        """Return the class of each input, as the data number them.

        Args:
            x: (N, inputs) as a model sees them.
            task: Number of the task, from 1, among whose classes the model is to choose, because it is told; None for
                all classes.

        Returns:
            (N,) classes.

        Raises:
            UserError: There is no such task.
        """
        tasks = len(self.settings.tasks)
        if task is not None and not 1 <= task <= tasks:
            raise UserError(f"there is no task {task}: choose one of 1 to {tasks}, or None for all classes")
        seen_after = self.method.problem.seen_after
        choice = range(
            seen_after(0 if task is None else task - 1), seen_after(self.method.task if task is None else task)
        )
        order = torch.tensor(self.settings.class_order, device=x.device)
        return order[choice.start + self.network(x)[:, choice.start : choice.stop].argmax(1)]

    def task_accuracies(self, x: Tensor, y: Tensor) -> list[float]:
        """Return the final accuracy on each task in percent where the task is given: task-incremental learning.

        Args:
            x: (N, inputs) test samples as a model sees them.
            y: (N,) their classes, as the data number them.
        """
        found = []
        for task, classes in enumerate(self.settings.tasks, start=1):
            rows = torch.isin(y, torch.tensor(classes, device=y.device))
            found.append(100 * (self.classify(x[rows], task) == y[rows]).double().mean().item())
        return found

    @undisturbed()
    def replay(self, samples: int) -> tuple[Tensor, Tensor]:
        """Generate samples of all classes, as the run would replay them in a next task.

        Returns:
            (N, inputs) samples, and (N,) the classes that the model takes them for, as the data number them.

        Raises:
            UserError: The method generates nothing.
        """
        training = replace(self.settings.training, replay_batch=samples)
        settings = replace(self.settings, training=training)
        replay = ready_to_replay(trained_method(self.record, settings, self.weights), settings)
        x, scores, *_ = replay()
        labels = scores.argmax(1) if scores.dim() == 2 else scores
        return x, torch.tensor(self.settings.class_order)[labels]


def load_run(study: str | Path, cell: str, seed: int, methods: Mapping[str, str] | None = None) -> LoadedRun:
    """Read one run of a study, for a notebook: `load_run("results/default", "rr-ra", 0)`.

    Args:
        study: The folder of the study. Run directories lie in `runs/` beside it, and in the store beside results/.
        cell: A cell of the study.
        seed: One of its seeds.
        methods: Name -> file, of methods in files of the user's own.

    Raises:
        UserError: There is no such run, it is not finished, or its checkpoint is missing or damaged.
    """
    folder = Path(study)
    cells = read_json(folder / PLAN)["cells"]
    if cell not in cells:
        raise UserError(f"{folder} has no cell {cell!r}: choose one of {', '.join(cells)}")
    runs = {int(run.split("-")[-2].removeprefix("s")): run for run in cells[cell]["runs"]}
    if seed not in runs:
        raise UserError(f"{cell} in {folder} has no seed {seed}: choose one of {', '.join(map(str, sorted(runs)))}")
    if methods:
        use_own(methods)
    places = [parent / runs[seed] for parent in (folder.parent / RUNS.name, folder.parent / ".." / STORE)]
    there = [place for place in places if (place / RECORD).is_file()]
    if not there:
        raise UserError(f"{runs[seed]} of {folder} is not here: compose the study {folder.name} and run the workflow")
    return open_run(next(filter(is_complete, there), there[0]))


def open_run(directory: Path) -> LoadedRun:
    """Read a run directory; where its code was another than that at hand, this is said on stderr.

    Raises:
        UserError: The directory holds no finished run, its method is in a file that nobody named, or its checkpoint is
            missing or damaged.
    """
    record = read_record(directory / RECORD).written
    weights = directory / WEIGHTS
    if not weights.is_file():
        raise UserError(f"{weights} is missing: run the workflow again, or `dvc pull` it from a remote of yours")
    if file_digest(weights) != record["sha256"][WEIGHTS]:
        raise UserError(f"{weights} is not the checkpoint that its record names: delete it and run the workflow again")
    method = record["settings"]["method"]["method"]
    if method not in method_names():
        raise UserError(
            f"{method} is a method in a file of your own: name it, load_run(..., methods={{{method!r}: FILE}})"
        )
    settings = read_settings(RunSettings, record["settings"])
    if (here := method_version(method)) != settings.code:
        told = f"{directory.name} was trained by the code {settings.code}, and is loaded by {here}"
        print(f"{told}: the same weights may mean something else there", file=sys.stderr)
    tensors = read_weights(weights)
    return LoadedRun(record, settings, tensors, trained_method(record, settings, tensors))


@undisturbed()
def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is not a readable checkpoint: delete it and run the workflow again") from error


@undisturbed()
def trained_method(record: Mapping[str, Any], settings: RunSettings, weights: dict[str, Tensor]) -> Method:
    """Build a run's method again as it was at the end of its last task.

    Raises:
        UserError: The checkpoint is one of another version of the code.
    """
    problem = record["problem"]
    method = new_method(settings, problem["inputs"], problem["bounded"], CPU)
    method.begin_task(len(settings.tasks))
    for name in method.kept:
        own = {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")}
        if own.keys() != getattr(method, name).state_dict().keys():
            raise UserError(
                f"the checkpoint is one of another version of the code ({settings.code}), which has other parts: train "
                "the run again"
            )
        getattr(method, name).load_state_dict(own)
    return method.eval()


@undisturbed()
def ready_to_replay(method: Method, settings: RunSettings) -> Callable[[], Any]:
    """Bring a trained method to where it would be in a task after its last, and return what replays all classes there.

    Raises:
        UserError: The method generates nothing.
    """
    replay: Callable[[], Any] | None = getattr(method, "replay", None)
    if replay is None:
        raise UserError(f"the method {settings.method.method} generates no samples to replay")
    method.end_task(torch.zeros(0, method.problem.inputs), torch.zeros(0, dtype=torch.int64))
    method.begin_task(len(settings.tasks) + 1)
    return replay
