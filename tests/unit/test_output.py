"""A user without a name in passwd gets one, and nobody else does."""

import getpass
import os

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
