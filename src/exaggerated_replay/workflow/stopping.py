"""How a run is stopped: its jobs are told, save where they stand, and what Snakemake says of that stays in its log."""

import functools
import logging
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import psutil
from snakemake_interface_logger_plugins.common import LogEvent

Handler = Callable[[int, FrameType | None], object]


class Stopped(logging.Filter):
    """Keeps from the screen what Snakemake says of jobs that ended because they were asked to.

    Such a job has said itself that its work is saved. What went wrong for another reason is shown.
    """

    ENDED = re.compile(
        r"returned non-zero exit status (130|143)\.|died with <Signals\.SIG(INT|TERM)"  # as a shell and Python say it
    )

    def __init__(self) -> None:
        super().__init__()
        self.asked = False
        self.ended: list[str] = []  # what was said of each job
        self.failed = False  # whether one failed by itself

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is shown."""
        event = getattr(record, "event", None)
        if not self.asked or event not in (LogEvent.ERROR, LogEvent.JOB_ERROR):
            return True
        said = record.getMessage()
        if event == LogEvent.JOB_ERROR:
            stopped = any(str(getattr(record, "shellcmd", None)) in command for command in self.ended)
        elif getattr(record, "exception", None) == "WorkflowError":  # that not all jobs came to their end
            stopped = bool(self.ended) and not self.failed
        else:
            stopped = self.ENDED.search(said) is not None
            self.ended += [said] if stopped else []
        self.failed |= not stopped
        return not stopped

    def listen(self) -> None:
        """Take the signals that ask to stop, as soon as Snakemake has taken them for itself."""
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, functools.partial(self._stop, handler))

    def _stop(self, handler: Handler, number: int, frame: FrameType | None) -> None:
        """Pass SIGTERM on to the jobs, for which Snakemake alone would wait; Ctrl-C reaches them by itself."""
        self.asked = True
        for job in psutil.Process().children() if number == signal.SIGTERM else ():
            with suppress(psutil.Error):  # it ended meanwhile
                job.terminate()
        handler(number, frame)
