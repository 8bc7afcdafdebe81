"""Progress one can watch: a bar per run on a terminal, plain lines elsewhere, and a log file either way."""

import sys
from collections.abc import Callable
from typing import TextIO

from exaggerated_replay.learning.run import Progress


def line(name: str, p: Progress) -> str:
    """Say in one line where a run stands."""
    accuracy = "" if p.accuracy is None else f"  accuracy so far {p.accuracy:.1f} %"
    return f"{name}  task {p.task}/{p.tasks}  iteration {p.iteration}/{p.iterations}  loss {p.loss:.3f}{accuracy}"


def watcher(log: TextIO | None, screen: TextIO | None = None) -> Callable[[str], Callable[[Progress], None]]:
    """Return a function that makes the watch of each run.

    Args:
        log: Where every report is written, or None.
        screen: A terminal gets a bar, anything else one line per task; standard error by default.
    """
    screen = screen or sys.stderr
    bar = _bar if screen.isatty() else _lines

    def watch_run(name: str) -> Callable[[Progress], None]:
        show = bar(name, screen)

        def watch(progress: Progress) -> None:
            if log:
                print(line(name, progress), file=log, flush=True)
            show(progress)

        return watch

    return watch_run


def _lines(name: str, screen: TextIO) -> Callable[[Progress], None]:
    def show(p: Progress) -> None:
        if p.iteration == p.iterations:
            print(line(name, p), file=screen, flush=True)

    return show


def _bar(name: str, screen: TextIO) -> Callable[[Progress], None]:
    try:
        from tqdm import tqdm
    except ImportError:  # a bare machine with torch alone
        return _lines(name, screen)
    bar: list[tqdm] = []

    def show(p: Progress) -> None:
        if not bar:
            bar.append(tqdm(total=p.tasks * p.iterations, desc=name, file=screen, unit="it", dynamic_ncols=True))
        bar[0].update((p.task - 1) * p.iterations + p.iteration - bar[0].n)
        status = {"task": f"{p.task}/{p.tasks}", "loss": f"{p.loss:.3f}"}
        if p.accuracy is not None:
            status["accuracy"] = f"{p.accuracy:.1f}%"
        bar[0].set_postfix(status)
        if (p.task, p.iteration) == (p.tasks, p.iterations):
            bar[0].close()

    return show
