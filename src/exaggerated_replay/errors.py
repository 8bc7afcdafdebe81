"""What ends a command without a traceback: errors that are the user's to mend, and being asked to stop."""

from pathlib import Path
from traceback import extract_tb


class UserError(Exception):
    """Something the user can mend: one sentence that names the key or file and says what to do.

    The command line prints it without a traceback and exits with status 2.
    """


class Interrupted(Exception):
    """The process was asked to stop, and saved what it goes on from.

    The command line prints it without a traceback and exits with the status that shells give a stopped process.
    """

    def __init__(self, signal: int) -> None:
        """Take the number of the signal that asked."""
        super().__init__("saved; type the same command to resume")
        self.status = 128 + signal


def line_in(path: Path, error: BaseException) -> int | None:
    """Return the last line of a file that an error came through; None where it came from elsewhere."""
    frames = reversed(extract_tb(error.__traceback__))
    return next((frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()), None)


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise what Python, numpy and torch raise where memory is short; torch is not imported for that."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ in ("OutOfMemoryError", "_ArrayMemoryError")
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
