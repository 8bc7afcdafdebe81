"""What is shown, where it is drawn, and who is noted, must never decide whether a command succeeds."""

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


def draw_to_files() -> None:
    """Let figures go to files alone and tell no date, whatever is said of both around here.

    Below a notebook, MPLBACKEND names what draws in it, which need not be here; an empty SOURCE_DATE_EPOCH, as a build
    may have it, is an error to a part of numpy.
    """
    os.environ["MPLBACKEND"] = "agg"
    os.environ.pop("SOURCE_DATE_EPOCH", None)


def name_the_user() -> None:
    """Give a user without a name one, as in a container without their line in passwd: Snakemake notes who ran it."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = str(os.getuid())
