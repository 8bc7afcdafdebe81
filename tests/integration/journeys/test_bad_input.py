"""Bad input ends in one sentence that names the key or file, and leaves nothing half-written."""

import numpy as np
import pytest


def ends_in_one_sentence(done, *words):
    assert done.returncode != 0
    assert "Traceback" not in done.output
    sentences = {line for line in done.output.splitlines() if line.startswith("exaggerated-replay: ")}
    assert len(sentences) == 1, done.output
    (sentence,) = sentences
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- bir-si\n", "- bir-sy\n", ["study.grids.table1", "bir-sy", "choose one of"]),
        ("reader: digits", "reader: digitz", ["dataset: reader", "digitz"]),
        ("  iterations: 6", "  iteration: 6", ["training.iteration", "did you mean iterations"]),
        ("f: 20", "f: 0.5", ["f is 0.5", "at least 1"]),
        ("  tasks: 5", "  tasks: 20", ["tasks is 20", "10 classes"]),
        ("  method.f:", "  method.ff:", ["method.ff", "not a setting of the arm rr-ra"]),
    ],
)
def test_params_are_refused_before_anything_runs(fresh, tmp_path, old, new, words):
    clone = fresh.copy(tmp_path / "clone")
    clone.edit("params.yaml", old, new)
    ends_in_one_sentence(clone.snakemake(check=False), *words)
    assert not (clone.path / "results").exists()
    assert not (clone.path / "data/prepared").exists()
    assert not (clone.path / ".training/plans").exists()


def arrays(rng, classes=4, shape=(6,), train=40, test=12):
    return {
        "x_train": rng.normal(size=(train, *shape)).astype("float32"),
        "y_train": np.arange(train) % classes,
        "x_test": rng.normal(size=(test, *shape)).astype("float32"),
        "y_test": np.arange(test) % classes,
    }


def use_file(clone, tmp_path, content, **settings):
    source = tmp_path / "mine.npz"
    if isinstance(content, bytes):
        source.write_bytes(content)
    elif content is not None:
        np.savez(source, **content)
    overrides = ["dataset=npz", f"dataset.source={source}", *[f"{k}={v}" for k, v in settings.items()]]
    return clone.run("exaggerated-replay", "compose", *overrides, check=False)


RNG = np.random.default_rng(0)
GOOD = arrays(RNG)


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        (None, {}, ["mine.npz", "no file"]),
        (b"PK\x03\x04 broken", {}, ["mine.npz"]),
        ({k: v for k, v in GOOD.items() if k != "y_test"}, {}, ["mine.npz", "y_test"]),
        ({**GOOD, "y_train": GOOD["y_train"][:-1]}, {"dataset.tasks": 2}, ["mine.npz", "y_train"]),
        ({**GOOD, "y_test": GOOD["y_test"] + 1}, {"dataset.tasks": 2}, ["mine.npz"]),
        (GOOD, {"dataset.tasks": 5}, ["tasks", "5", "4"]),
        (GOOD, {"dataset.tasks": 2, "training.batch": 30}, ["training.batch is 30", "20"]),
    ],
)
def test_a_bad_file_is_refused(fresh, tmp_path, content, settings, words):
    clone = fresh.copy(tmp_path / "clone")
    composed = use_file(clone, tmp_path, content, **settings)
    ends_in_one_sentence(composed if composed.returncode else clone.snakemake("--jobs", "1", check=False), *words)
    assert not list(clone.path.glob("results/runs/*"))


def test_a_raw_file_with_the_wrong_checksum_is_fetched_again_and_never_read(clone):
    raw = clone.path / "data/raw/digits/digits.csv.gz"
    right = raw.read_bytes()
    raw.write_bytes(right[:-1] + b"x")
    (prepared,) = (clone.path / "data/prepared").iterdir()
    prepared.unlink()
    plan = clone.path / ".training/plans"
    command = ["exaggerated-replay", "prepare", "--plan", str(next(plan.iterdir())), prepared.stem]
    refused = clone.run(*command, check=False)
    ends_in_one_sentence(refused, "digits.csv.gz", "sha256")
    assert not list(clone.path.glob("data/prepared/*"))
    clone.snakemake("data")
    assert raw.read_bytes() == right
    assert prepared.is_file()
