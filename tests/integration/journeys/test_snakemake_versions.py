"""The workflow on the oldest Snakemake 9 and on the newest, each in an environment of its own.

It takes some two minutes for each, which is a dry run and the runs of a tiny study.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

VERSIONS = {"oldest": "snakemake==9.1.0", "newest": "snakemake>=9,<10"}
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(params=VERSIONS)
def other(request, tmp_path):
    """A Python that has another Snakemake, and everything else from this environment."""
    place = tmp_path / "environment"
    python = place / "bin/python"
    wanted = VERSIONS[request.param]
    for command in (["venv", "--python", sys.executable, place], ["pip", "install", "--python", python, wanted]):
        done = subprocess.run([UV, *command[:1], "--quiet", *command[1:]], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{wanted} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    (packages / "later.pth").write_text(sysconfig.get_path("purelib"))  # looked into after its own
    return python


def test_the_workflow_runs_on_another_snakemake(other, fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    clone.compose("study.seeds=1", "study.grids.table1=[{arm: [bir-si]}, {arm: [rr-ra]}]", "~study.grids.convergence")
    snakemake = [str(other), "-m", "snakemake", "--cores", "2"]
    assert "train" in clone.run(*snakemake, "-n").output
    clone.run(*snakemake, "models")
    names = {path.name for path in (clone.path / "results/runs").iterdir()}
    assert names == {*clone.plan()["runs"]} and len(names) == 2
    assert "2 runs are right" in clone.run("exaggerated-replay", "verify").output
    assert "Nothing to be done" in clone.run(*snakemake, "models").output
