"""A user without a name in passwd gets one, and nobody else does; and figures need no backend of a notebook's."""

import getpass
import os
import subprocess
import sys

import pytest

from exaggerated_replay.cli.output import name_the_user

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_called_by_number(monkeypatch, error):
    def unknown():
        raise error

    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.setattr(getpass, "getuser", unknown)
    name_the_user()
    assert os.environ["LOGNAME"] == str(os.getuid())


def test_a_user_with_a_name_keeps_it(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    name_the_user()
    assert os.environ["LOGNAME"] == "ada"


def test_what_draws_in_a_notebook_is_not_needed_for_a_file(tmp_path):
    """A cell of a notebook that starts a command hands it the notebook's backend, which may not be installed here."""
    draw = "import matplotlib.pyplot as p; print(p.get_backend().lower()); p.plot([1]); p.savefig('a.pdf')"
    code = f"from exaggerated_replay import cli; cli.main(['--help']); import numpy.f2py; {draw}"
    environment = os.environ | {"MPLBACKEND": "module://backend_of_another_environment", "SOURCE_DATE_EPOCH": ""}
    told = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, **told)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "agg"
    assert (tmp_path / "a.pdf").is_file()
