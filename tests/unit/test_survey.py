"""What the survey of a plan's files knows of each of them."""

import pytest
from plans import plan_with

from exaggerated_replay.analysis.study.outputs import all_files
from exaggerated_replay.places import RECORD, WEIGHTS
from exaggerated_replay.store import survey
from exaggerated_replay.store.survey import Survey


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_file_is_made_by_a_kind_of_rule_and_what_somebody_may_have_placed_by_hand_is_known():
    plan = plan_with()
    found = Survey(plan, all_files(plan))
    run = plan.runs[0].directory
    kinds = {
        "data/raw/digits/digits.csv.gz": "download",
        plan.source.prepared: "verify",
        next(iter(plan.splits)): "split",
        run / RECORD: "trained",
        run / WEIGHTS: "trained",
        "results/focus.json": "study",
        run / "mine.txt": None,
    }
    assert {path: found.maker(path) for path in kinds} == kinds
    by_hand = {path for path in kinds if found.made_elsewhere(path)}
    assert by_hand == {"data/raw/digits/digits.csv.gz", "results/focus.json"}


def test_whether_checkpoints_are_few_enough_to_be_read_whole_is_asked_again_at_every_look(monkeypatch):
    plan, whole = plan_with(), []
    for run in plan.runs:
        run.directory.mkdir(parents=True)
        (run.directory / RECORD).write_text("{}")
        (run.directory / WEIGHTS).write_bytes(b"123")
    monkeypatch.setattr(survey, "MOST_BYTES", 3 * len(plan.runs))
    monkeypatch.setattr(survey, "verify_record", lambda *_: None)
    monkeypatch.setattr(survey, "check_weights", lambda place, **how: whole.append(how["whole"]))
    found, weights = Survey(plan, []), plan.runs[0].directory / WEIGHTS
    for content in (b"123", b"1234"):
        weights.write_bytes(content)
        assert found.wrong(weights) is None
        found.forget()
    assert whole == [True, False]
