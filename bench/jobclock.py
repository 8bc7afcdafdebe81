"""`exaggerated-replay` with a clock: the same command, which also notes how its seconds divide.

The benchmark of the workflow puts this in the place of the command in a throw-away clone. A job's seconds are those
before Python reaches the command (start-up of the interpreter), those of imports, wherever they happen, and the rest,
its own work.
"""

import builtins
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

LOG = "EXAGGERATED_REPLAY_JOB_CLOCK"  # environment variable: the folder to which every job adds a file


class ImportClock:
    """Adds up the seconds of outermost import statements; imports inside imports are part of them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.depth = 0
        self.import_module = builtins.__import__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Import like the statement does."""
        self.depth += 1
        started = time.perf_counter()
        try:
            return self.import_module(*args, **kwargs)
        finally:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.perf_counter() - started


def seconds_since_start() -> float:
    """Return for how long this process has been there, to a hundredth of a second."""
    ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the command line, and leave a file that says where the seconds went."""
    interpreter = seconds_since_start()
    builtins.__import__ = clock = ImportClock()
    started = time.perf_counter()
    try:
        from exaggerated_replay.cli import main as command

        sys.exit(command())
    finally:
        seconds = time.perf_counter() - started
        builtins.__import__ = clock.import_module
        note = {
            "command": sys.argv[1] if len(sys.argv) > 1 else "",
            "interpreter": interpreter,
            "imports": clock.seconds,
            "work": seconds - clock.seconds,
        }
        Path(os.environ[LOG], f"{os.getpid()}-{time.time_ns()}.json").write_text(json.dumps(note), encoding="utf-8")


if __name__ == "__main__":
    main()
