"""What is shown, and who is noted, must never decide whether a command succeeds."""

import getpass
import io
import os
import sys


def show_anything() -> None:
    """Let stdout and stderr take every character: what their encoding lacks is written as its number.

    A locale or PYTHONIOENCODING may leave them ASCII or Latin-1, and the name of a file may be no text at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def name_the_user() -> None:
    """Give a user without a name one, as in a container without their line in passwd: Snakemake notes who ran it."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = str(os.getuid())
