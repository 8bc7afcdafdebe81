"""The whole workflow in throw-away clones, with the real snakemake."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

FIGURES = ["accuracy_matrix", "architecture", "competing_classes", "convergence", "table1"]
OUTPUTS = [
    "results/runs.csv",
    "results/metrics.json",
    "results/focus.json",
    "results/timings.csv",
    *[f"results/tables/{grid}.{kind}" for grid in ("table1", "convergence") for kind in ("csv", "md", "tex")],
    *[f"results/figures/{name}.{kind}" for name in FIGURES for kind in ("png", "pdf", "svg")],
]
NOTHING = "Nothing to be done"


def digests(clone, names):
    return {name: hashlib.sha256((clone.path / name).read_bytes()).hexdigest() for name in names}


def test_everything_is_made_and_a_second_run_has_nothing_to_do(finished):
    missing = [name for name in OUTPUTS if not (finished.path / name).stat().st_size]
    assert missing == []
    assert NOTHING in finished.snakemake("--resources", "gpu=2").output


def test_the_runs_table_has_one_row_per_cell_and_seed(finished):
    runs = pd.read_csv(finished.path / "results/runs.csv", dtype={"digest": str})
    # bir-si, rr-ra (f = 20) and rr-ra-f5 from table1; the two arms at 3 iterations from convergence.
    assert sorted(runs["cell"].unique()) == ["bir-si", "bir-si-iterations3", "rr-ra", "rr-ra-f5", "rr-ra-iterations3"]
    assert (runs.groupby("cell")["seed"].apply(sorted).map(tuple) == (0, 1)).all()
    assert runs["digest"].nunique() == 10
    assert runs[["first20", "first50", "overall"]].stack().between(0, 100).all()


def test_the_report_is_one_file_with_every_caption(finished, tmp_path):
    finished.run("snakemake", "--report", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()
    for caption in (finished.path / "workflow/report").glob("*.rst"):
        assert caption.read_text().split("(")[0].strip() in page
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?://", page)


def test_rebuilding_from_nothing_gives_the_same_bytes(clone, finished):
    for folder in ("results", "data", ".snakemake", ".training"):
        shutil.rmtree(clone.path / folder, ignore_errors=True)
    clone.snakemake()
    assert clone.runs() == finished.runs()
    same = [name for name in OUTPUTS if name != "results/timings.csv"]
    assert digests(clone, same) == digests(finished, same)


def test_a_missing_run_is_trained_alone_and_comes_out_the_same(clone, finished):
    gone = sorted((clone.path / "results/runs").glob("bir-s1-*"))[0]
    timings = {p.stem: p.read_bytes() for p in (clone.path / "results/timings").iterdir()}
    shutil.rmtree(gone)
    clone.snakemake()
    assert clone.runs() == finished.runs()
    trained = {p.stem for p in (clone.path / "results/timings").iterdir() if p.read_bytes() != timings[p.stem]}
    assert trained == {gone.name}


# What git and dvc bring to another machine is the files without .snakemake/: that is when edits are dangerous.
@pytest.mark.parametrize(
    ("overrides", "trained"),
    [
        (["arms.rr-ra.lambda_rr=1e-3"], {"exaggeration": 6}),
        (["study.grids.table1=[{arm: [bir-si]}, {arm: [rr-ra], method.f: [7, 20]}]"], {"exaggeration": 2}),
        (["reading=paper"], {"exaggeration": 6}),
        (["study.seeds=3"], {"bir": 2, "exaggeration": 3}),
        (["focus=bir-si"], {}),
        (["compute.runs_per_job=2"], {}),
    ],
)
def test_an_edit_trains_exactly_the_affected_runs(clone, overrides, trained):
    before = set(clone.runs())
    shutil.rmtree(clone.path / ".snakemake")
    clone.compose(*overrides)
    clone.snakemake("models")
    new = {name.split("/")[0] for name in set(clone.runs()) - before}
    counts = {kind: sum(name.startswith(f"{kind}-") for name in new) for kind in trained}
    assert counts == trained
    assert len(new) == sum(trained.values())
    plan = json.loads((clone.path / "results/plan.json").read_text())
    assert new <= set(plan["runs"])


def test_a_renamed_arm_trains_nothing(clone):
    shutil.rmtree(clone.path / ".snakemake")
    clone.edit("params.yaml", "rr-ra", "exaggerated")
    assert not {job for job in clone.planned() if job.startswith("train")}


def test_a_comment_trains_nothing_and_a_real_change_trains_what_uses_it(clone):
    shutil.rmtree(clone.path / ".snakemake")
    clone.edit("src/exaggerated_replay/learning/exaggeration.py", "class Competition", "# a remark\nclass Competition")
    assert not {job for job in clone.planned() if job.startswith("train")}
    clone.edit("src/exaggerated_replay/learning/exaggeration.py", "probabilities > top / f", "probabilities >= top / f")
    before = set(clone.runs())
    clone.snakemake("models")
    assert {name.split("-")[0] for name in set(clone.runs()) - before} == {"exaggeration"}


def test_a_killed_run_goes_on_with_the_same_command(fresh, finished, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    environment = os.environ | {
        "PYTHONPATH": str(clone.path / "src"),
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        ["snakemake", "--cores", "1"],
        cwd=clone.path,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list((clone.path / ".training").glob("*/record.json")):  # in the middle of a training job
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    clone.snakemake()
    assert clone.runs() == finished.runs()
    assert list((clone.path / ".training").iterdir()) == []


def test_records_from_another_machine_make_the_tables_without_training(clone, fresh, finished, tmp_path):
    clone.run("exaggerated-replay", "export", str(tmp_path / "records.gz"))
    other = fresh.copy(tmp_path / "other")
    told = other.run("exaggerated-replay", "import", str(tmp_path / "records.gz")).output
    assert f"{len(list((clone.path / 'results/runs').iterdir()))} records imported, 0 were here already" in told
    assert not {job for job in other.planned("metrics") if job.startswith("train")}
    other.snakemake("metrics")
    assert digests(other, OUTPUTS) == digests(finished, OUTPUTS)
    assert "without a checkpoint" in other.run("exaggerated-replay", "verify").output


def test_a_damaged_checkpoint_is_named_and_trained_again(clone, finished):
    assert "runs are right" in clone.run("exaggerated-replay", "verify").output
    weights = sorted((clone.path / "results/runs").glob("bir-s1-*/model.safetensors"))[0]
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    refused = clone.run("exaggerated-replay", "verify", check=False)
    assert refused.returncode == 2
    assert str(weights.relative_to(clone.path)) in refused.output
    weights.unlink()
    clone.snakemake()
    assert clone.runs() == finished.runs()


def test_a_second_start_in_the_same_folder_is_refused_and_harms_nothing(fresh, finished, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(clone.snakemake)
        deadline = time.monotonic() + 120
        while not (clone.path / ".snakemake/locks").is_dir() or not list((clone.path / ".snakemake/locks").iterdir()):
            assert time.monotonic() < deadline and not first.done()
            time.sleep(0.02)
        second = clone.snakemake(check=False)
        assert second.returncode != 0
        assert "no other Snakemake process" in second.output
        first.result()
    assert clone.runs() == finished.runs()
