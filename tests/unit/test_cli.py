"""The command line: its help, its one-sentence errors, and one pass from a file to metrics."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import yaml

from exaggerated_replay import cli
from exaggerated_replay.data.splits import write_split
from exaggerated_replay.errors import Interrupted, UserError
from exaggerated_replay.files import read_json, write_json
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params, read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.records import sealed
from exaggerated_replay.store.start import plan_path, write_plan

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf"


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
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert len(cli.PLACES) > 10
    assert all(f"\n  {name} " in shown for name in cli.PLACES)
    assert "Exit status: 0 done" in shown


@pytest.mark.parametrize("name", cli.PLACES)
def test_the_help_of_a_subcommand_explains_all_it_takes(capsys, name):
    assert cli.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    command = cli.group.get_command(None, name)
    assert command.help
    assert shown.startswith(f"Usage: exaggerated-replay {name} ")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help.endswith("."), parameter.name
            assert parameter.opts[0] in shown
        else:  # an argument is explained in the text
            assert parameter.make_metavar(click.Context(command)).strip("[].") in command.help or parameter.metavar


def test_without_a_subcommand_the_usage_is_shown(capsys):
    assert cli.main([]) == 2
    assert "Usage: exaggerated-replay" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["check"], "Missing argument 'ARM'"),
        (["check", "a", "b"], "unexpected extra argument (b)"),
        (["study"], "Missing option '--plan'"),
        (["verify", "--nonsense"], "No such option"),
    ],
)
def test_a_slip_of_the_command_line_is_told_with_its_usage(capsys, arguments, told):
    assert cli.main(arguments) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown


# ---------------------------------------------------------------- starting


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = ["torch", "pandas", "matplotlib", "scipy", "hydra", "numpy", "pydantic"]
    code = f"""
import sys, exaggerated_replay.cli as c
for name in c.PLACES:
    c.group.get_command(None, name)
print([m for m in {heavy} if m in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_the_module_is_the_same_command_and_an_error_shows_no_traceback(tmp_path):
    command = [sys.executable, "-m", "exaggerated_replay", "study", "--plan", "plan.json"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == "exaggerated-replay: plan.json is missing: run the workflow to make it\n"


# ---------------------------------------------------------------- one place for errors


def ends(monkeypatch, capsys, error, *arguments):
    """Status and stderr of a command that ends in an error."""

    def export_records(*_):
        raise error

    monkeypatch.setattr("exaggerated_replay.store.exchange.export_records", export_records)
    status = cli.main(["export", "x", *arguments])
    shown = capsys.readouterr()
    assert shown.out == ""
    return status, shown.err


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/a.csv")


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (UserError("mend this"), 2, "mend this"),
        (Interrupted(signal.SIGTERM), 143, "saved; type the same command to resume"),
        (Interrupted(signal.SIGINT), 130, "saved; type the same command to resume"),
        (KeyboardInterrupt(), 130, "stopped: type the same command to resume"),
        (FileNotFoundError(errno.ENOENT, "x", "a.txt"), 2, "a.txt does not exist"),
        (PermissionError(errno.EACCES, "x", Path("a.txt")), 2, "a.txt cannot be read or written here"),
        (OSError(errno.EROFS, "x", "results"), 2, "results cannot be read or written here: check its permissions"),
        (IsADirectoryError(errno.EISDIR, "x", "results"), 2, "results is a folder, where a file is needed"),
        (NotADirectoryError(errno.ENOTDIR, "x", "a/b"), 2, "a/b cannot be made, because a file lies where"),
        (FULL, 2, "results/a.csv cannot be written, because there is no space left: make room and start again"),
        (OSError(errno.EFBIG, "File too large", "a.txt"), 2, "a.txt cannot be written, because there is no space left"),
        (OSError(errno.EIO, "Input/output error", "a.txt"), 2, "a.txt: input/output error"),
        (MemoryError(), 2, "there is not enough memory: choose smaller sizes (model.units, training.batch)"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "there is not enough memory"),
        (RecursionError(), 2, "something that was read is nested too deeply"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), 2, "is not in UTF-8"),
        (
            ZeroDivisionError("by zero"),
            1,
            "this is a bug in the program, not your mistake (ZeroDivisionError: by zero)",
        ),
        (RuntimeError("two\nlines"), 1, "(RuntimeError: two lines); --traceback shows where"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_error_is_one_sentence_with_its_status(monkeypatch, capsys, error, status, told):
    found, shown = ends(monkeypatch, capsys, error)
    assert found == status
    assert shown.startswith("exaggerated-replay: ")
    assert told in shown
    assert shown.endswith("\n")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("place", ["before", "after"])
def test_traceback_shows_the_rest_wherever_it_stands(monkeypatch, capsys, place):
    if place == "after":
        status, shown = ends(monkeypatch, capsys, ZeroDivisionError("by zero"), "--traceback")
    else:
        monkeypatch.setattr("exaggerated_replay.store.exchange.export_records", lambda *_: 1 / 0)
        status, shown = cli.main(["--traceback", "export", "x"]), capsys.readouterr().err
    assert status == 1
    assert "Traceback" in shown
    assert "this is a bug in the program" in shown


@pytest.mark.parametrize("content", ["5", "{}", "[]", "null", '{"runs": {}}'])
def test_a_plan_that_is_none_is_named(folder, capsys, content):
    Path("plan.json").write_text(content)
    assert "plan.json is not a plan" in refused(capsys, "study", "--plan", "plan.json")
    assert "plan.json is not a plan" in refused(capsys, "split", "--plan", "plan.json")


def test_a_plan_that_is_a_folder_or_no_text_is_named(folder, capsys):
    assert "conf is a folder, where a file is needed" in refused(capsys, "study", "--plan", "conf")
    Path("plan.json").write_bytes(b"\xff\xfe")
    assert "plan.json is not valid JSON" in refused(capsys, "study", "--plan", "plan.json")
    Path("plan.json").write_text("[" * 100_000)
    assert "plan.json is not valid JSON" in refused(capsys, "study", "--plan", "plan.json")


def test_a_folder_in_the_place_of_a_file_is_named_and_left(folder, capsys):
    assert "there is no file conf" in refused(capsys, "compose", "dataset=npz", "dataset.source=conf")
    assert cli.main(["compose"]) == 0
    Path("file").write_text("x")
    for target, told in (
        ("conf", "conf is not a regular file, and is left as it is"),
        ("file/versions.json", "file cannot be made, because a file lies where a folder is needed"),
    ):
        assert cli.main(["drift", "--own-files", target]) == 2
        said = capsys.readouterr().err
        assert said.startswith("exaggerated-replay: ") and said.endswith("\n") and said.count("\n") == 1
        assert told in said
    assert Path("file").read_text() == "x"


# ---------------------------------------------------------------- compose


def test_compose_writes_params_yaml_here_and_says_what_it_means(folder, capsys):
    assert cli.main(["compose", "dataset=mnist", "study=table1", "study.seeds=3"]) == 0
    assert capsys.readouterr().out == "params.yaml: the study table1, 6 cells, 18 runs, 18 of them new\n"
    values, params = read_params(folder / "params.yaml")
    assert (params.dataset.name, params.study.seeds) == ("mnist", 3)
    assert values["composed_with"] == ["dataset=mnist", "study=table1", "study.seeds=3"]
    run = make_plan(params).runs[0].directory
    run.mkdir(parents=True)
    (run / "record.json").write_text("{}")
    assert cli.main(["compose", *values["composed_with"]]) == 0
    assert "18 runs, 17 of them new" in capsys.readouterr().out


def test_an_arm_that_no_grid_has_is_named(folder, capsys):
    assert cli.main(["compose", "study=one", "arms.lwf.temperature=3", "arms.rr-ra.lambda_ra=1"]) == 0
    told = "No grid of the study one has the arm lwf, so it is not trained: name it in one, such as study.grids.one."
    assert told in capsys.readouterr().out.splitlines()
    assert cli.main(["compose", "study=one", "arms.rr-ra.lambda_ra=1"]) == 0
    assert "No grid" not in capsys.readouterr().out


def test_a_method_of_ones_own_that_no_cell_learns_by_is_named(folder, capsys):
    (folder / "mine.py").write_text("from exaggerated_replay.learning.method import Method\nMETHOD = Method\n")
    asked = ["study=one", "+methods.mine=mine.py"]
    assert cli.main(["compose", *asked]) == 0
    told = "No cell of the study one learns by the method mine, so it is not trained: make an arm of it, "
    assert f"{told}'+arms.mine={{method: mine}}', and name that in a grid." in capsys.readouterr().out.splitlines()
    assert cli.main(["compose", *asked, "+arms.mine={method: mine}", "focus=mine"]) == 0
    assert "No " not in capsys.readouterr().out


@pytest.mark.parametrize("named", ["claims-small", "results/claims-small", str(REPOSITORY / "results/claims-small")])
def test_a_study_is_named_or_its_folder_is(named, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    assert cli.main(["table", named, "table1", "--form", "csv"]) == 0
    told = capsys.readouterr().out
    assert told == (REPOSITORY / "results/claims-small/tables/table1.csv").read_text(encoding="utf-8")


def test_a_study_of_a_name_that_is_not_there_is_looked_for_in_results(monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    told = refused(capsys, "compare", "--study", "claims-smal", "bir-si", "rr-ra")
    assert "results/claims-smal is not the folder of a study: did you mean claims-small" in told


def first_stage():
    """The command of DVC's first stage, which always runs and on which data and models depend."""
    stages = yaml.safe_load((CONF.parent / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    (out,) = [name for out in stages["configuration"]["outs"] for name in out]
    assert next(iter(stages)) == "configuration"
    assert stages["configuration"]["always_changed"]
    assert all(out in stages[name]["deps"] for name in ("data", "models"))
    return stages["configuration"]["cmd"].partition("exaggerated-replay ")[2].split(), Path(out)


@pytest.mark.parametrize(("own", "expected"), [(None, "src"), ("/mine:/more", "src:/mine:/more")])
def test_commands_of_dvc_run_the_source_beside_them_and_leave_what_pythonpath_holds(tmp_path, own, expected):
    stages = yaml.safe_load((CONF.parent / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    every = [stage["cmd"] for stage in stages.values()]
    every = [command for some in every for command in (some if isinstance(some, list) else [some])]
    commands = [command for command in every if "exaggerated-replay" in command]
    assert len(commands) == 3
    program = tmp_path / "exaggerated-replay"
    program.write_text('#!/bin/sh\necho "$PYTHONPATH"\n')
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **({"PYTHONPATH": own} if own else {})}
    for command in commands:
        resolved = command.replace("\\${", "${")  # which is how DVC is told not to put in a parameter
        done = subprocess.run(["sh", "-c", resolved], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == f"{expected}\n"


def test_the_first_stage_of_dvc_notes_the_version_of_each_method_of_ones_own(folder):
    (folder / "own.py").write_text((CONF.parent / "docs/examples/agem.py").read_text())
    command, out = first_stage()
    assert cli.main(["compose"]) == 0
    assert cli.main(command) == 0
    assert json.loads(out.read_text()) == {}
    assert cli.main(["compose", "+methods.agem=own.py", "+arms.agem={method: agem, memory_per_class: 3}"]) == 0
    assert cli.main(command) == 0
    first = json.loads(out.read_text())
    assert [*first] == ["agem"]
    with (folder / "own.py").open("a") as file:
        file.write("# edited\n")
    assert cli.main(command) == 0
    assert json.loads(out.read_text()) != first
    assert cli.main(["compose"]) == 0  # and the file is a method no more


def test_the_first_stage_of_dvc_notes_what_stands_in_other_files_of_ones_own(folder):
    halves = {"half.yaml": "[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]", "other.yaml": "[[9, 8, 7, 6, 5], [4, 3, 2, 1, 0]]"}
    for name, content in halves.items():
        Path(name).write_text(content)
    x, y = np.zeros((20, 32, 32, 3), np.uint8), np.arange(20) % 10
    np.savez("images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    shutil.copyfile(REPOSITORY / "data/encoders/long-36addacad0/encoder.safetensors", "mine.safetensors")
    command, out = first_stage()
    axis = "study.grids.table1=[{arm:[bir-si,rr-ra],dataset.tasks:[half.yaml,other.yaml,5]}]"
    digits = ["dataset=digits", "study=table1", "focus=bir-si"]
    images = ["encoder=cpu", "encoder.images.source=images.npz", "encoder.images.content=null"]
    for asked, named in (
        ([*digits, "dataset.tasks=half.yaml"], ["half.yaml"]),
        ([*digits, axis], ["half.yaml", "other.yaml"]),
        (["dataset=cifar100", *images, "encoder.pretraining.batch=16"], ["images.npz"]),
        (["dataset=cifar100", "encoder.weights=mine.safetensors"], ["mine.safetensors"]),
    ):
        assert cli.main(["compose", *asked]) == 0
        assert cli.main(command) == 0
        assert json.loads(out.read_text()) == {
            name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in named
        }


def test_a_focus_that_is_no_cell_is_refused_by_the_first_stage_of_dvc(folder, capsys):
    command, out = first_stage()
    assert cli.main(["compose", "study.seeds=1"]) == 0
    params = (folder / "params.yaml").read_text()
    assert "focus: rr-ra\n" in params
    (folder / "params.yaml").write_text(params.replace("focus: rr-ra\n", "focus: nonsense\n"))
    capsys.readouterr()
    assert cli.main(command) == 2
    told = "params.yaml: focus is 'nonsense', which is not a cell of this study: choose one of "
    assert told in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("dataset=cifar", "conf/dataset/ has no cifar.yaml: did you mean cifar100?"),
        ("arms.rr-ra.f=0", "f is 0"),
        ("dataset=npz", "source"),
    ],
)
def test_compose_that_cannot_be_writes_nothing(folder, capsys, override, told):
    assert told in refused(capsys, "compose", override)
    assert not (folder / "params.yaml").exists()


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
    write_plan(plan, "a: 1\n")
    for path, run in plan.splits.items():
        data = SimpleNamespace(y_train=y, y_test=y[::2], classes=4)
        write_split(data, plan.source.digest, run.seed, run.settings.tasks, path)
    shutil.copyfile(plan_path(plan), "plan.json")
    write_json(Path("params.yaml"), values)
    return plan


@pytest.fixture
def split(planned):
    """The plan, its data prepared and split."""
    commands = [["prepare", planned.source.name, *PLAN], ["split", *PLAN]]
    for command in commands:
        assert cli.main(command) == 0, command
    return planned


@pytest.fixture
def no_gpu(monkeypatch):
    """As on a machine without one, where jobs are processes of their own and import torch afterwards."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


PLAN = ["--plan", "plan.json"]


def test_a_pack_that_the_plan_does_not_have_is_named(planned, capsys):
    assert refused(capsys, "train", "2", *PLAN) == "exaggerated-replay: plan.json has no pack 2: choose one of 1\n"


def test_a_file_of_ones_own_that_is_gone_is_named(planned, capsys):
    Path("mine.npz").unlink()
    before = sorted(Path().rglob("*"))
    assert "mine.npz" in refused(capsys, "prepare", planned.source.name, *PLAN)
    assert sorted(Path().rglob("*")) == before


def test_a_data_set_that_the_plan_does_not_have_is_named(planned, capsys):
    told = refused(capsys, "fetch", "mnist-0000000000", *PLAN)
    name = planned.source.name
    assert told == f"exaggerated-replay: plan.json has no data set mnist-0000000000: choose one of {name}\n"


def test_data_that_are_not_there_are_named_before_anything_is_trained(split, no_gpu, capsys):
    split.source.prepared.unlink()
    assert str(split.source.prepared) in refused(capsys, "train", "1", *PLAN)
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("job", "told"),
    [("pretrain", "no encoder to train"), ("features", "no encoder"), ("fetch-encoder", "no published encoder")],
)
def test_a_job_for_an_encoder_that_the_plan_does_not_have_says_so(planned, capsys, job, told):
    assert refused(capsys, job, *PLAN) == f"exaggerated-replay: plan.json has {told}\n"


def test_nothing_to_compare_yet_is_said(planned, capsys):
    told = refused(capsys, "compare", "bir-si", "rr-ra")
    assert "no run of the study" in told and "is finished yet" in told


@pytest.mark.parametrize("words", ["", "snakemake 'x"])
def test_a_workflow_that_is_no_command_is_named(planned, capsys, words):
    assert "--workflow is" in refused(capsys, "decide", "--workflow", words)


def test_a_study_without_its_runs_is_refused_and_leaves_nothing(planned, capsys):
    assert "/record.json is missing" in refused(capsys, "study", *PLAN)
    assert not list(Path("results").rglob("*.csv"))


# ---------------------------------------------------------------- one pass


def test_from_a_file_of_ones_own_to_metrics(split, no_gpu, capsys):
    train = ["train", "1", *PLAN, "--log", "train.log"]
    for command in (train, ["study", *PLAN]):
        assert cli.main(command) == 0, command
    assert set(json.loads(Path("results/methods/metrics.json").read_text())) == {"none", "er"}
    assert {"first20", "first50", "overall"} <= set(json.loads(Path("results/focus.json").read_text()))
    logged = Path("train.log").read_text().splitlines()
    assert [line.split()[0] for line in logged] == [run.name for run in split.packs["1"] for _ in range(4)]

    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    assert cli.main(train) == 0
    assert Path("train.log").read_text() == ""  # nothing was trained
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert "Traceback" not in capsys.readouterr().err

    # What Git does not keep is made again from what it keeps, without the runs; what is others then is named.
    for name in ("report.html", "print/methods.svg", "tables/methods.md"):
        (Path("results/methods") / name).unlink()
    shutil.move("results/runs", "elsewhere")
    assert cli.main(["report", "results/methods", "--index", "results/index.html"]) == 0
    assert capsys.readouterr().out == "results/methods: the same to the byte\n"
    after = {path: path.read_bytes() for path in Path("results/methods").rglob("*") if path.is_file()}
    assert after == {path: content for path, content in before.items() if path.is_relative_to("results/methods")}
    index = Path("results/index.html").read_text()
    assert 'href="methods/report.html">methods</a>' in index and "with and without what is compared" in index
    Path("results/methods/verdicts.csv").write_text("by hand")
    assert cli.main(["report", "results/methods"]) == 1
    said = capsys.readouterr()
    assert "commit of this study's code is not known" in said.err  # the folder is in no Git repository
    assert said.err.endswith("\nresults/methods/verdicts.csv has other bytes than before: `git diff` shows how\n")
    assert said.out == "results/methods: files in Git with other bytes now: 1\n"
    assert "elsewhere is not the folder of a study" in refused(capsys, "report", "elsewhere")


def test_a_run_without_its_split_is_refused(planned, no_gpu, capsys):
    for path in planned.splits:
        path.unlink()
    told = refused(capsys, "train", "1", *PLAN)
    assert told.startswith("exaggerated-replay: data/splits/npz/seed0-")
    assert told.endswith(".json is missing: run the workflow to make it\n")


def test_a_run_is_not_trained_on_another_device_than_the_one_it_is_compared_with(split, no_gpu, capsys):
    assert cli.main(["train", "1", *PLAN]) == 0
    names = {run.settings.method.method: run.name for run in split.runs}
    record = read_json(Path(".store", names["none"], "record.json"))
    record["environment"]["device"] = "cuda"
    for place in (".store", "results/runs"):
        write_json(Path(place, names["none"], "record.json"), sealed(record))
        shutil.rmtree(Path(place, names["er"]))
    capsys.readouterr()
    told = refused(capsys, "train", "1", *PLAN)
    assert f"{names['none']} was computed on cuda" in told and "set compute.device=cuda" in told
    assert not Path(".store", names["er"]).exists()


def test_an_encoder_that_was_put_in_the_place_of_the_planned_one_is_not_used(folder, monkeypatch, capsys):
    Path("mine.safetensors").write_bytes(b"another")
    encoder = SimpleNamespace(images=None, weights=Path("mine.safetensors"), digest="0" * 64)
    plan = SimpleNamespace(encoder=encoder, dataset=None)
    monkeypatch.setattr("exaggerated_replay.planning.plan.Plan.read", lambda path: plan)
    told = refused(capsys, "features", *PLAN)
    assert "mine.safetensors is not the encoder that was planned: start the workflow again" in told
    assert not Path("data").exists()


def test_code_that_is_no_longer_what_a_run_is_named_after_is_not_run(split, no_gpu, monkeypatch, capsys):
    monkeypatch.setattr("exaggerated_replay.planning.versions.method_version", lambda method: f"core 2, {method} 1")
    told = refused(capsys, "train", "1", *PLAN)
    assert "is named after the code core 1, " in told and "start the workflow again" in told
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("job", "called"),
    [(["train", "1"], "training.job.train_runs"), (["pretrain"], "features.job.train_encoder")],
)
def test_an_experiment_in_a_copy_leaves_its_unfinished_work_in_the_checkout(split, no_gpu, monkeypatch, job, called):
    """DVC deletes the copy; and two copies that need the same run must not train it at the same time."""
    asked = {}
    monkeypatch.setattr(f"exaggerated_replay.{called}", lambda *_, **how: asked.update(how))
    trained = SimpleNamespace(
        images=split.source, settings=SimpleNamespace(pretraining=True), directory=Path("encoder")
    )
    read = type(split).of
    monkeypatch.setattr(type(split), "of", lambda values, path: replace(read(values, path), encoder=trained))
    monkeypatch.setattr(type(split), "learned_from", split.source.prepared)
    monkeypatch.setenv("DVC_ROOT", "/the/checkout")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    assert cli.main([*job, *PLAN]) == 0
    assert asked["workspace"] == Path("/the/checkout/.training")
    assert asked["timings"] == Path("results/timings")


def test_a_demand_for_a_gpu_where_there_is_none_is_an_error(split, no_gpu, capsys):
    plan = json.loads(Path("plan.json").read_text())
    plan["compute"]["device"] = "cuda"
    Path("plan.json").write_text(json.dumps(plan))
    told = refused(capsys, "train", "1", *PLAN, "--log", "logs/train.log")
    assert "compute.device is cuda, but torch sees no GPU" in told
    assert Path("logs/train.log").read_text() == told  # the last line of the log of a job that fails


# ---------------------------------------------------------------- what can be shown


def test_the_command_line_shows_anything(tmp_path):
    """What stdout and stderr have no characters for decides nothing; in a real process."""
    program = "from exaggerated_replay import cli; cli.main(['--help']); print('\\u2212 \\udce9 \\xb1')"
    for encoding, shown in (("ascii", b"\\u2212 \\udce9 \\xb1"), ("iso-8859-1", b"\\u2212 \\udce9 \xb1")):
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
        assert done.stdout.splitlines()[-1] == shown
