"""The campaign in its short form; `make faults` is the long one."""

import subprocess
import sys

import pytest

from tests.faults.shim import compiler
from tests.faults.study import REPOSITORY


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler to make the shim with")
def test_killed_jobs_go_on_to_the_same_bytes():
    command = [sys.executable, "-m", "tests.faults", "--short"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("0 failures; ")
    assert " 14 kills; " in last
