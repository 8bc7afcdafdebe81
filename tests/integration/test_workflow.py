"""The whole workflow in throw-away clones, with the real snakemake."""

import json
import re
import shutil
from collections import Counter

import pandas as pd

from tests.integration.outputs import OUTPUTS, VARYING, digests, records

NOTHING = "Nothing to be done"


def test_everything_is_made_and_a_second_run_has_nothing_to_do(finished):
    missing = [name for name in OUTPUTS if not (finished.path / name).stat().st_size]
    assert missing == []
    assert NOTHING in finished.snakemake("--resources", "gpu=2").output


def test_a_run_ends_with_its_table_where_it_lies_and_how_long_it_took(finished):
    table = (finished.path / "results/tiny/tables/table1.md").read_text()
    assert table in finished.said
    told = finished.said.partition(table)[2]
    assert "results/tiny/ holds this table" in told
    assert re.search(r"Done in \d+ s\.", told)


def test_the_records_of_a_study_lie_in_its_folder(finished):
    lines = (finished.path / "results/tiny/records.jsonl").read_text().splitlines()
    kept = {line["run"]: line["record"] for line in map(json.loads, lines)}
    runs = {path.parent.name: path for path in (finished.path / "results/runs").glob("*/record.json")}
    assert kept == {name: json.loads(path.read_text()) for name, path in runs.items()}
    assert list(kept) == sorted(kept)


def test_the_runs_table_has_one_row_per_cell_and_seed(finished):
    runs = pd.read_csv(finished.path / "results/tiny/runs.csv", dtype={"digest": str})
    # bir-si, rr-ra (f = 20) and rr-ra-f5 from table1; the two arms at 3 iterations from convergence.
    assert sorted(runs["cell"].unique()) == ["bir-si", "bir-si-iterations3", "rr-ra", "rr-ra-f5", "rr-ra-iterations3"]
    assert (runs.groupby("cell")["seed"].apply(sorted).map(tuple) == (0, 1)).all()
    assert runs["digest"].nunique() == 10
    assert runs[["first20", "first50", "overall"]].stack().between(0, 100).all()


def test_rebuilding_from_nothing_gives_the_same_bytes(clone, finished, monkeypatch):
    monkeypatch.delenv("PICTURES")  # so that all is drawn
    for folder in ("results", "data", ".snakemake", ".training"):
        shutil.rmtree(clone.path / folder, ignore_errors=True)
    clone.snakemake()
    assert clone.runs() == finished.runs()
    same = [name for name in OUTPUTS if name not in VARYING]
    assert digests(clone, same) == digests(finished, same)


def test_a_missing_run_is_trained_alone_and_comes_out_the_same(clone, finished):
    gone = sorted((clone.path / "results/runs").glob("bir-s1-*"))[0]
    before = clone.trained_at()
    for place in (gone, clone.path / ".store" / gone.name):  # the store would bring it back
        shutil.rmtree(place)
    clone.snakemake("models")
    assert clone.runs() == finished.runs()
    assert clone.trained_since(before) == {gone.name}


def test_what_an_edit_asks_for_is_trained_and_nothing_else(clone):
    """In a fresh .snakemake, because git and dvc bring none to another machine; journeys/test_dvc.py has more edits."""
    shutil.rmtree(clone.path / ".snakemake")
    before = {name.split("/")[0] for name in clone.runs()}
    clone.compose("arms.rr-ra.lambda_rr=1e-3")
    missing = set(clone.plan()["runs"]) - before
    assert Counter(name.split("-")[0] for name in missing) == {"exaggeration": 6}
    clone.snakemake("models")
    assert {name.split("/")[0] for name in clone.runs()} - before == missing


def test_a_renamed_arm_trains_nothing(clone):
    shutil.rmtree(clone.path / ".snakemake")
    clone.edit("params.yaml", "rr-ra", "exaggerated")
    assert not {job for job in clone.planned() if job.startswith("train")}


def test_tidied_code_trains_nothing_and_a_new_version_trains_what_has_it(clone):
    shutil.rmtree(clone.path / ".snakemake")
    code = "src/exaggerated_replay/learning/competition.py"
    clone.edit(code, "probabilities > top / f", "top / f < probabilities")
    assert not {job for job in clone.planned() if job.startswith("train")}
    clone.edit("src/exaggerated_replay/methods/exaggeration/__init__.py", "VERSION = 1", "VERSION = 2")
    before = set(clone.runs())
    clone.snakemake("models")
    assert {name.split("-")[0] for name in set(clone.runs()) - before} == {"exaggeration"}


def test_a_committed_study_gives_its_records_back(finished, fresh, tmp_path):
    """To the byte, so that they make the same tables."""
    other = fresh.copy(tmp_path / "other")
    shutil.copytree(finished.path / "results/tiny", other.path / "results/tiny")
    told = other.run("exaggerated-replay", "import", "results/tiny").output
    assert f"{len(records(finished))} records imported, 0 were here already" in told
    assert records(other) == records(finished)


def test_a_damaged_checkpoint_is_named_and_trained_again(clone, finished):
    assert "runs are right" in clone.run("exaggerated-replay", "verify").output
    weights = sorted((clone.path / "results/runs").glob("bir-s1-*/model.safetensors"))[0]
    flip_last_bit(weights)
    refused = clone.run("exaggerated-replay", "verify", check=False)
    assert refused.returncode == 2
    assert str(weights.relative_to(clone.path)) in refused.output
    assert f"{weights.relative_to(clone.path)} is not the checkpoint" in clone.snakemake("models").output
    assert clone.runs() == finished.runs()


def flip_last_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
