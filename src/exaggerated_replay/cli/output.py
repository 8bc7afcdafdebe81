"""What is shown must never decide whether a command succeeds."""

import io
import sys


def show_anything() -> None:
    """Let stdout and stderr take every character: what their encoding lacks is written as its number.

    A locale or PYTHONIOENCODING may leave them ASCII or Latin-1, and the name of a file may be no text at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
