"""The whole benchmark with one arm, at sizes that take seconds: it measures nothing, but every part runs."""

import json
import math
import os
import subprocess
import sys

from tests.integration.conftest import REPOSITORY


def test_a_quick_benchmark_fills_every_key_and_writes_nothing_else(tmp_path):
    before = committed()
    out = tmp_path / "results.json"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src"), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    results = json.loads(out.read_text())
    assert results["quick"]
    # A difference of two such short runs is noise, and may be negative on a busy machine.
    assert math.isfinite(results["miniature"]["rr-ra"]["speedup"])
    assert results["paper_step"]["rr-ra, fp32"]["task 2"]["ceiling_share"] > 0
    assert {math.isclose(sum(shares.values()), 1) for shares in results["parts"].values()} == {True}
    assert results["memory"]["paper, rr-ra"]["own_gb"] > 0
    assert min(results["workflow"].values()) > 0
    assert set(results["growth"]) == {"tasks", "classes", "units", "batch", "replay_batch"}
    assert "GFLOP/s" in done.stdout
    assert committed() == before


def committed():
    """Return what a benchmark that is no quick one writes."""
    return [
        path.read_bytes() for path in (*REPOSITORY.glob("bench/*.json"), *REPOSITORY.glob("docs/explanation/perf*"))
    ]


def test_the_benchmark_says_where_it_must_be_started(tmp_path):
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("bench: there is no conf/ here")
