"""DVC and Snakemake together, in throw-away clones."""

import shutil

import numpy as np
import yaml


def test_every_stage_asks_for_a_milestone_that_the_workflow_has(finished):
    stages = yaml.safe_load((finished.path / "dvc.yaml").read_text())["stages"]
    commands = {name: stage["cmd"] for name, stage in stages.items()}
    first = {name: cmd if isinstance(cmd, str) else cmd[0] for name, cmd in commands.items()}
    milestones = ("data", "encoder", "models", "metrics")
    assert first == {name: f"snakemake --cores all {name}" for name in milestones}
    assert set(milestones) <= set(finished.run("snakemake", "--list-rules").output.split())
    for stage in stages.values():
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]:
            ((name, options),) = out.items()
            assert options["persist"] is True
            assert (finished.path / name).exists()


def test_dvc_repro_after_snakemake_trains_nothing_and_then_skips_every_stage(clone):
    before = {p: p.stat().st_mtime_ns for p in (clone.path / "results/runs").rglob("*.json")}
    clone.run("dvc", "repro")
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert clone.run("dvc", "repro").output.count("didn't change, skipping") == 4
    assert "Nothing to be done" in clone.snakemake().output


def test_an_edit_in_a_clone_that_pulled_its_results_never_records_old_models(clone, tmp_path):
    clone.run("dvc", "repro")
    clone.run("git", "add", "-A")
    clone.run("git", "commit", "-q", "-m", "results")
    clone.run("git", "clone", "-q", ".", str(tmp_path / "other"))
    other = type(clone)(tmp_path / "other")
    other.run("dvc", "remote", "add", "-d", "first", str(clone.path / ".dvc/cache"))
    other.run("dvc", "pull")
    assert not {job for job in other.planned() if job.startswith("train")}
    before = set(other.runs())
    other.compose("arms.rr-ra.lambda_ra=1e-2")
    other.run("dvc", "repro")
    new = {name.split("/")[0] for name in set(other.runs()) - before}
    assert len(new) == 6 and all(name.startswith("exaggeration-") for name in new)
    lock = yaml.safe_load((other.path / "dvc.lock").read_text())
    assert lock["stages"]["models"]["params"]["params.yaml"]["arms"]["rr-ra"]["lambda_ra"] == 1e-2


def test_deleting_everything_and_rebuilding_it_gives_the_same_lock_file(clone):
    clone.run("dvc", "repro")
    before = (clone.path / "dvc.lock").read_bytes()
    for folder in ("results", ".dvc/cache", ".dvc/tmp", ".snakemake", "data/prepared", "data/splits", "data/raw"):
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
        *["study=mnist", "study.seeds=1", "study.grids.mnist=[{arm: [er, none]}]", "focus=none"],
        *["training.iterations=3", "training.batch=16", "training.replay_batch=16", "model.units=8"],
    )
    clone.run("dvc", "repro")
    old = {path.name for path in (clone.path / "results/runs").iterdir()}
    assert len(old) == 2
    np.savez(tmp_path / "own.npz", x_train=1 - x, y_train=y, x_test=1 - x, y_test=y)
    clone.run("dvc", "repro")
    new = {path.name for path in (clone.path / "results/runs").iterdir()}
    assert len(new) == 2
    assert not old & new
    assert {path.name for path in (clone.path / ".training").iterdir()} == old

    # Back again, nothing is trained: the runs that were set aside are taken up.
    before = (clone.path / "results/runs.csv").read_text()
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (clone.path / "results/timings").rename(tmp_path / "timings")
    clone.run("dvc", "repro")
    assert {path.name for path in (clone.path / "results/runs").iterdir()} == old
    assert (clone.path / "results/runs.csv").read_text() != before
    assert not (clone.path / "results/timings").exists()  # where whatever is trained leaves its seconds


def test_plots_show_the_cell_in_focus(clone, tmp_path):
    clone.run("dvc", "repro")
    clone.run("dvc", "plots", "show", "-o", str(tmp_path / "plots"))
    page = (tmp_path / "plots/index.html").read_text()
    for title in ("Final accuracy on each task", "Accuracy on the classes seen so far", "Accuracy on each task after"):
        assert title in page
