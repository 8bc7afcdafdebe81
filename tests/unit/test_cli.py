"""The command line: its help, its one-sentence errors, and one pass from a file to metrics."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from exaggerated_replay import cli
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.learning import progress  # noqa: F401 (remembers stderr: not the one of a test)
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params, params_schema
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.start import plan_path, write_plan

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = {
    "compose": ["KEY=VALUE"],
    "drift": [],
    "schema": ["target"],
    "plan": ["--plan"],
    "fetch": ["dataset", "--plan"],
    "prepare": ["dataset", "--plan", "--out"],
    "pretrain": ["dataset", "images", "--plan", "--out", "--workspace", "--timings"],
    "features": ["data", "--plan", "--out"],
    "train": ["records", "--plan", "--data", "--log", "--workspace", "--timings"],
    "study": ["--plan"],
    "compare": ["baseline", "treatment", "--plan", "--study"],
    "decide": ["claim", "--seeds-at-most", "--workflow"],
    "focus": ["--plan"],
    "verify": ["--plan"],
    "explain": ["name", "--plan"],
    "prune": ["--plan", "--workspace"],
    "export": ["file", "--runs", "--timings", "--study"],
    "import": ["file", "--runs", "--timings"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(CONF, "conf")
    return tmp_path


def refused(capsys, *arguments):
    """The one line on stderr with which a command ends in status 2."""
    assert cli.main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("exaggerated-replay: ")
    assert shown.err.endswith("\n")
    assert shown.err.count("\n") == 1
    return shown.err


def test_what_params_ask_for_is_explained_and_verified_before_anything_ran(folder, capsys):
    assert cli.main(["compose", "study.seeds=1"]) == 0
    assert cli.main(["drift"]) == 0
    assert cli.main(["explain", "bir-si"]) == 0
    told = capsys.readouterr().out
    assert "params.yaml is what conf/ composes" in told
    assert "not trained yet" in told
    assert cli.main(["verify"]) == 2
    assert "is not finished: run the workflow" in capsys.readouterr().err
    assert not (folder / "results").exists()


# ---------------------------------------------------------------- help


def test_the_help_lists_every_subcommand(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in OPTIONS)
    assert "Exit status: 0 done, 2 something to mend" in shown


@pytest.mark.parametrize("name", OPTIONS)
def test_the_help_of_a_subcommand_explains_all_it_takes(capsys, name):
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in OPTIONS[name])
    options = [line for line in shown.splitlines() if line.startswith("  --")]
    assert sorted(line.split()[0] for line in options) == sorted(o for o in OPTIONS[name] if o.startswith("--"))


def test_without_a_subcommand_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == 2
    assert "usage: exaggerated-replay" in capsys.readouterr().err


# ---------------------------------------------------------------- starting


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = ["torch", "pandas", "matplotlib", "scipy", "hydra", "numpy"]
    code = f"import sys, exaggerated_replay.cli as c; c.parser(); print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_the_module_is_the_same_command_and_an_error_shows_no_traceback(tmp_path):
    command = [sys.executable, "-m", "exaggerated_replay", "study", "--plan", "plan.json"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == "exaggerated-replay: plan.json is missing: run the workflow to make it\n"


def fails_with(error):
    def write_json(target, value):
        raise error

    return write_json


def test_an_interrupt_is_no_traceback_either(monkeypatch, capsys):
    monkeypatch.setattr("exaggerated_replay.files.write_json", fails_with(KeyboardInterrupt))
    assert cli.main(["schema", "x"]) == 130
    assert capsys.readouterr().err == ""


def test_an_error_of_the_users_is_one_sentence_and_any_other_is_not_hidden(monkeypatch, capsys):
    monkeypatch.setattr("exaggerated_replay.files.write_json", fails_with(UserError("mend this")))
    assert refused(capsys, "schema", "x") == "exaggerated-replay: mend this\n"
    monkeypatch.setattr("exaggerated_replay.files.write_json", fails_with(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        cli.main(["schema", "x"])


# ---------------------------------------------------------------- compose and schema


def test_compose_writes_params_yaml_here(folder):
    assert cli.main(["compose", "dataset=mnist", "study.seeds=3"]) == 0
    params = check_params(yaml.safe_load((folder / "params.yaml").read_text()))
    assert (params.dataset.name, params.study.seeds) == ("mnist", 3)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("dataset=cifar", "cifar100; digits; fashion_mnist; mnist; npz"),
        ("arms.rr-ra.f=0", "f is 0"),
        ("dataset=npz", "source"),
    ],
)
def test_compose_that_cannot_be_writes_nothing(folder, capsys, override, told):
    assert told in refused(capsys, "compose", override)
    assert not (folder / "params.yaml").exists()


def test_the_schema_is_written(tmp_path):
    assert cli.main(["schema", str(tmp_path / "a" / "schema.json")]) == 0
    assert json.loads((tmp_path / "a" / "schema.json").read_text()) == params_schema()


# ---------------------------------------------------------------- errors of the jobs


@pytest.fixture
def planned(folder):
    """A plan of two tiny runs on a file of one's own."""
    y = np.repeat(np.arange(4), 6)
    x = np.random.default_rng(0).integers(0, 256, (24, 3), dtype=np.uint8)
    np.savez("mine.npz", x_train=x, y_train=y, x_test=x[::2], y_test=y[::2])
    overrides = ["dataset=npz", "dataset.source=mine.npz", "dataset.tasks=2", "compute=cpu", "focus=er"]
    tiny = ["model.units=4", "training.iterations=2", "training.batch=4", "training.replay_batch=4"]
    grid = ["study=methods", "study.seeds=1", "study.baseline=none", "study.grids.methods=[{arm:[none,er]}]"]
    values = compose_values(CONF, overrides + tiny + grid)
    plan = make_plan(check_params(values))
    write_plan(plan)
    shutil.copyfile(plan_path(plan), "plan.json")
    write_json(Path("params.yaml"), values)
    return plan


@pytest.fixture
def no_gpu(monkeypatch):
    """As on a machine without one, where jobs are processes of their own and import torch afterwards."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


PLAN = ["--plan", "plan.json"]


def test_a_run_that_the_plan_does_not_have_is_named(planned, capsys):
    told = refused(capsys, "train", "results/runs/er-s0-0000000000/record.json", *PLAN, "--data", "d")
    assert told == "exaggerated-replay: plan.json has no run er-s0-0000000000\n"


def test_a_file_of_ones_own_that_is_gone_is_named(planned, capsys):
    Path("mine.npz").unlink()
    before = sorted(Path().rglob("*"))
    assert "mine.npz" in refused(capsys, "prepare", planned.source.name, *PLAN, "--out", "data.npz")
    assert sorted(Path().rglob("*")) == before


def test_a_data_set_that_the_plan_does_not_have_is_named(planned, capsys):
    told = refused(capsys, "fetch", "mnist-0000000000", *PLAN)
    name = planned.source.name
    assert told == f"exaggerated-replay: plan.json has no data set mnist-0000000000: choose one of {name}\n"


def test_data_that_are_not_there_are_named_before_anything_is_trained(planned, no_gpu, capsys):
    records = [str(run.directory / "record.json") for run in planned.runs]
    assert "nowhere.npz" in refused(capsys, "train", *records, *PLAN, "--data", "nowhere.npz")


def test_a_study_without_its_runs_is_refused_and_leaves_nothing(planned, capsys):
    assert "/record.json is missing" in refused(capsys, "study", *PLAN)
    assert not list(Path("results").rglob("*.csv"))


# ---------------------------------------------------------------- one pass


def test_from_a_file_of_ones_own_to_metrics(planned, no_gpu, capsys):
    records = [str(run.directory / "record.json") for run in planned.runs]
    train = ["train", *records, *PLAN, "--data", "data.npz", "--log", "train.log"]
    for command in (["prepare", planned.source.name, *PLAN, "--out", "data.npz"], train, ["study", *PLAN]):
        assert cli.main(command) == 0, command
    assert set(json.loads(Path("results/methods/metrics.json").read_text())) == {"none", "er"}
    assert {"first20", "first50", "overall"} <= set(json.loads(Path("results/focus.json").read_text()))
    assert cli.main(["focus", *PLAN]) == 0
    assert json.loads(Path("results/focus/record.json").read_text())["settings"]["method"]["method"] == "er"
    logged = Path("train.log").read_text().splitlines()
    assert [line.split()[0] for line in logged] == [run.directory.name for run in planned.runs for _ in range(4)]

    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    assert cli.main(train) == 0
    assert Path("train.log").read_text() == ""  # nothing was trained
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert "Traceback" not in capsys.readouterr().err


def test_a_demand_for_a_gpu_where_there_is_none_is_an_error(planned, no_gpu, capsys):
    plan = json.loads(Path("plan.json").read_text())
    plan["compute"]["device"] = "cuda"
    Path("plan.json").write_text(json.dumps(plan))
    record = str(planned.runs[0].directory / "record.json")
    assert "compute.device is cuda, but torch sees no GPU" in refused(capsys, "train", record, *PLAN, "--data", "d")
