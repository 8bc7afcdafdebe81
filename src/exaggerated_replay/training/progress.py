"""Progress one can watch: a bar per run on a terminal, plain lines elsewhere, and a log file either way."""

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from exaggerated_replay.learning.run import Progress
from exaggerated_replay.wording import duration

Show = Callable[[Progress, float | None], None]  # where the run stands, and the seconds left


def steps(p: Progress) -> tuple[int, int]:
    """Return how many steps a run has taken, and how many it takes in all."""
    return (p.task - 1) * p.iterations + p.iteration, p.tasks * p.iterations


class Pace:
    """How long a run still takes, from the steps taken so far in this process.

    The first task tells nothing: it replays nothing, and its steps are shorter.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.since: tuple[int, float] | None = None  # steps taken, and when

    def left(self, p: Progress) -> float | None:
        """Return the seconds that are left; None as long as nobody can tell."""
        (done, total), now = steps(p), self.clock()
        if self.since is None or p.task == 1:
            self.since = done, now
        before, then = self.since
        return (now - then) / (done - before) * (total - done) if done > before else None


def shown(loss: float) -> str:
    """Return a loss as a line has room for it; a penalty of synaptic intelligence may pass 1e19."""
    return f"{loss:.3f}" if loss < 1e6 else f"{loss:.1e}"


def line(name: str, p: Progress, left: float | None) -> str:
    """Say in one line where a run stands, and how many seconds are left where that is known."""
    said = f"{name}  task {p.task}/{p.tasks}  iteration {p.iteration}/{p.iterations}  loss {shown(p.loss)}"
    said += "" if p.accuracy is None else f"  accuracy so far {p.accuracy:.1f} %"
    return f"{said}  {duration(left)} left" if left else said


def watcher(
    log: TextIO | None, screen: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Callable[[str], Callable[[Progress], None]]:
    """Return a function that makes the watch of each run.

    Args:
        log: Where every report is written, or None.
        screen: A terminal gets a bar, anything else one line per task; standard error by default.
        clock: Tells seconds.
    """
    screen = screen or sys.stderr
    bar = _bar if screen.isatty() else _lines

    def watch_run(name: str) -> Callable[[Progress], None]:
        show, pace = bar(name, screen), Pace(clock)

        def watch(progress: Progress) -> None:
            left = pace.left(progress)
            if log:
                print(line(name, progress, left), file=log, flush=True)
            show(progress, left)

        return watch

    return watch_run


def _lines(name: str, screen: TextIO) -> Show:
    def show(p: Progress, left: float | None) -> None:
        if p.iteration == p.iterations:
            print(line(name, p, left), file=screen, flush=True)

    return show


def _bar(name: str, screen: TextIO) -> Show:
    try:
        from tqdm import tqdm
    except ImportError:  # a bare machine with torch alone
        return _lines(name, screen)
    bar: list[tqdm[Any]] = []

    def show(p: Progress, _: float | None) -> None:
        done, total = steps(p)
        if not bar:
            # Steps before the first report, as of a run that resumes, took no time here: they are no part of the rate.
            bar.append(tqdm(total=total, initial=done, desc=name, file=screen, unit="it", dynamic_ncols=True))
        bar[0].update(done - bar[0].n)
        status = {"task": f"{p.task}/{p.tasks}", "loss": shown(p.loss)}
        if p.accuracy is not None:
            status["accuracy"] = f"{p.accuracy:.1f}%"
        bar[0].set_postfix(status)
        if (p.task, p.iteration) == (p.tasks, p.iterations):
            bar[0].close()

    return show
