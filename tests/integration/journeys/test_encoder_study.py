"""From archives in the real format, through pre-training and frozen features, to a table."""

import json

import pytest

from exaggerated_replay.data.fetch import fetch
from exaggerated_replay.errors import UserError
from tools.archives import cifar10, cifar100


@pytest.fixture
def features_study(fresh, tmp_path):
    """A clone whose study learns from features of small archives in a folder of the user's own."""
    clone = fresh.copy(tmp_path / "clone")
    mirror = tmp_path / "my archives"
    mirror.mkdir()
    checksums = {name: make(mirror)[1] for name, make in (("cifar10", cifar10), ("cifar100", cifar100))}
    clone.run(
        "exaggerated-replay",
        "compose",
        "dataset=cifar100",
        "dataset.content=null",
        "encoder=cpu",
        f"dataset.source='{mirror}'",
        f"encoder.images.source='{mirror}'",
        "dataset.tasks=5",
        "dataset.classes=10",
        "dataset.class_names=null",
        f"dataset.files={{cifar-100-binary.tar.gz: '{checksums['cifar100']}'}}",
        f"encoder.images.files={{cifar-10-binary.tar.gz: '{checksums['cifar10']}'}}",
        "encoder.pretraining.epochs=2",
        "encoder.pretraining.batch=16",
        "encoder.pretraining.units=20",
        "encoder.pretraining.threads=1",
        "study=laptop",
        "compute.runs_per_job=20",
        "study.seeds=1",
        "model.units=12",
        "training.iterations=6",
        "training.batch=16",
        "training.replay_batch=16",
    )
    return clone


def test_from_the_archives_to_the_table(features_study):
    clone = features_study
    clone.snakemake()
    plan = json.loads((clone.path / "results/laptop/plan.json").read_text())
    tables = {path.stem for path in (clone.path / "results/laptop/tables").glob("*.csv")}
    assert tables == set(plan["grids"]) != set()
    encoder = clone.path / f"data/encoders/cpu-{plan['encoder']['sha256'][:10]}"
    record = json.loads((encoder / "record.json").read_text())
    assert [point["epoch"] for point in record["curve"]] == [1, 2]
    assert 0 <= record["curve"][-1]["test_accuracy"] <= 1
    assert record["images"]["train"] == 120
    run = next((clone.path / "results/runs").glob("bir-*"))
    assert json.loads((run / "record.json").read_text())["problem"]["inputs"] == 1024
    assert clone.planned() == set()

    # Damaged features are named, and not made again as long as no run needs them.
    features = next((clone.path / "data/features").iterdir())
    content, before = features.read_bytes(), clone.runs()
    for damaged, reason in (
        (content[:-1], "is not a readable file of features"),
        (content[:-4] + b"\x7f\x7f\x7f\x7f", "is damaged: its content is not what its digest says"),
    ):
        features.write_bytes(damaged)
        assert f"{features.relative_to(clone.path)} {reason}" in clone.snakemake().output
        assert clone.runs() == before
        assert "features" not in clone.planned()
        assert {"features", "train"} <= clone.planned("-R", "train")

    # Another encoder is other features, and these are other runs; the images stay what they are.
    clone.edit("params.yaml", "epochs: 2", "epochs: 1")
    assert {"pretrain", "features", "train"} <= clone.planned()
    assert not {"verify", "split"} & kinds(clone.planned())
    clone.edit("params.yaml", "epochs: 1", "epochs: 2")

    # So are the same features of another size; the encoder stays what it is.
    clone.edit("params.yaml", "  deviation: 0.41\n", "  deviation: 0.5\n")
    assert {"features", "train"} <= clone.planned()
    assert not {"pretrain", "verify", "split"} & kinds(clone.planned())

    # A trained encoder can be named instead; then nothing is pre-trained and no image of CIFAR-10 is needed.
    clone.run("cp", str(encoder / "encoder.safetensors"), "given.safetensors")
    text = (clone.path / "params.yaml").read_text()
    start, end = (text.index(f"\n{key}:\n") + 1 for key in ("encoder", "reading"))  # an arm has a reading, too
    given = "encoder:\n  name: pretrained\n  weights: given.safetensors\n"
    (clone.path / "params.yaml").write_text(text[:start] + given + text[end:])
    planned = clone.planned()
    assert {"features", "train"} <= planned
    assert not {"pretrain", "download"} & kinds(planned)
    assert not [rule for rule in planned if rule.startswith("verify_cifar10_")]


def kinds(planned):
    """What kinds of rules these are: each is called after its kind, and after what it is about."""
    return {rule.partition("_")[0] for rule in planned}


def test_a_damaged_archive_of_ones_own_is_named_and_nothing_is_left(tmp_path):
    _, checksum = cifar100(tmp_path)
    path = tmp_path / "cifar-100-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"could not get cifar-100-binary\.tar\.gz .* has md5:"):
        fetch("cifar100", tmp_path / "raw", {path.name: checksum}, [str(tmp_path)])
    assert not (tmp_path / "raw").exists()
