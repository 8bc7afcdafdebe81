"""The files are what counts: status 0 means that all of a plan is there, whole, and what belongs there."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tests.integration.outputs import STUDY, study


def spoil(path, content=b"{"):
    path.unlink()
    path.write_bytes(content)


def recount(path):
    """Change a digit of a record, whose counts still fit together then."""
    record = json.loads(path.read_text())
    record["counts"]["correct"][0][0] += 1 if record["counts"]["correct"][0][0] == 0 else -1
    path.write_text(json.dumps(record))


def test_whatever_is_spoilt_is_named_and_made_again_in_one_start(clone, finished):
    runs = sorted((clone.path / "results/runs").iterdir())
    spoil(runs[0] / "record.json")  # cut short
    shutil.copytree(runs[2], runs[1], dirs_exist_ok=True)  # another run's, whole
    spoil(runs[3] / "model.safetensors", (runs[4] / "model.safetensors").read_bytes())
    (runs[5] / "model.safetensors").unlink()
    (runs[5] / "model.safetensors").mkdir()
    (runs[5] / "model.safetensors/mine.txt").write_text("mine")
    shutil.rmtree(runs[6])
    recount(runs[7] / "record.json")
    (prepared,) = (clone.path / "data/prepared").iterdir()
    spoil(prepared, prepared.read_bytes()[:-100])
    splits = sorted((clone.path / "data/splits/digits").iterdir())
    spoil(splits[0], splits[1].read_bytes())  # another seed's
    spoil(clone.path / STUDY / "runs.csv", b"digest,cell\n1,2\n")
    spoil(clone.path / STUDY / "tables/table1.md", b"100 %\n")
    (clone.path / STUDY / "figures/table1.png").unlink()
    for timing in (clone.path / "results/timings").iterdir():
        spoil(timing)
    for record in (clone.path / ".snakemake/metadata").iterdir():
        spoil(record)
    shutil.copytree(clone.path / ".snakemake/metadata", clone.path / ".snakemake/incomplete", dirs_exist_ok=True)

    told = clone.snakemake().output
    assert study(clone) == study(finished)
    clone.snakemake("data")  # the store had every run, so that nothing needed the split
    assert json.loads(splits[0].read_text())["seed"] != json.loads(splits[1].read_text())["seed"]
    records = [runs[number] / "record.json" for number in (0, 1, 7)]
    for path in (splits[0], *records, runs[3] / "model.safetensors", prepared):
        assert str(path.relative_to(clone.path)) in told
    assert "is a folder where a file belongs: moved to .training/aside/model.safetensors.1" in told
    assert (clone.path / ".training/aside/model.safetensors.1/mine.txt").read_text() == "mine"
    assert "Nothing to be done" in clone.snakemake().output


def test_a_file_where_a_folder_is_needed_is_said_and_left_alone(fresh, finished, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    (clone.path / "results").mkdir()
    (clone.path / "results/runs").write_text("mine")  # nobody can make a folder here, root neither
    failed = clone.snakemake("models", check=False)
    assert failed.returncode and "Traceback" not in failed.output
    assert "results/runs is a file, where a folder is needed: move it away" in failed.output
    assert (clone.path / "results/runs").read_text() == "mine"
    (clone.path / "results/runs").unlink()
    clone.snakemake("models")
    assert clone.runs() == finished.runs()


def test_a_missing_table_and_a_changed_one_are_made_again_and_nothing_is_trained(clone, finished):
    (clone.path / STUDY / "runs.csv").rename(clone.path / "runs.csv")
    assert clone.planned() == {"study", "all"}
    (clone.path / "runs.csv").rename(clone.path / STUDY / "runs.csv")
    assert clone.planned() == set()
    clone.edit(f"{STUDY}/tables/table1.csv", "bir-si", "mine")
    assert clone.planned() == {"study", "all"}
    (clone.path / STUDY / "runs.csv").unlink()
    clone.snakemake()
    assert study(clone) == study(finished)


def test_a_dry_run_changes_nothing_and_says_what_a_real_one_does(clone):
    (run, *_) = sorted((clone.path / "results/runs").iterdir())
    spoil(run / "record.json")
    before = times(clone)
    assert clone.planned() == set()  # the store has the record, from which a real run would bring it back
    assert times(clone) == before
    clone.compose("training.iterations=7")
    before = times(clone)
    assert clone.planned() == {"train", "trained", "study", "all"}
    assert times(clone) == before


def times(clone):
    """When each file was written, but for Snakemake's own, which a dry run may write."""
    apart = {"__pycache__", ".snakemake"}
    files = (path for path in clone.path.rglob("*") if not apart & {*path.relative_to(clone.path).parts})
    return {path: path.stat().st_mtime_ns for path in files if path != clone.path}


def test_settings_come_from_params_yaml_alone(fresh):
    for option in (["--config", "focus=none"], ["--configfile", "params.yaml"]):
        refused = fresh.snakemake("-n", *option, check=False)
        assert refused.returncode == 2
        assert "exaggerated-replay: settings are read from params.yaml alone" in refused.output


NAMES = ["[a].npz", "$(touch pwned).npz", "a b';\"&{x}\n;touch pwned;#.npz"]


def test_no_name_of_a_file_reaches_a_shell_or_a_pattern(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    draw, y = np.random.default_rng(0), np.arange(4).repeat(20)
    folder = tmp_path / "data of mine"
    folder.mkdir()
    np.savez(folder / "a.npz", x_train=draw.random((80, 5)), y_train=y, x_test=draw.random((80, 5)), y_test=y)
    clone.compose("dataset=npz", f"dataset.source={folder / 'a.npz'}", "dataset.tasks=2")
    named = str(folder / "a.npz")
    for name in NAMES:
        x, own = draw.random((80, 5), dtype=np.float32), folder / name
        with own.open("wb") as file:
            np.savez(file, x_train=x, y_train=y, x_test=x, y_test=y)
        clone.edit("params.yaml", f"source: {named}", f"source: {json.dumps(str(own))}")
        named = json.dumps(str(own))
        shutil.rmtree(clone.path / "data/prepared", ignore_errors=True)
        clone.snakemake("data")
        (prepared,) = (clone.path / "data/prepared").iterdir()
        with np.load(prepared) as arrays:
            assert np.array_equal(arrays["x_train"], x)
    assert not list(tmp_path.rglob("pwned"))


def test_results_may_lie_on_another_file_system(fresh, finished, tmp_path):
    memory = Path("/dev/shm")  # noqa: S108 (a folder of this test's own is made in it)
    assert memory.stat().st_dev != tmp_path.stat().st_dev
    clone = fresh.copy(tmp_path / "clone")
    place = tempfile.mkdtemp(dir=memory)
    try:
        (clone.path / "results").mkdir()
        (clone.path / "results/runs").symlink_to(place)
        clone.snakemake("models")
        assert clone.files(place) == finished.runs()
    finally:
        shutil.rmtree(place)
