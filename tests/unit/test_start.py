"""What a start does before its first job: runs that are forced are moved aside, whole, and no others."""

from pathlib import Path

import pytest
from plans import plan_with

from exaggerated_replay.errors import UserError
from exaggerated_replay.store.start import anew
from exaggerated_replay.workflow.milestones import Milestones

RUNS, STORE, ASIDE = Path("results/runs"), Path(".store"), Path(".training/aside")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_runs_are_moved_from_both_places_and_what_is_not_theirs_stays():
    put(STORE / "a/record.json", STORE / "a/model.safetensors", RUNS / "a/record.json", RUNS / "a/mine.txt")
    put(STORE / "b/record.json", RUNS / "c/record.json")
    assert [*anew(["a", "b", "not finished"])] == [
        "a and 1 more: trained again, as was asked for; moved to .training/aside/a.1"
    ]
    assert files(STORE) == set()
    assert files(RUNS) == {"a/mine.txt", "c/record.json"}
    assert files(ASIDE) == {"a.1/record.json", "a.1/model.safetensors", "a.2/record.json", "b.1/record.json"}
    assert (ASIDE / "a.1/record.json").read_text() == ".store/a/record.json"


def test_where_nothing_is_finished_nothing_is_said():
    assert [*anew(["a"])] == []
    assert [*anew([])] == []


def test_every_run_has_the_mark_of_the_job_that_trains_it_and_no_other_name_has_one():
    found = Milestones(plan_with())
    for pack, runs in found.plan.packs.items():
        for run in runs:
            assert found.mark_of(run.directory.name) == f".training/packs/{pack}"
    with pytest.raises(UserError, match=r"results/runs/none belongs to no run of this study"):
        found.mark_of("none")
    with pytest.raises(UserError, match=r"\.training/packs/0 is not a job of this study"):
        found.runs_of("0")
