"""What an experiment of DVC's would drop of what was composed before is named; what was chosen anew is not."""

import subprocess
from pathlib import Path

import pytest

from exaggerated_replay import cli
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.compose import compose_values, note_held, write_params
from exaggerated_replay.planning.dropped import check_nothing_dropped, dropped
from exaggerated_replay.strict_yaml import dump_yaml, read_yaml

CONF = Path(__file__).parents[2] / "conf"
ASKED = ["study=one", "study.seeds=2", "arms.rr-ra.lambda_ra=0.5"]


@pytest.fixture
def before(tmp_path, monkeypatch):
    """What params.yaml says after `compose`."""
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)
    write_params(CONF, ASKED, Path("params.yaml"))
    return read_yaml(Path("params.yaml"))


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        (["focus=bir-si"], ["study=one", "arms.rr-ra.lambda_ra=0.5", "study.seeds=2"]),
        (["study=one", "focus=bir-si"], ["arms.rr-ra.lambda_ra=0.5", "study.seeds=2"]),
        ([*ASKED, "focus=bir-si"], []),
        (["study=ablation", "study.seeds=3", "arms.rr-ra.lambda_ra=0.1"], []),  # all of it was chosen anew
        (["study=ablation", "arms.rr-ra.lambda_ra=0.1"], ["study.seeds=2"]),
    ],
)
def test_what_is_as_conf_has_it_again_is_dropped(before, given, gone):
    assert dropped(CONF, compose_values(CONF, given), before) == gone


def test_what_would_be_lost_is_spelt_as_hydra_reads_it(before):
    grids = "study.grids.table1=[{arm: [bir-si]}, {arm: [rr-ra], method.f: [5, 20]}]"
    held = {**compose_values(CONF, ["study=table1", grids]), "composed_with": ["study=table1", grids]}
    (said,) = dropped(CONF, compose_values(CONF, ["study=table1", "focus=bir-si"]), held)
    assert compose_values(CONF, ["study=table1", said])["study"] == held["study"]


def test_what_conf_does_not_have_is_spelt_as_something_new(before):
    mine = ["+methods.mine=own/mine.py", "+arms.mine={method: mine, rate: 0.5}", "+study.grids.own=[{arm: [mine]}]"]
    held = {**compose_values(CONF, mine), "composed_with": mine}
    said = dropped(CONF, compose_values(CONF, ["focus=bir-si"]), held)
    assert [word.partition("=")[0] for word in said] == ["++arms.mine", "++methods.mine", "++study.grids.own"]
    again = compose_values(CONF, said)
    assert [again[key] for key in ("methods", "arms", "study")] == [held[key] for key in ("methods", "arms", "study")]


def test_what_was_taken_out_is_spelt_as_taken_out(before):
    held = {**compose_values(CONF, ["~study.grids.convergence"]), "composed_with": ["~study.grids.convergence"]}
    said = dropped(CONF, compose_values(CONF, ["focus=bir-si"]), held)
    assert said == ["~study.grids.convergence"]
    assert compose_values(CONF, said)["study"] == held["study"]


def test_of_what_conf_says_by_itself_nothing_can_be_dropped(before):
    usual = {**compose_values(CONF, []), "composed_with": []}
    assert dropped(CONF, compose_values(CONF, ["study=one", "focus=bir-si"]), usual) == []


def test_values_set_by_hand_are_dropped_like_those_that_were_composed(before):
    by_hand = {**compose_values(CONF, []), "focus": "bir-si"}
    assert dropped(CONF, compose_values(CONF, ["study.seeds=3"]), by_hand) == ["focus=bir-si"]


def test_an_experiment_is_refused_with_what_would_be_lost(before, monkeypatch):
    composed = compose_values(CONF, ["focus=bir-si"])
    check_nothing_dropped(CONF, composed)  # no experiment: whoever wrote it meant it
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    with pytest.raises(UserError) as refused:
        check_nothing_dropped(CONF, composed)
    assert "would drop study=one, arms.rr-ra.lambda_ra=0.5, study.seeds=2: name that with -S, too" in str(refused.value)
    note_held(dump_yaml(composed))  # of an experiment nothing is noted
    with pytest.raises(UserError):
        check_nothing_dropped(CONF, composed)
    check_nothing_dropped(CONF, compose_values(CONF, ASKED))


def test_a_copy_for_an_experiment_looks_at_what_its_checkout_held(before, tmp_path, monkeypatch):
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="study=one"):
        check_nothing_dropped(CONF, compose_values(CONF, []))


def commit():
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "params.yaml"], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *command], check=True)


def test_another_version_that_was_checked_out_since_says_what_held(before, monkeypatch):
    commit()
    note_held(dump_yaml(before))
    Path("params.yaml").write_text(dump_yaml(compose_values(CONF, ["study=ablation"])))
    commit()
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "HEAD")
    check_nothing_dropped(CONF, compose_values(CONF, ["study=ablation", "focus=bir-si"]))
    with pytest.raises(UserError, match="would drop study=ablation: name"):
        check_nothing_dropped(CONF, compose_values(CONF, ["focus=bir-si"]))
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "HEAD~1")
    with pytest.raises(UserError, match="would drop study=one"):
        check_nothing_dropped(CONF, compose_values(CONF, ["focus=bir-si"]))


def test_where_nothing_was_composed_yet_the_commit_says_what_held(before, monkeypatch):
    Path(".training/params.json").unlink()
    commit()
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as below a hook of Git's
    with pytest.raises(UserError, match="study=one"):
        check_nothing_dropped(CONF, compose_values(CONF, []))
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "nowhere")
    check_nothing_dropped(CONF, compose_values(CONF, []))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["focus=bir-si"], "would drop study=one, "),
        ([*ASKED, "focus=bir-si", "training.batch=0"], "training.batch is 0: it must be at least 1"),
    ],
    ids=["dropped", "out of bounds"],
)
def test_params_yaml_is_as_it_was_where_an_experiment_is_refused(before, given, told, monkeypatch, capsys):
    """Down to a remark of the user's, whose text it is."""
    Path("conf").symlink_to(CONF)
    text = "# mine\n" + Path("params.yaml").read_text()
    note_held(text)
    Path("params.yaml").write_text(dump_yaml(compose_values(CONF, given)))
    composed = Path("params.yaml").read_text()
    assert cli.main(["drift"]) == (0 if told.startswith("would drop") else 2)
    assert Path("params.yaml").read_text() == composed  # no experiment: whoever wrote it meant it

    capsys.readouterr()
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    assert cli.main(["drift"]) == 2
    said = capsys.readouterr().err
    assert told in said and said.endswith("; params.yaml holds again what it held before\n")
    assert Path("params.yaml").read_text() == text


def test_a_params_yaml_that_dvc_did_not_compose_is_left_as_it_is(before, monkeypatch, capsys):
    """With `dvc exp run --no-hydra` it is the user's own, with what they changed by hand."""
    Path("conf").symlink_to(CONF)
    own = Path("params.yaml").read_text() + "magic: 1\n"
    Path("params.yaml").write_text(own)
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    assert cli.main(["drift"]) == 2
    assert capsys.readouterr().err.startswith("exaggerated-replay: params.yaml: magic is not a setting")
    assert Path("params.yaml").read_text() == own
