"""Code that is tidied keeps its runs; code whose results change is noticed. With real runs, in a clone."""

import sys

CHECK = (sys.executable, "-m", "tools.versions", "check")
EQUIVALENT = (sys.executable, "-m", "tools.equivalent")
PACKAGE = "src/exaggerated_replay"


def test_tidying_keeps_every_run_and_is_found_equivalent_and_another_result_is_not(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    runs, lock = clone.plan()["runs"], (clone.path / "versions.lock").read_text()
    clone.edit(f"{PACKAGE}/data/arrays.py", "DAMAGE = (OSError, ", "DAMAGE = (OSError, BufferError, ")
    clone.edit(f"{PACKAGE}/learning/trainer.py", "steps // 20", "steps // 25")
    (clone.path / PACKAGE / "learning/run.py").rename(clone.path / PACKAGE / "learning/progressing.py")
    for path in (clone.path / "src").rglob("*.py"):
        path.write_text(path.read_text().replace("replay.learning.run import", "replay.learning.progressing import"))

    assert clone.plan()["runs"] == runs
    refused = clone.run(*CHECK, check=False)
    assert refused.returncode == 1
    assert refused.output.startswith(
        "The code of core, readers/cifar, readers/idx, readers/npz, preparing, extraction is not that"
    )
    assert len(refused.output.splitlines()) == 1
    said = clone.run(*EQUIVALENT).output
    for unit in ("methods/none", "methods/slda", "methods/exaggeration", "readers/idx", "readers/npz", "extraction"):
        assert unit in said.partition("The same results come out of ")[2]
    assert (clone.path / "versions.lock").read_text() != lock
    clone.run(*CHECK)
    clone.commit("tidied")

    lock = (clone.path / "versions.lock").read_text()
    clone.edit(f"{PACKAGE}/learning/method.py", "fused=True, capturable", "eps=1e-5, fused=True, capturable")
    refused = clone.run(*EQUIVALENT, check=False)
    assert refused.returncode == 1
    told = refused.output.partition("Other results come out of ")[2].partition(":")[0].split(", ")
    statistics = {"methods/slda", "methods/gaussians"}  # take no step of Adam's
    methods = {f"methods/{path.parent.name}" for path in (clone.path / PACKAGE / "methods").glob("*/method.py")}
    assert set(told) == methods - statistics
    assert (clone.path / "versions.lock").read_text() == lock
    assert clone.run(*CHECK, check=False).returncode == 1
