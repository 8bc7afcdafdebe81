"""DVC and Snakemake together, in throw-away clones."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from exaggerated_replay.analysis.study.outputs import git_files
from exaggerated_replay.analysis.study.study import open_study

STAGES = ("configuration", "data", "encoder", "models", "metrics")
MILESTONES = STAGES[1:]
SKIPPED = "didn't change, skipping"
STUDY = "results/${study.name}"
# What is made again where it is needed, and marks that say that a job is done, as long as the workflow runs.
NOT_RECORDED = {"data/raw", "data/features", ".training/packs"}


def below(name, folders):
    return any(Path(name).is_relative_to(folder) for folder in folders)


def test_every_stage_asks_for_a_milestone_that_the_workflow_has(recorded):
    stages = yaml.safe_load((recorded.path / "dvc.yaml").read_text())["stages"]
    assert tuple(stages) == STAGES
    first = {name: cmd if isinstance(cmd := stage["cmd"], str) else cmd[0] for name, stage in stages.items()}
    assert first.pop("configuration").endswith(" exaggerated-replay drift --own-files data/own_files.json")
    assert first == {name: f"snakemake --cores all {name}" for name in MILESTONES}
    assert {*MILESTONES} <= set(recorded.run("snakemake", "--list-rules").output.split())


def test_what_dvc_records_is_what_the_rules_make_and_described(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    made = set()
    for name, study in (
        ("tiny", []),
        ("laptop", ["dataset=cifar100", "encoder=cpu", "study=laptop"]),  # trains an encoder
    ):
        clone.compose(*study)
        table = clone.run("snakemake", "--summary").stdout.splitlines()
        assert table[0].startswith("output_file")
        made |= {line.partition("\t")[0].replace(f"results/{name}/", f"{STUDY}/") for line in table[1:]}
    pipeline = yaml.safe_load((clone.path / "dvc.yaml").read_text())
    outs = {}
    for name, stage in pipeline["stages"].items():
        assert stage["desc"]
        if name == "configuration":  # which is no milestone, and makes no result
            continue
        for out in stage.get("outs", []):
            outs |= out
    assert [name for name, options in outs.items() if not (options["persist"] and options["desc"])] == []
    assert [out for out in outs if not any(below(name, [out]) for name in made)] == []
    assert [name for name in made if not below(name, [*outs, *NOT_RECORDED])] == []
    artifacts = pipeline["artifacts"]
    assert all(artifact["desc"] and below(artifact["path"], outs) for artifact in artifacts.values())
    assert (clone.path / artifacts["encoder"]["path"]).is_file()
    assert set(pipeline["metrics"]) <= made
    assert {file for plot in pipeline["plots"] for entry in plot.values() for file in entry["y"]} <= made


def test_git_keeps_of_a_study_what_its_plan_says_and_dvc_all_of_that_but_the_seconds(recorded):
    folder = recorded.path / "results/tiny"
    kept = {name for name in git_files(open_study(folder).plan) if (folder / name).is_file()}
    tracked = recorded.run("git", "ls-files", "results/tiny").stdout.split()
    assert {name.removeprefix("results/tiny/") for name in tracked} == kept
    assert {"README.md", "records.jsonl", "figures/table1.png", "mechanism/distances.csv"} < kept
    assert recorded.run("git", "status", "--porcelain").stdout == ""
    stages = yaml.safe_load((recorded.path / "dvc.lock").read_text())["stages"]
    (out,) = [out for out in stages["metrics"]["outs"] if out["path"] == "results/tiny"]
    assert out["nfiles"] == len(kept - {"README.md", "provenance.json"})


def test_dvc_repro_after_snakemake_trains_nothing_and_then_skips_every_stage(recorded, finished):
    assert recorded.said.count("Running stage") == len(STAGES)
    assert recorded.trained_at() == finished.trained_at() != {}
    assert recorded.files("results/timings") == finished.files("results/timings")
    assert recorded.run("dvc", "repro").output.count(SKIPPED) == len(MILESTONES)
    assert "Nothing to be done" in recorded.snakemake().output


def test_a_difference_between_conf_and_params_is_told_even_where_every_milestone_is_skipped(recorded, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    clone.edit("conf/study/tiny.yaml", "seeds: 2", "seeds: 3")
    told = clone.run("dvc", "repro").output
    assert "params.yaml differs from conf/ in: study.seeds." in told
    assert told.count(SKIPPED) == len(MILESTONES)
    assert "params.yaml differs from conf/ in: study.seeds." in clone.snakemake("-n").output


def add_line(name, line):
    def edit(clone):
        with (clone.path / "src/exaggerated_replay" / name).open("a") as source:
            source.write(f"{line}\n")

    return edit


def raise_version(folder):
    return lambda clone: clone.edit(f"src/exaggerated_replay/{folder}/__init__.py", "VERSION = 1", "VERSION = 2")


def compose(*overrides):
    return lambda clone: clone.compose(*overrides)


EDITS = {
    "nothing": (lambda clone: None, {}),
    "a new seed": (compose("study.seeds=3"), {"bir": 2, "exaggeration": 3}),
    "a changed lambda": (compose("arms.rr-ra.lambda_rr=1e-3"), {"exaggeration": 6}),
    "a changed f": (
        compose("study.grids.table1=[{arm: [bir-si]}, {arm: [rr-ra], method.f: [7, 20]}]"),
        {"exaggeration": 2},
    ),
    "a changed switch": (compose("reading=paper"), {"exaggeration": 6}),
    "other data": (compose("dataset.validation=0.2"), {"bir": 4, "exaggeration": 6}),
    "a new version of a method": (raise_version("methods/exaggeration"), {"exaggeration": 6}),
    "a new version of the core": (raise_version("learning"), {"bir": 4, "exaggeration": 6}),
    "other code of the same version": (add_line("learning/competition.py", "MARGIN = 0"), {}),
    "a renamed arm": (lambda clone: clone.edit("params.yaml", "rr-ra", "exaggerated"), {}),
    "another focus": (compose("focus=bir-si"), {}),
    "smaller packs": (compose("compute.runs_per_job=2"), {}),
}


def test_an_edit_before_anything_ran_in_a_pulled_clone_asks_for_exactly_the_affected_runs(pull):
    clone = pull()
    pulled = {name.partition("/")[0] for name in clone.runs()}
    for what, (edit, expected) in EDITS.items():
        edit(clone)
        jobs = {job for job in clone.planned("models") if job.startswith("train")}
        missing = set(clone.plan()["runs"]) - pulled
        assert Counter(name.partition("-")[0] for name in missing) == expected, what
        assert bool(jobs) == bool(missing), what
        clone.run("git", "checkout", "-q", ".")


def test_an_edit_before_anything_ran_in_a_pulled_clone_never_records_old_models(pull):
    clone = pull()
    before = clone.recorded_runs("HEAD")
    clone.compose("arms.rr-ra.lambda_ra=1e-2")
    clone.run("dvc", "repro", "models")
    clone.commit("another lambda")
    after = clone.recorded_runs("HEAD")
    assert after == set(clone.plan()["runs"])
    assert Counter(name.partition("-")[0] for name in after - before) == {"exaggeration": 6}
    lock = yaml.safe_load((clone.path / "dvc.lock").read_text())
    assert lock["stages"]["models"]["params"]["params.yaml"]["arms"]["rr-ra"]["lambda_ra"] == 1e-2


def test_deleting_everything_and_rebuilding_it_gives_the_same_lock_file(recorded, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    before = (clone.path / "dvc.lock").read_bytes()
    lock = yaml.safe_load(before)
    paths = {out["path"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    assert {"results/runs", "results/tiny", "results/focus/plots"} <= paths
    for folder in ("results", ".dvc/cache", ".dvc/tmp", ".snakemake", "data/prepared", "data/raw"):
        shutil.rmtree(clone.path / folder, ignore_errors=True)
    (clone.path / "dvc.lock").unlink()
    clone.run("dvc", "repro")
    assert (clone.path / "dvc.lock").read_bytes() == before


def test_another_content_of_ones_own_file_is_noticed_and_runs_of_the_old_one_are_set_aside(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    x, y = np.random.default_rng(0).random((80, 5), dtype=np.float32), np.arange(4).repeat(20)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    clone.run(
        *["exaggerated-replay", "compose", "dataset=npz", f"dataset.source={tmp_path / 'own.npz'}", "dataset.tasks=2"],
        *["study=mnist", "study.dataset=null", "study.seeds=1", "study.grids.mnist=[{arm: [er, none]}]", "focus=none"],
        *["training.iterations=3", "training.batch=16", "training.replay_batch=16", "model.units=8"],
    )
    clone.run("dvc", "repro", "models")
    old = {path.name for path in (clone.path / "results/runs").iterdir()}
    assert len(old) == 2
    np.savez(tmp_path / "own.npz", x_train=1 - x, y_train=y, x_test=1 - x, y_test=y)
    clone.run("dvc", "repro")
    new = {path.name for path in (clone.path / "results/runs").iterdir()}
    assert len(new) == 2
    assert not old & new
    assert {path.name for path in (clone.path / ".store").iterdir()} == old | new

    # Back again, nothing is trained: the runs that were set aside come from the store.
    before = (clone.path / "results/mnist/runs.csv").read_text()
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (clone.path / "results/timings").rename(tmp_path / "timings")
    clone.run("dvc", "repro")
    assert {path.name for path in (clone.path / "results/runs").iterdir()} == old
    assert (clone.path / "results/mnist/runs.csv").read_text() != before
    assert not (clone.path / "results/timings").exists()  # where whatever is trained leaves its seconds
