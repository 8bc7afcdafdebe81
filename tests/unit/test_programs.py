"""Who stops a command waits until the workflow that it started has saved its work."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from exaggerated_replay.commands import programs
from exaggerated_replay.commands.programs import run_to_its_end
from exaggerated_replay.planning.compose import write_params

CONF = Path(__file__).parents[2] / "conf"
WORKFLOW = """
import signal, sys, time
from pathlib import Path

def save(number, frame):
    time.sleep(1)  # longer than `subprocess` waits by itself after Ctrl-C
    Path("saved").write_text(signal.Signals(number).name)
    sys.exit(128 + number)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, save)
print("begun", flush=True)
while True:
    signal.pause()
"""
DECIDE = ["decide"]
SELECT = ["select", "arm=er", "method.memory_per_class=1,2", "--seeds", "100-102", "--test-seeds", "1"]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("conf").symlink_to(CONF)
    write_params(CONF, ["study=table1", "study.seeds=2"], Path("params.yaml"))
    Path("workflow.py").write_text(WORKFLOW)


@pytest.mark.parametrize(
    ("command", "number"),
    [(DECIDE, signal.SIGINT), (DECIDE, signal.SIGTERM), (SELECT, signal.SIGTERM)],
    ids=["decide, Ctrl-C", "decide, SIGTERM", "select, SIGTERM"],
)
def test_the_workflow_saves_its_work_before_the_command_ends(repository, command, number):
    workflow = ["--workflow", f"{sys.executable} workflow.py"]
    process = subprocess.Popen(
        [sys.executable, "-m", "exaggerated_replay", *command, *workflow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == "begun\n"
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        _, said = process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + number
    assert Path("saved").read_text() == number.name
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("first", "calls"),
    [(KeyboardInterrupt, ["wait", "terminate", "wait"]), (SystemExit, ["terminate", "wait", "terminate", "wait"])],
)
def test_asked_once_more_the_program_is_told_at_once(monkeypatch, first, calls):
    made = []

    class Program:
        def __init__(self, *_, **__):
            self.waits = iter([KeyboardInterrupt, None])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def communicate(self):
            raise first

        def terminate(self):
            made.append("terminate")

        def wait(self):
            made.append("wait")
            if error := next(self.waits):
                raise error

    monkeypatch.setattr(programs.subprocess, "Popen", Program)
    with pytest.raises(first):
        run_to_its_end(["work"])
    assert made == calls


def test_what_a_program_says_and_its_status_come_back():
    assert run_to_its_end([sys.executable, "-c", "print(3); raise SystemExit(4)"], stdout=subprocess.PIPE) == (4, "3\n")
    assert run_to_its_end([sys.executable, "-c", ""]) == (0, "")
