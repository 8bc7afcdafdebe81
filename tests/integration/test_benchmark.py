"""The whole benchmark at sizes that take seconds: it measures nothing, but every part runs and every key is there."""

import json
import os
import subprocess
import sys

from conftest import REPOSITORY


def test_a_quick_benchmark_fills_every_key_and_writes_nothing_else(tmp_path):
    watched = [REPOSITORY / "bench/results.json", REPOSITORY / "docs/performance.md"]
    before = [path.read_bytes() for path in watched if path.exists()]
    out = tmp_path / "results.json"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src"), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    results = json.loads(out.read_text())
    for key in ("miniature_speedup", "paper_step_ceiling_share", "default_workflow_seconds", "startup_share"):
        assert results[key] > 0
        assert isinstance(results[key], float)
    assert results["quick"]
    assert results["workflow"]["jobs"]["train"] == 1
    assert abs(sum(results["workflow"]["shares"].values()) - 1) < 1e-9
    assert "GFLOP/s" in done.stdout
    assert [path.read_bytes() for path in watched if path.exists()] == before


def test_the_benchmark_says_where_it_must_be_started(tmp_path):
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("bench: there is no conf/ here")


def test_the_effect_of_precision_is_measured_on_the_runs_of_the_workflow(finished):
    """Every seed of a cell once more in TF32 and in bf16, compared with what the workflow trained."""
    before = finished.runs()
    environment = finished.environment()
    environment["PYTHONPATH"] += f"{os.pathsep}{REPOSITORY}"
    command = [sys.executable, "-m", "bench.precision", "bir-si", "--processes", "1"]
    done = subprocess.run(command, cwd=finished.path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split("|")[1:4] for line in done.stdout.splitlines()[2:]]
    assert [[word.strip() for word in row] for row in rows] == [["bir-si", "tf32", "2"], ["bir-si", "bf16", "2"]]
    assert finished.runs() == before
