"""What counts as the same when a study is built anew."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from sample_report import plan_of
from studies import planned

from exaggerated_replay.commands import rebuild
from exaggerated_replay.commands.agreement import Agreement, compare_folders
from exaggerated_replay.errors import UserError

FILES = ("metrics.json", "figures/table1.png", "runs.csv", "verdicts.csv")


@pytest.fixture
def folders(tmp_path):
    """Two folders of one study, the same to the byte."""
    for place in ("old", "new"):
        (tmp_path / place / "figures").mkdir(parents=True)
        for name in (*FILES, "report.html", "README.md", "plan.json"):  # the last three are not compared
            (tmp_path / place / name).write_text(place)
        for name in FILES:
            (tmp_path / place / name).write_text("1\n")
    return tmp_path / "old", tmp_path / "new"


def compared(folders, **known):
    found = Agreement("c" * 40, 1.0, **known)
    compare_folders(found, planned(plan_of()), *folders)
    return found


def test_every_file_with_other_numbers_is_named(folders):
    for name in FILES:
        (folders[1] / name).write_text("2\n")
    found = compared(folders)
    assert set(found.far) == {"metrics.json", "runs.csv", "verdicts.csv"}
    assert found.shown == ["figures/table1.png"]


def test_numbers_that_follow_from_records_that_differ_decide_nothing(folders):
    (folders[1] / "runs.csv").write_text("2\n")
    found = compared(folders, near={"a-run": 0.1})
    assert (found.far, found.shown) == ({}, ["runs.csv"])


def test_a_file_that_is_not_made_any_more_hides_no_other(folders):
    (folders[1] / "metrics.json").unlink()
    (folders[1] / "runs.csv").write_text("2\n")
    assert set(compared(folders).far) == {"metrics.json", "runs.csv"}


def test_the_code_of_the_commit_comes_before_what_pythonpath_holds_and_nothing_of_that_is_dropped(
    tmp_path, monkeypatch
):
    (tmp_path / "show.py").write_text("import os\nprint(os.environ['PYTHONPATH'])\n")
    monkeypatch.setenv("PYTHONPATH", "/mine:/more")
    assert rebuild._run(tmp_path, "show") == f"{tmp_path}/src:/mine:/more\n"
    monkeypatch.delenv("PYTHONPATH")
    assert rebuild._run(tmp_path, "show") == f"{tmp_path}/src\n"


def test_a_method_outside_of_the_repository_is_taken_from_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rebuild, "_git", lambda *asked: SimpleNamespace(returncode=asked[-1] != "HEAD:own/lwf.py"))
    (tmp_path / "study").mkdir()
    methods = {"mine": "agem.py", "ours": "own/lwf.py"}  # only the name of the first was kept
    values = {"study": {"seeds": 1}, "methods": methods, "encoder": {"weights": "own/lwf.py"}}
    (tmp_path / "study/params.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/lwf.py").write_text("today's, which the commit's own goes before")
    with pytest.raises(UserError, match=r"study was made from agem\.py, a file of your own: name it with --data FILE"):
        rebuild._params(Path("study"), planned({}), [], [], "HEAD")
    (tmp_path / "agem.py").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/agem.py").write_text("")
    given = yaml.safe_load(rebuild._params(Path("study"), planned({}), [], [tmp_path / "elsewhere/agem.py"], "HEAD"))
    assert given["methods"] == {"mine": str(tmp_path / "elsewhere/agem.py"), "ours": "own/lwf.py"}
    assert given["encoder"] == {"weights": "own/lwf.py"}


def test_a_file_of_tasks_in_a_grid_is_taken_from_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rebuild, "_git", lambda *asked: SimpleNamespace(returncode=asked[-1] != "HEAD:own/ours.yaml"))
    rows = [
        {"arm": ["er"], "dataset.tasks": ["x2", "t.yaml", "own/ours.yaml"]},
        {"arm": ["er"], "model.units": [7], "against": {"arm": "er", "dataset.tasks": "t.yaml"}},
    ]
    (tmp_path / "study").mkdir()
    (tmp_path / "study/params.yaml").write_text(yaml.safe_dump({"study": {"seeds": 3, "grids": {"g": rows}}}))
    cells = {tasks: {"config": {"dataset": {"tasks": tasks}}} for tasks in ("t.yaml", "ours.yaml")}
    plan = planned({"cells": {**cells, "twice": {"config": {"dataset": {"tasks": 10}}}}})
    with pytest.raises(UserError, match=r"study was made from t\.yaml, a file of your own: name it with --data FILE"):
        rebuild._params(Path("study"), plan, [], [], "HEAD")
    mine = tmp_path / "t.yaml"
    mine.write_text("[[0, 1], [2, 3]]")
    given = yaml.safe_load(rebuild._params(Path("study"), plan, [1], [mine], "HEAD"))
    rows[0]["dataset.tasks"][1] = rows[1]["against"]["dataset.tasks"] = str(mine)
    assert given == {"study": {"seeds": [1], "grids": {"g": rows}}}


def test_a_study_that_was_made_with_changes_that_nobody_committed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(rebuild, "_git", lambda *_: SimpleNamespace(returncode=0))
    modified = "M src/a.py\nR  src/b.py -> src/c.py\n M Snakefile"  # as Git says it, without the spaces around
    (tmp_path / "provenance.json").write_text(json.dumps({"commit": "c" * 40, "modified": modified}))
    assert rebuild._commit(tmp_path) == ("c" * 40, ["src/a.py", "src/c.py", "Snakefile"])
    (tmp_path / "provenance.json").write_text(json.dumps({"commit": "c" * 40, "modified": ""}))
    assert rebuild._commit(tmp_path) == ("c" * 40, [])
    told = Agreement("c" * 40, 1.0, ["src/a.py", "Snakefile"]).told().splitlines()
    assert told[1] == (
        "The study was made with changes that no commit has, and that are not built: in src/a.py, Snakefile."
    )
    assert len(Agreement("c" * 40, 1.0).told().splitlines()) == 2
