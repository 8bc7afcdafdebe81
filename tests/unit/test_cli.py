"""The command line: its help, its one-sentence errors, and one pass from a file to metrics."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from exaggerated_replay import cli
from exaggerated_replay.errors import UserError
from exaggerated_replay.learning import progress  # noqa: F401 (remembers stderr: not the one of a test)
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params, params_schema
from exaggerated_replay.planning.plan import make_plan, save_plan

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = {
    "compose": ["KEY=VALUE"],
    "drift": [],
    "schema": ["target"],
    "fetch": ["dataset", "folder", "--plan", "--source"],
    "prepare": ["dataset", "sources", "--plan", "--out"],
    "split": ["data", "--tasks", "--seed", "--out"],
    "pretrain": ["dataset", "images", "--plan", "--out", "--workspace", "--timings"],
    "features": ["data", "encoder", "--plan", "--out"],
    "train": ["records", "--plan", "--data", "--splits", "--log", "--workspace", "--timings"],
    "evaluate": ["--plan", "--out"],
    "collect": ["table", "--plan", "--metrics", "--focus", "--timings", "--plots"],
    "table": ["table", "--plan", "--grid", "--out", "--provenance"],
    "figure": ["kind", "table", "--plan", "--grid", "--out"],
    "publish": ["folder", "--plan"],
    "snapshot": ["name", "--plan", "--force"],
    "verify": ["--plan"],
    "explain": ["name", "--plan"],
    "prune": ["--plan", "--workspace"],
    "export": ["file", "--runs", "--timings"],
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
    assert "differs from conf/ in: study.seeds." in told
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
    command = [sys.executable, "-m", "exaggerated_replay", "evaluate", "--out", "runs.csv"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == "exaggerated-replay: results/plan.json is missing: run the workflow to make it\n"


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
    plan = make_plan(check_params(compose_values(CONF, overrides + tiny + grid)))
    save_plan(plan, cli.PLAN)
    return plan


@pytest.fixture
def no_gpu(monkeypatch):
    """As on a machine without one, where jobs are processes of their own and import torch afterwards."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


def test_a_run_that_the_plan_does_not_have_is_named(planned, capsys):
    told = refused(capsys, "train", "results/runs/er-s0-0000000000/record.json", "--data", "d", "--splits", "s")
    assert told == "exaggerated-replay: results/plan.json has no run er-s0-0000000000\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["prepare", "DATASET", "nowhere.npz", "--out", "data.npz"],
        ["split", "nowhere.npz", "--tasks", "2", "--seed", "0", "--out", "split.json"],
        ["collect", "nowhere.csv", "--metrics", "m", "--focus", "f", "--timings", "t"],
        ["table", "nowhere.csv", "--grid", "methods", "--out", "t.csv", "--provenance", "p.csv"],
        ["figure", "comparison", "nowhere.csv", "--grid", "methods", "--out", "t.png"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_file_that_is_not_there_is_named(planned, capsys, arguments):
    before = sorted(Path().rglob("*"))
    arguments = [planned.source.name if argument == "DATASET" else argument for argument in arguments]
    assert "nowhere" in refused(capsys, *arguments)
    assert sorted(Path().rglob("*")) == before


def test_a_data_set_that_the_plan_does_not_have_is_named(planned, capsys):
    told = refused(capsys, "fetch", "mnist-0000000000", "folder")
    assert (
        told == f"exaggerated-replay: results/plan.json has no data set mnist-0000000000: choose one of "
        f"{planned.source.name}\n"
    )


def test_data_that_are_not_there_are_named_before_anything_is_trained(planned, no_gpu, capsys):
    records = [str(run.directory / "record.json") for run in planned.runs]
    told = refused(capsys, "train", *records, "--data", "nowhere.npz", "--splits", "nowhere.json")
    assert "nowhere.npz" in told


def test_a_figure_of_no_kind_is_named(planned, capsys):
    pd.DataFrame(columns=["digest", "cell"]).to_csv("runs.csv")
    assert "nonsense" in refused(capsys, "figure", "nonsense", "runs.csv", "--out", "a.png")


def test_a_snapshot_of_an_unfinished_workflow_is_refused(planned, capsys):
    assert "results/runs.csv is missing" in refused(capsys, "snapshot", "first")
    assert "is no name for a snapshot" in refused(capsys, "snapshot", "../first", "--force")


# ---------------------------------------------------------------- one pass


def test_from_a_file_of_ones_own_to_metrics(planned, no_gpu, capsys):
    records = [str(run.directory / "record.json") for run in planned.runs]
    train = ["train", *records, "--data", "data.npz", "--splits", "split.json", "--log", "train.log"]
    for command in (
        ["prepare", planned.source.name, "mine.npz", "--out", "data.npz"],
        ["split", "data.npz", "--tasks", "2", "--seed", "0", "--out", "split.json"],
        train,
        ["evaluate", "--out", "runs.csv"],
        ["collect", "runs.csv", "--metrics", "metrics.json", "--focus", "focus.json", "--timings", "timings.csv"],
    ):
        assert cli.main(command) == 0, command
    assert set(json.loads(Path("metrics.json").read_text())) == {"none", "er"}
    assert set(json.loads(Path("focus.json").read_text())) == {
        *["first20", "first50", "overall", "macro_precision", "forgetting"]
    }
    assert len(Path("timings.csv").read_text().splitlines()) == 1 + 2
    logged = Path("train.log").read_text().splitlines()
    assert [line.split()[0] for line in logged] == [run.directory.name for run in planned.runs for _ in range(4)]

    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    assert cli.main(train) == 0
    assert Path("train.log").read_text() == ""  # nothing was trained
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert "Traceback" not in capsys.readouterr().err


def test_a_demand_for_a_gpu_where_there_is_none_is_an_error(planned, no_gpu, capsys):
    plan = json.loads(cli.PLAN.read_text())
    plan["compute"]["device"] = "cuda"
    cli.PLAN.write_text(json.dumps(plan))
    record = str(planned.runs[0].directory / "record.json")
    assert "compute.device is cuda, but torch sees no GPU" in refused(
        capsys, "train", record, "--data", "d", "--splits", "s"
    )
