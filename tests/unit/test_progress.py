"""What one can watch while runs are trained."""

import io
import sys

import pytest

from exaggerated_replay.learning.run import Progress
from exaggerated_replay.training.progress import Pace, watcher
from exaggerated_replay.wording import duration

REPORTS = [
    Progress(task=1, tasks=2, iteration=5, iterations=10, loss=2.34567, accuracy=None),
    Progress(task=1, tasks=2, iteration=10, iterations=10, loss=1.5, accuracy=None),
    Progress(task=2, tasks=2, iteration=5, iterations=10, loss=1.25, accuracy=87.65),
    Progress(task=2, tasks=2, iteration=10, iterations=10, loss=0.5, accuracy=87.65),
]
LINES = [
    "er-s0-aa  task 1/2  iteration 5/10  loss 2.346",
    "er-s0-aa  task 1/2  iteration 10/10  loss 1.500",
    "er-s0-aa  task 2/2  iteration 5/10  loss 1.250  accuracy so far 87.7 %  70 s left",
    "er-s0-aa  task 2/2  iteration 10/10  loss 0.500  accuracy so far 87.7 %",
]


def clock():
    """Return a clock that says so many seconds more each time: five steps of the second task take 70 s."""
    return iter([0, 40, 110, 180]).__next__


class Terminal(io.StringIO):
    def isatty(self):
        return True


def report_all(log, screen, name="er-s0-aa"):
    watch = watcher(log, screen, clock())(name)
    for progress in REPORTS:
        watch(progress)


def test_anything_but_a_terminal_gets_a_line_for_each_task():
    screen = io.StringIO()
    report_all(None, screen)
    assert screen.getvalue().splitlines() == [LINES[1], LINES[3]]


def test_the_rate_of_a_run_that_resumes_is_that_of_the_steps_taken_here(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, *, total, initial, **look):
            self.n = initial
            bars.append((total, initial))

        def update(self, steps):
            self.n += steps

        def set_postfix(self, status):
            pass

        def close(self):
            bars.append(self.n)

    monkeypatch.setattr("tqdm.tqdm", Bar)
    watch = watcher(None, Terminal(), clock())("er-s0-aa")
    for progress in REPORTS[2:]:  # it resumes in its second task
        watch(progress)
    assert bars == [(20, 15), 20]


def test_a_terminal_gets_a_bar_that_ends_full():
    screen = Terminal()
    report_all(None, screen)
    shown = screen.getvalue()
    assert "\r" in shown
    assert not set(LINES) & set(shown.splitlines())
    last = shown.rstrip("\n").split("\r")[-1]
    assert last.startswith("er-s0-aa: 100%")
    assert "20/20" in last  # two tasks of ten iterations
    assert "task=2/2" in last
    assert "loss=0.500" in last
    assert "accuracy=87.7%" in last


def test_each_run_has_its_own_bar():
    screen = Terminal()
    make = watcher(None, screen)
    for name in ("one", "two"):
        watch = make(name)
        for progress in REPORTS:
            watch(progress)
    assert screen.getvalue().count("one: 100%") >= 1
    assert screen.getvalue().count("two: 100%") >= 1


@pytest.mark.parametrize("screen", [io.StringIO, Terminal])
def test_the_log_gets_every_report_at_once_wherever_one_watches(tmp_path, screen):
    path = tmp_path / "train.log"
    with path.open("w") as log:
        watch = watcher(log, screen(), clock())("er-s0-aa")
        for number, progress in enumerate(REPORTS, start=1):
            watch(progress)
            assert path.read_text().splitlines() == LINES[:number]  # not only when the file is closed


def test_without_a_terminal_library_a_terminal_gets_lines(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    screen = Terminal()
    report_all(None, screen)
    assert screen.getvalue().splitlines() == [LINES[1], LINES[3]]


def test_a_run_that_goes_on_is_judged_by_the_steps_of_this_process():
    """It went on at step 700 of 1,000 and took 50 steps in 100 s: the 250 that are left take 500."""
    pace = Pace(iter([1000.0, 1100.0, 1500.0]).__next__)
    reports = [Progress(task=8, tasks=10, iteration=n, iterations=100, loss=1.0, accuracy=50.0) for n in (0, 50, 100)]
    assert [pace.left(report) for report in reports] == [None, 500.0, 1000.0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (89.9, "90 s"),
        (90, "2 min"),
        (720, "12 min"),
        (3600, "1 h 00 min"),
        (11100, "3 h 05 min"),
    ],
)
def test_times_are_said_as_one_says_them(seconds, text):
    assert duration(seconds) == text
