"""DVC and Snakemake together, in throw-away clones."""

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
