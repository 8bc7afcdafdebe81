"""The one place that makes a sentence of an error, and an exit status."""

import errno
import os
import sys
import traceback as tracebacks
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from exaggerated_replay.errors import Interrupted, UserError, is_out_of_memory, line_in
from exaggerated_replay.settings.methods import method_names, own_method

MENDABLE, MISTAKE = 2, 1


def tell(error: BaseException, traceback: bool) -> int:
    """Say what went wrong, on stderr, and return the exit status.

    Args:
        error: What reached the top.
        traceback: Whether to show where it came from.
    """
    if traceback and not isinstance(error, click.exceptions.Exit):
        tracebacks.print_exception(error)
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            error.show()
            return MENDABLE
        case SystemExit():
            return error.code if isinstance(error.code, int) else MENDABLE
        case BrokenPipeError():  # whoever reads has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
    sentence, status = verdict(error)
    print(sentence, file=sys.stderr, flush=True)
    return status


def verdict(error: BaseException) -> tuple[str, int]:
    """Return what is said of an error that ends a command, one line, and the exit status."""
    what, status = f"{type(error).__name__}: {error}", MENDABLE
    match error:
        case Interrupted():
            said, status = str(error), error.status
        case KeyboardInterrupt() | click.Abort():
            said, status = "stopped: type the same command to resume", 130
        case _ if (sentence := sentence_of(error)) is not None:
            said = sentence
        case _ if (place := _in_own_method(error)) is not None:
            said = f"{place}: {what}; --traceback shows how it came to that"
        case _:
            said, status = f"this is a bug in the program, not your mistake ({what}); --traceback shows where", MISTAKE
    return f"exaggerated-replay: {' '.join(said.split())}", status


@contextmanager
def noting(log: Path) -> Iterator[TextIO]:
    """Write a log anew, whose last line says what ended the command where anything did."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        try:
            yield file
        except BaseException as error:
            print(verdict(error)[0], file=file)
            raise


def sentence_of(error: BaseException) -> str | None:
    """Return one sentence about an error of the outside world, or None where it is the program's own."""
    match error:
        case UserError():
            return str(error)
        case OSError():
            return _of_the_system(error)
        case UnicodeError():
            return f"a text that was read or written is not in UTF-8: {error}"
        case ValueError() if "null byte" in str(error):  # from whatever opens files
            return "the name of a file has a zero byte in it, which no name can have"
        case RecursionError():
            return "something that was read is nested too deeply"
        case _ if is_out_of_memory(error):
            return (
                "there is not enough memory: choose smaller sizes (model.units, training.batch), run fewer jobs at "
                "once, or use a machine with more"
            )
    return None


def _of_the_system(error: OSError) -> str:
    """Name the file and what the system says of it."""
    names = [os.fspath(name) for name in (error.filename, error.filename2) if isinstance(name, str | os.PathLike)]
    file = str(names[0]) if names else "a file"
    match error.errno:
        case errno.ENOENT:
            return f"{file} does not exist"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{file} cannot be read or written here: check its permissions"
        case errno.EISDIR:
            return f"{file} is a folder, where a file is needed"
        case errno.ENOTDIR | errno.EEXIST:
            return f"{file} cannot be made, because a file lies where a folder is needed"
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"{file} cannot be written, because there is no space left: make room and start again"
        case _:
            return f"{file}: {(error.strerror or str(error)).lower()}"


def _in_own_method(error: BaseException) -> str | None:
    """Return the file and line of a method of the user's own that an error came through last; None of any other."""
    files = [own.path for name in method_names() if (own := own_method(name))]
    return next((f"{file}, line {line}" for file in files if (line := line_in(file, error))), None)
