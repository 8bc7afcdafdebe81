"""Every row of bad input ends in a sentence that names it; nothing is written, nothing hangs, no traceback is shown."""

import shutil
import signal

import pytest

from exaggerated_replay import cli
from exaggerated_replay.store.records import is_complete
from exaggerated_replay.store.survey import Survey
from tests.bad_input.place import files, found, lay_out, recounted, spelt, the_plan
from tests.bad_input.rows import rows

ROWS = rows()
SECONDS = 120


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "study"
    folder.mkdir()
    lay_out(folder)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(folder)
    plan = the_plan()
    monkeypatch.undo()
    return folder, plan


@pytest.fixture
def copy(study, tmp_path, monkeypatch):
    folder, plan = study
    shutil.copytree(folder, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(tmp_path / "study")

    def hung(*_):
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, hung)
    signal.alarm(SECONDS)
    yield tmp_path / "study", plan
    signal.alarm(0)


def test_there_are_six_hundred_rows_and_each_is_another():
    assert len(ROWS) > 600
    assert len({(row.what, row.command) for row in ROWS}) == len(ROWS)


def test_a_broken_conf_is_said_and_does_not_stand_in_the_way_of_params_that_are_right(copy, capfd):
    (copy[0] / "conf/study/bad.yaml").write_text("study: [")
    assert cli.main(["plan"]) == 0
    assert cli.main(["drift"]) == 0
    assert "conf/ cannot be composed" in capfd.readouterr().out


def test_a_run_with_a_changed_digit_counts_as_not_there_and_is_trained_again_to_the_same_bytes(copy, capfd):
    _, plan = copy
    path = found("results/runs/*/record.json")
    right = path.read_bytes()
    recounted()
    assert not is_complete(path.parent)
    survey = Survey(plan, [])
    assert "was changed after its run" in survey.wrong(path)
    assert survey.missing(run.directory / "record.json" for run in plan.runs) == [str(path)]
    assert {*survey.spoilt()} >= {path, path.parent / "model.safetensors"}
    assert cli.main(spelt(("train", "1", "PLAN"), plan)) == 0
    assert path.read_bytes() == right
    survey.forget()
    assert survey.wrong(path) is None


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row.command[0]}: {row.what}".encode("ascii", "replace").decode()
)
def test_bad_input_ends_in_a_sentence_and_writes_nothing(copy, capfd, row):
    folder, plan = copy
    row.change()
    before = files(folder)
    capfd.readouterr()
    status = cli.main(spelt(row.command, plan))
    said = capfd.readouterr()
    assert status == 2, said
    assert "Traceback" not in said.out + said.err
    lines = [line for line in said.err.strip().splitlines() if not line.startswith(("Usage: ", "Try "))]
    assert lines[-1].startswith(("exaggerated-replay: ", "Error: ")), said.err
    told = "\n".join(line.removeprefix("exaggerated-replay: ") for line in lines)
    assert row.words and all(word in told for word in row.words), said.err
    assert files(folder) == before
