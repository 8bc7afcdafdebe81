"""A study's folder after git and dvc have moved it about: the next start takes it for its own, and makes it right."""

import re

import pytest
import yaml

SMALL = ["study=one", "study.seeds=1", "training.iterations=3", "training.batch=16", "training.replay_batch=16"]
NOTHING = "Nothing to be done"


@pytest.fixture(scope="module")
def variants(recorded, tmp_path_factory):
    """A clone in which two variants of one study were run as experiments; the second one's files lie there."""
    clone = recorded.copy(tmp_path_factory.mktemp("variants") / "clone")
    for name, weight in (("v1", 1), ("v2", 2)):
        settings = [*SMALL, "model.units=8", f"arms.rr-ra.lambda_ra={weight}"]
        clone.run("dvc", "exp", "run", "-n", name, *[part for setting in settings for part in ("-S", setting)])
    return clone


def started(clone, weight):
    """Start the workflow, and make sure that the folder tells of the params.yaml that is there, in every file."""
    done = clone.snakemake("metrics")
    assert "moved to" not in done.output
    params = yaml.safe_load((clone.path / "params.yaml").read_text())
    assert params["arms"]["rr-ra"]["lambda_ra"] == weight
    runs = set(clone.plan()["runs"])
    folder = clone.path / "results/one"
    for name in ("plan.json", "records.jsonl", "report.html", "provenance/one.csv"):
        found = set(re.findall(r"(?:bir|exaggeration)-s\d+-[0-9a-f]{10}", (folder / name).read_text()))
        assert found == runs, name
    assert (folder / "params.yaml").read_text() == (clone.path / "params.yaml").read_text()
    readme = (folder / "README.md").read_text()
    assert "<<<<" not in readme and "## What was run" in readme
    runs_csv = (folder / "runs.csv").read_text()
    assert all(run.rpartition("-")[2] in runs_csv for run in runs)
    assert NOTHING in clone.snakemake("metrics").output
    return done.output


def test_an_experiment_carries_all_that_git_keeps_and_another_one_is_applied_over_it(variants, tmp_path):
    assert NOTHING in started(variants, 2)
    experiment = variants.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/**/v1").stdout.strip()
    carried = set(variants.run("git", "ls-tree", "-r", "--name-only", experiment, "results/one/").stdout.split())
    assert {f"results/one/{name}" for name in ("README.md", "plan.json", "provenance.json", "records.jsonl")} < carried
    assert any(name.startswith("results/one/mechanism/") for name in carried)
    assert not [name for name in carried if name.endswith((".html", ".pdf", ".svg", ".tex", "sha256.json"))]

    clone = variants.copy(tmp_path / "clone")
    clone.run("dvc", "exp", "apply", "v1")
    assert "train" not in {job.partition("_")[0] for job in clone.planned("metrics")}
    started(clone, 1)


def test_branches_are_checked_out_and_merged_with_conflicts(variants, tmp_path):
    clone = variants.copy(tmp_path / "clone")
    for name in ("v1", "v2"):
        clone.run("dvc", "exp", "branch", name, f"branch-{name}")
    clone.run("git", "stash", "-q", "--include-untracked")
    clone.run("git", "checkout", "-q", "branch-v1")
    clone.run("dvc", "checkout")
    started(clone, 1)

    merged = clone.run("git", "merge", "branch-v2", check=False)
    assert "CONFLICT" in merged.output
    assert "<<<<<<<" in (clone.path / "results/one/provenance.json").read_text()
    clone.run("git", "checkout", "-q", "--theirs", "params.yaml", "dvc.lock", "results/focus.json")
    clone.run("dvc", "checkout")
    started(clone, 2)


def test_a_study_that_is_stashed_and_brought_back_is_made_whole_again(variants, tmp_path):
    clone = variants.copy(tmp_path / "clone")
    clone.run("git", "stash", "-q", "--include-untracked")
    assert not (clone.path / "results/one/records.jsonl").exists()
    assert (clone.path / "results/one/report.html").exists()  # which Git does not look at
    clone.run("dvc", "checkout")
    clone.run("git", "stash", "pop", "-q")
    clone.run("dvc", "checkout")
    started(clone, 2)
