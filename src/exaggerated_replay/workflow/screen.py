"""What Snakemake says, made shorter on the screen; its own log has all of it."""

import copy
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

HIDDEN = ("Cannot restore ", "Touching output file ", "Removing temporary output ", "Would remove temporary output ")
MOST = 3  # files of a job that are named
LAST = 5  # lines of a failed job's log that are shown: the last says why, and a job that trains may have told hundreds


def screens(logger: logging.Logger) -> "Iterator[logging.StreamHandler[Any]]":
    """Return the handlers of Snakemake's logger that write to a terminal."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            yield handler


class Brief(logging.Formatter):
    """Names three files of a job, not hundreds, and shows the end of a failed job's log.

    Args:
        whole: The formatter that says everything.
    """

    def __init__(self, whole: logging.Formatter) -> None:
        super().__init__()
        self.whole = whole

    def format(self, record: logging.LogRecord) -> str:
        """Return what is shown of a record, which stays as it is."""
        shown = copy.copy(record)
        for kind in ("input", "output"):
            files = getattr(record, kind, None)
            if isinstance(files, list) and len(files) > MOST:
                setattr(shown, kind, [*files[:MOST], f"and {len(files) - MOST} more"])
        said = self.whole.format(shown)
        if getattr(record, "event", None) != LogEvent.JOB_ERROR:
            return said
        return "\n".join([said, *(line for log in getattr(record, "log", None) or [] for line in end_of(Path(log)))])


def end_of(log: Path) -> list[str]:
    """Return the last lines of a log under its name; nothing of one that is not there."""
    lines: list[str] = []
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"{log} ends in:", *(f"    {line}" for line in lines[-LAST:])] if lines else []


class Quiet(logging.Filter):
    """Says nothing of the jobs of a rule that does nothing but look, nor of marks and of files that were to be updated.

    Args:
        rule: The name of the rule.
    """

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule
        self.ended = False  # whether the job that ended last was one of them

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is shown."""
        event, said = getattr(record, "event", None), str(record.msg)
        if event == LogEvent.JOB_FINISHED:
            self.ended = f"(Rule: {self.rule})" in said
            return not self.ended
        if event == LogEvent.PROGRESS and self.ended:
            return False
        if event == LogEvent.JOB_INFO and getattr(record, "rule_name", None) == self.rule:
            return False
        return not said.startswith(
            (*HIDDEN, f"Warning: the following output files of rule {self.rule} were not present")
        )
