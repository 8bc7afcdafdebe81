"""Programs that a command starts: whoever stops the command stops them, and waits until they have saved their work."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def environment_with(source: Path) -> dict[str, str]:
    """Return this process's environment, in which programs import the package from a folder before any other copy.

    They find this environment's own programs first, too, whether or not it is activated.
    """
    first = {"PYTHONPATH": str(source.resolve()), "PATH": str(Path(sys.executable).parent)}
    found = {name: os.pathsep.join(filter(None, [path, os.environ.get(name)])) for name, path in first.items()}
    return {**os.environ, **found}


def run_to_its_end(command: Sequence[str], **options: Any) -> tuple[int, str]:
    """Run a program, and wait for it also when this process is asked to stop; asked once more, the program is told.

    Ctrl-C reaches the program by itself, from the terminal that both have. Whatever else ends this process, as SIGTERM
    does by `SystemExit`, is passed on as SIGTERM.

    Args:
        command: The program and its arguments.
        options: Of `subprocess.Popen`.

    Returns:
        Its exit status; and what it said, where `stdout` is a pipe.
    """
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            said, _ = process.communicate()
        except BaseException as stopped:
            if not isinstance(stopped, KeyboardInterrupt):
                process.terminate()
            try:
                process.wait()
            except BaseException:
                process.terminate()
                process.wait()
            raise
    return process.returncode, said or ""
