"""A snapshot holds everything but the checkpoints, whole or not at all."""

import json
import shutil

import pytest

from exaggerated_replay.analysis import snapshot
from exaggerated_replay.analysis.snapshot import take_snapshot
from exaggerated_replay.errors import UserError

PLAN = {"grids": {"table1": []}, "figures": ["table1", "accuracy_matrix"], "runs": {"er-s0-aa": {}, "er-s1-bb": {}}}
OUTCOME = {
    *["plan.json", "runs.csv", "timings.csv", "metrics.json", "focus.json"],
    *[f"plots/{name}.csv" for name in ("task_accuracy", "learning", "accuracy_matrix", "convergence")],
    *["tables/table1.csv", "tables/table1.md", "tables/table1.tex", "provenance/table1.csv"],
    *[f"figures/{name}.{kind}" for name in ("table1", "accuracy_matrix") for kind in ("png", "pdf", "svg")],
    *["runs/er-s0-aa/record.json", "runs/er-s1-bb/record.json"],
}
LEFT_BEHIND = {
    *["runs/er-s0-aa/model.safetensors", "runs/er-s1-bb/model.safetensors", "runs/old-s0-cc/record.json"],
    *["timings/er-s0-aa.json", "other.csv", "figures/other.png"],
}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A finished workflow; each file says its own name."""
    monkeypatch.chdir(tmp_path)
    for name in OUTCOME | LEFT_BEHIND:
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "params.yaml").write_text("params.yaml")
    (tmp_path / "report.html").write_text("report.html")
    return tmp_path / "results"


def files(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_everything_but_the_checkpoints_is_copied(results):
    before = files(results)
    target = take_snapshot("paper-256", PLAN, results, replace=False)
    assert target == results / "paper-256"
    copied = files(target)
    assert set(json.loads(copied.pop("provenance.json"))) == {"commit", "modified", "python", "system"}
    assert copied == {name: name for name in OUTCOME | {"params.yaml", "report.html"}}
    shutil.rmtree(target)
    assert files(results) == before


def test_no_report_is_needed(results):
    (results.parent / "report.html").unlink()
    target = take_snapshot("a", PLAN, results, replace=False)
    assert set(files(target)) == OUTCOME | {"params.yaml", "provenance.json"}


@pytest.mark.parametrize("quote", ["", "'"])
def test_of_a_path_to_the_users_data_only_the_files_name_is_kept(results, quote):
    params = f"dataset:\n  name: npz\n  source: {quote}/home/someone/data/mine.npz{quote}\n  tasks: 5\n"
    (results.parent / "params.yaml").write_text(params)
    (results.parent / "report.html").write_text('{"verify": {"input": ["/home/someone/data/mine.npz"]}}')
    copied = files(take_snapshot("a", PLAN, results, replace=False))
    assert copied["params.yaml"] == f"dataset:\n  name: npz\n  source: {quote}mine.npz{quote}\n  tasks: 5\n"
    assert copied["report.html"] == '{"verify": {"input": ["mine.npz"]}}'


def test_every_path_that_leads_out_is_cut_and_those_within_the_repository_stay(results):
    params = (
        "dataset:\n  source: ../elsewhere/cifar100.npz\nencoder:\n  weights: data/encoders/cpu-1/encoder.safetensors\n"
        "  images:\n    source: 'C:\\data\\cifar10'\n"
    )
    (results.parent / "params.yaml").write_text(params)
    copied = files(take_snapshot("a", PLAN, results, replace=False))["params.yaml"]
    assert "source: cifar100.npz\n" in copied
    assert "weights: data/encoders/cpu-1/encoder.safetensors\n" in copied
    assert "source: 'cifar10'\n" in copied


@pytest.mark.parametrize("name", ["a", "Paper_2.1", "paper-256", "0"])
def test_good_names(results, name):
    assert take_snapshot(name, PLAN, results, replace=False).is_dir()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/absolute", ".hidden", "a b", "a\n", "*", "runs", "figures", "timings"],
)
def test_a_name_that_would_lead_elsewhere_is_refused_whatever_is_forced(results, name):
    before = files(results.parent)
    with pytest.raises(UserError, match="is no name for a snapshot"):
        take_snapshot(name, PLAN, results, replace=True)
    assert files(results.parent) == before


@pytest.mark.parametrize("name", ["runs.csv", "plan.json"])
def test_a_file_of_the_results_is_never_replaced(results, name):
    before = files(results.parent)
    for replace in (False, True):
        with pytest.raises(UserError):
            take_snapshot(name, PLAN, results, replace)
    assert files(results.parent) == before


def test_an_existing_snapshot_is_kept_unless_forced(results):
    take_snapshot("a", PLAN, results, replace=False)
    (results / "a" / "note").write_text("mine")
    (results / "runs.csv").write_text("new")
    with pytest.raises(UserError, match="a exists: choose another name, or --force"):
        take_snapshot("a", PLAN, results, replace=False)
    assert (results / "a" / "runs.csv").read_text() == "runs.csv"
    take_snapshot("a", PLAN, results, replace=True)
    assert (results / "a" / "runs.csv").read_text() == "new"
    assert not (results / "a" / "note").exists()


@pytest.mark.parametrize("name", sorted(OUTCOME))
def test_a_missing_output_is_named_and_nothing_is_made(results, name):
    (results / name).unlink()
    before = files(results.parent)
    with pytest.raises(UserError, match=f"results/{name} is missing: run `snakemake"):
        take_snapshot("a", PLAN, results, replace=False)
    assert files(results.parent) == before


def test_missing_parameters_are_named(results):
    (results.parent / "params.yaml").unlink()
    with pytest.raises(UserError, match=r"params\.yaml is missing"):
        take_snapshot("a", PLAN, results, replace=False)


@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupted_copy_leaves_everything_as_it_was(results, monkeypatch, existing):
    if existing:
        take_snapshot("a", PLAN, results, replace=False)
    before = sorted(results.parent.rglob("*"))
    copied = []

    def copy(source, target):
        if len(copied) == 7:
            raise KeyboardInterrupt
        copied.append(shutil.copyfile(source, target))

    monkeypatch.setattr(snapshot.shutil, "copy2", copy)
    with pytest.raises(KeyboardInterrupt):
        take_snapshot("a", PLAN, results, replace=True)
    assert len(copied) == 7
    assert sorted(results.parent.rglob("*")) == before
