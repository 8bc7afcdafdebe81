"""What an interrupted run goes on from: one file per run, written whole or not at all.

It lies outside of the run directory, belongs to one run on one kind of device under one version of torch, with a method
of the user's own to one content of its file, and changes no result: a run that goes on ends in the same bytes as one
that was never interrupted.
"""

import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from exaggerated_replay.errors import Interrupted
from exaggerated_replay.files import replacing
from exaggerated_replay.learning.method import Method, State
from exaggerated_replay.settings.methods import OwnMethod
from exaggerated_replay.store.aside import move_aside
from exaggerated_replay.training.completeness import ambient, check_complete

TENSOR = "__tensor__"  # stands for a tensor in the nested state that goes into the file's metadata
LAYOUT = "3"  # of a state; another one is not read


class OtherMark(ValueError):
    """A state is not what was asked for; says in what it differs."""


class Stop:
    """Whether this process was asked to stop, by Ctrl-C or SIGTERM. A second request stops it at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        self.before = {number: signal.signal(number, self.ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Take down the request; the training loop sees it at its next step."""
        self.signal = number
        self.__exit__()


def mark_of(run: str, device: torch.device, own: OwnMethod | None = None) -> dict[str, str]:
    """Return what a state must be marked with, so that a run resumes from it.

    A file of the user's own may be edited under the version that it states, and so under the same name of the run.
    """
    mark = {"run": run, "device": device.type, "torch": torch.__version__, "layout": LAYOUT}
    return {**mark, "method": own.content} if own else mark


class StateFile:
    """Keeps one run's state in a file: every so many minutes, and when the process is asked to stop."""

    def __init__(
        self,
        path: Path,
        run: str,
        device: torch.device,
        minutes: float,
        stop: Stop,
        own: OwnMethod | None = None,
    ) -> None:
        """Take where the file lies, the name of the run, where it computes, how often to save, and the user's file."""
        self.path = path
        self.own = own
        self.mark = mark_of(run, device, own)
        self.seconds = 60 * minutes
        self.stop = stop
        self.latest = self.began = time.monotonic()
        self.before = 0.0

    def spent(self) -> float:
        """Return the seconds that the run took so far, in processes that were interrupted up to their last save."""
        return self.before + time.monotonic() - self.began

    def due(self) -> bool:
        """Return whether the time is up, or the process was asked to stop."""
        return self.stop.signal is not None or time.monotonic() - self.latest >= self.seconds

    def saved(self) -> State | None:
        """Return the state of this very run, or None; a file that is anything else is said to be so, and moved aside.

        Raises:
            Interrupted: The process was asked to stop before the run began.
            OSError: The file cannot be read now.
        """
        self.give_way()
        self.ambient = ambient(self.own)  # as the run begins
        if not self.path.exists():
            return None
        try:
            state = read_state(self.path, self.mark)
            self.before = state.pop("seconds", 0.0)
            return state
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            why = error if isinstance(error, OtherMark) else f"it is not a state that {self.mark['run']} can go on from"
            print(f"{self.path}: {why}; moved to {move_aside(self.path)}, and the run starts anew", file=sys.stderr)
            return None

    def save(self, method: Method, state: State) -> None:
        """Write a state that has all that the method keeps between two steps.

        Raises:
            UserError: It lacks something that changes while the method learns.
            Interrupted: The process was asked to stop.
        """
        check_complete(method, state["method"], self.ambient, self.own)
        write_state(self.path, self.mark, {**state, "seconds": self.spent()})
        self.latest = time.monotonic()
        self.give_way()

    def give_way(self) -> None:
        """Raise Interrupted if the process was asked to stop."""
        if self.stop.signal is not None:
            raise Interrupted(self.stop.signal)

    def forget(self) -> None:
        """Remove the file: the run is done."""
        self.path.unlink(missing_ok=True)


def write_state(path: Path, mark: dict[str, str], state: State) -> None:
    """Write a nested state: its tensors as they are, the rest as JSON beside them."""
    tensors: dict[str, Tensor] = {}

    def plain(value: Any, name: str) -> Any:
        match value:
            case Tensor():
                tensors[name] = value.detach().to("cpu", copy=True).contiguous()
                return {TENSOR: name}
            case Mapping():
                return {key: plain(part, f"{name}/{key}") for key, part in value.items()}
            case list():
                return [plain(part, f"{name}/{number}") for number, part in enumerate(value)]
        return value

    nested = plain(state, "")
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"state": json.dumps({"mark": mark, "state": nested})})


def read_state(path: Path, mark: dict[str, str]) -> State:
    """Read what `write_state` has written, tensors on the CPU.

    Raises:
        OtherMark: The state is that of another run, or was saved by another layout, device, version of torch or
            content of the user's file.
    """
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    if (found := content["mark"]) != mark:
        parts = [f"{key} {found.get(key)} and not {wanted}" for key, wanted in mark.items() if found.get(key) != wanted]
        raise OtherMark(f"it was saved with {', '.join(parts)}")

    def whole(value: Any) -> Any:
        match value:
            case {"__tensor__": name}:
                return tensors[name]
            case dict():
                return {key: whole(part) for key, part in value.items()}
            case list():
                return [whole(part) for part in value]
        return value

    return whole(content["state"])
