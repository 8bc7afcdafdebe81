"""What an interrupted run goes on from: one file per run, written whole or not at all.

It lies outside of the run directory, belongs to one run on one kind of device under one version of torch, with a method
of the user's own to one content of its file, and changes no result: a run that goes on ends in the same bytes as one
that was never interrupted.
"""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from exaggerated_replay.errors import Interrupted
from exaggerated_replay.learning.method import Method, State
from exaggerated_replay.settings.methods import OwnMethod, mark_of_own
from exaggerated_replay.states import mark_of, usable_state, write_state
from exaggerated_replay.training.completeness import ambient, check_complete


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
        self.mark = mark_of(run, device, **mark_of_own(own))
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
        state = usable_state(self.path, self.mark)
        if state is not None:
            self.before = state.pop("seconds", 0.0)
        return state

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
