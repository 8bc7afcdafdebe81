"""Options of Snakemake's do here what they do elsewhere."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from exaggerated_replay.workflow.control import MADE_FROM


def described(clone, rule, *options):
    """Return what a dry run says of the first job of a rule."""
    return re.split(r"\n\[|\n\n", clone.snakemake("-n", *options).output.partition(f"rule {rule}:")[2])[0]


AFTER_TRAINING = {"trained": 10, "study": 1, "all": 1}


def test_resources_and_threads_reach_the_training_jobs(fresh):
    plain = described(fresh, "train")
    assert "mem_mb" not in plain and "threads" not in plain
    asked = described(fresh, "train", "--set-resources", "train:mem_mb=8000", "--set-threads", "train=2")
    assert re.search(r"resources: .*mem_mb=8000", asked)
    assert "threads: 2" in asked
    assert "mem_mb" not in described(fresh, "split", "--set-resources", "train:mem_mb=8000")


def test_jobs_call_the_programs_beside_snakemake_whatever_stands_on_the_path(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    other = tmp_path / "bin"
    other.mkdir()
    (other / "exaggerated-replay").write_text("#!/bin/sh\nexit 7\n")
    (other / "exaggerated-replay").chmod(0o755)
    path = f"PATH={other}:/usr/bin:/bin"
    clone.run("env", path, str(Path(sys.executable).parent / "snakemake"), "--cores", "2", "data")
    assert list(clone.path.glob("data/prepared/*.npz"))


def test_a_data_set_may_be_called_as_that_of_the_encoder_or_as_an_encoder(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    for name, encoder in (("cifar10", "cpu"), ("encoder", "publication")):
        clone.compose("dataset=cifar100", f"dataset.name={name}", f"encoder={encoder}", "study=one")
        rules = clone.run("snakemake", "--list-rules").stdout.split()
        assert len([rule for rule in rules if rule.startswith("download_")]) == 2
        assert len(rules) == len({*rules})


def test_until_a_rule_ends_with_it_and_the_rest_is_left(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    clone.compose("study.seeds=1", "~study.grids.convergence")
    assert {*clone.counted("--until", "train")} == {
        "download_digits_30e51c8fe9",
        "verify_digits_30e51c8fe9",
        "split",
        "train",
    }
    clone.snakemake("--until", "train")
    assert len({name.partition("/")[0] for name in clone.runs()}) == 3
    assert not (clone.path / "results/tiny").exists()
    assert clone.counted() == {"study": 1, "all": 1}


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        ([], {}),
        (["-R", "split"], {"split": 1, "train": 1, **AFTER_TRAINING}),
        (["-R", "train"], {"train": 1, **AFTER_TRAINING}),
        (["-R", "study"], {"study": 1, "all": 1}),
        (
            ["-F"],
            {"download_digits_30e51c8fe9": 1, "verify_digits_30e51c8fe9": 1, "split": 1, "train": 1, **AFTER_TRAINING},
        ),
        (["-F", "data"], {"download_digits_30e51c8fe9": 1, "verify_digits_30e51c8fe9": 1, "split": 1, "data": 1}),
        (["-f", "study"], {"study": 1}),
    ],
    ids=" ".join,
)
def test_what_is_forced_runs_with_all_that_follows(finished, options, jobs):
    assert finished.counted(*options) == jobs


def test_what_is_stated_to_follow_is_what_reads_the_files(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    found = arrows(clone)
    clone.compose("dataset=cifar100", "encoder=cpu", "study=laptop")  # trains an encoder
    shutil.rmtree(clone.path / "data/encoders")
    found |= arrows(clone)
    clone.compose("dataset=cifar100", "encoder=publication", "study=laptop")  # fetches one
    found |= arrows(clone)
    assert found == {(source, kind) for kind, sources in MADE_FROM.items() for source in sources}


def arrows(clone):
    """Return which kinds of rules read the files of which others."""
    graph = clone.run("snakemake", "--rulegraph").stdout
    kinds = {number: rule.partition("_")[0] for number, rule in re.findall(r'(\d+)\s*\[label\s*=\s*"(\w+)"', graph)}
    found = {(kinds[source], kinds[kind]) for source, kind in re.findall(r"(\d+) -> (\d+)", graph)}
    return {(source, kind) for source, kind in found if kind != "all"}


def test_a_run_that_is_forced_is_trained_again_and_no_other(clone, finished):
    run = sorted(path.name for path in (clone.path / "results/runs").iterdir())[0]
    told = clone.snakemake("-R", f"results/runs/{run}/record.json", "--", "models").output
    assert f"{run}: trained again, as was asked for; moved to .training/aside/{run}.1" in told
    assert clone.trained_since(finished.trained_at()) == {run}
    assert clone.runs() == finished.runs()
    moved = clone.files(f".training/aside/{run}.1")
    assert moved == {name.removeprefix(f"{run}/"): said for name, said in finished.runs().items() if run in name}


def test_what_is_only_touched_stays_where_it_is(clone, finished):
    clone.snakemake("--touch", "-F", "models")
    assert clone.runs() == finished.runs()
    assert clone.trained_at() == finished.trained_at()
    assert not (clone.path / ".training/aside").exists()


def test_all_is_trained_again_where_everything_is_forced(clone, finished):
    clone.snakemake("-F", "models")
    assert clone.trained_since(finished.trained_at()) == set(finished.trained_at())
    assert clone.runs() == finished.runs()
    assert clone.counted("models") == {}


def test_what_only_follows_is_found_finished(clone, finished):
    clone.snakemake("-R", "split", "--", "models")
    assert clone.trained_at() == finished.trained_at()
    assert clone.files("results/timings") == finished.files("results/timings")
    assert clone.runs() == finished.runs()


def test_summary_dry_run_and_run_say_the_same_of_a_damaged_study(clone, finished):
    runs = sorted(path.name for path in (clone.path / "results/runs").iterdir())
    short, gone = runs[:2]
    for place in (clone.path / "results/runs", clone.path / ".store"):  # else the store would have them right
        weights = place / short / "model.safetensors"
        weights.write_bytes((finished.path / "results/runs" / short / weights.name).read_bytes()[:-1])
        shutil.rmtree(place / gone)
    clone.edit("results/tiny/tables/table1.csv", "bir-si", "mine")

    table = [line.split("\t") for line in clone.run("snakemake", "--summary").stdout.splitlines()]
    rows = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
    plan = {row["output_file"]: row["plan"] for row in rows}
    assert plan[f"results/runs/{short}/model.safetensors"] == "update pending"
    assert plan[f"results/runs/{gone}/record.json"] == "update pending"
    assert plan["results/tiny/tables/table1.csv"] == "update pending"
    assert plan[f"results/runs/{runs[2]}/model.safetensors"] == "no update"
    pending = {row["rule"] for row in rows if row["plan"] == "update pending"}
    assert pending == {"train", "trained", "study"}
    assert clone.counted() == {"train": 1, "trained": 2, "study": 1, "all": 1}

    clone.snakemake()
    assert clone.trained_since(finished.trained_at()) == {short, gone}
    assert clone.runs() == finished.runs()
    assert clone.counted() == {}
