"""One process at a time trains a run."""

import subprocess
import sys

from exaggerated_replay.locks import alone

HOLD = """\
import sys
from pathlib import Path
from exaggerated_replay.locks import alone
with alone([Path(sys.argv[1])]):
    print("held", flush=True)
    sys.stdin.read(1)
"""
TAKE = """\
import sys
from pathlib import Path
from exaggerated_replay.locks import alone
with alone(map(Path, sys.argv[1:])):
    print("taken", flush=True)
"""


def start(program, *places, **pipes):
    command = [sys.executable, "-c", program, *map(str, places)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **pipes)


def test_a_second_process_waits_until_the_first_lets_go_and_says_so(tmp_path):
    holder = start(HOLD, tmp_path / "run", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    other = start(TAKE, tmp_path / "other", tmp_path / "run", stderr=subprocess.PIPE)
    assert "run is being trained by another process" in other.stderr.readline()
    assert other.poll() is None
    holder.communicate("x")
    assert other.communicate()[0] == "taken\n"


def test_a_killed_process_holds_nothing(tmp_path):
    holder = start(HOLD, tmp_path / "run", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    with alone([tmp_path / "run"]):
        assert (tmp_path / "run").is_dir()


def test_two_that_name_the_same_folders_in_another_order_both_come_through(tmp_path):
    places = [tmp_path / "a", tmp_path / "b"]
    both = [start(TAKE, *places), start(TAKE, *reversed(places))]
    assert [one.communicate(timeout=60)[0] for one in both] == ["taken\n", "taken\n"]
