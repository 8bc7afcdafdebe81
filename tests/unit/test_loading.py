"""Finished runs loaded again: networks, classes as the data number them, replay, and the example of Fig. 2."""

import json
import shutil

import numpy as np
import pytest
import torch
from scipy.special import softmax

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.competing_example import competing_example
from exaggerated_replay.files import read_json
from exaggerated_replay.methods.bir import Settings as BIRArm
from exaggerated_replay.methods.dgr import Settings as DGRArm
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.methods.generative_classifier import Settings as GenerativeClassifierArm
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.store.records import sealed
from exaggerated_replay.training.job import train_runs
from exaggerated_replay.training.loading import load_run, open_run, read_weights, trained_method

TASKS = [[2, 0], [3], [1]]
BIR = {"gate_proportion": 0.3}
ARMS = {
    "er": ERArm(method="er"),
    "dgr": DGRArm(method="dgr"),
    "bir": BIRArm(method="bir", **BIR),
    "rr-ra": ExaggerationArm(
        method="exaggeration", **BIR, lambda_rr=0.1, lambda_ra=0.1, f=5.0, reading=ReadingSettings(competitors="all")
    ),
    "generative": GenerativeClassifierArm(method="generative_classifier", units=5, latent=2, samples=3),
}


@pytest.fixture(scope="module")
def prepared():
    """Four classes of 3 x 3 images, each bright in a corner of its own."""
    numbers = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 20)
    x = numbers.integers(0, 60, (len(y), 3, 3), dtype=np.uint8)
    for label, corner in enumerate([(0, 0), (0, 2), (2, 0), (2, 2)]):
        x[y == label, corner[0], corner[1]] = 255
    return Prepared(x, y, x[::2], y[::2], scale=255, bounded=True)


@pytest.fixture(scope="module")
def runs(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loading")
    settings = {
        folder / arm: RunSettings(
            data="d",
            image_values=9,
            code="c",
            tasks=TASKS,
            seed=0,
            model=ModelSettings(units=30, latent=5),
            training=TrainingSettings(iterations=60, batch=10, replay_batch=40, learning_rate=0.01),
            method=method,
            threads=1,
            precision="fp32",
        )
        for arm, method in ARMS.items()
    }
    train_runs(
        settings,
        prepared,
        torch.device("cpu"),
        folder / "w",
        folder / "s",
        folder / "t",
        lambda name: lambda p: None,
        observe=None,
    )
    return folder


@pytest.mark.parametrize("arm", ARMS)
def test_a_loaded_run_classifies_as_its_record_says_in_classes_of_the_data(arm, runs, prepared):
    run = open_run(runs / arm)
    found = run.classify(torch.tensor(prepared.x_test).flatten(1) / 255)
    assert run.settings.method == ARMS[arm]
    order = [c for task in TASKS for c in task]
    right = [int((found[torch.tensor(prepared.y_test == c)] == c).sum()) for c in order]
    assert right == run.record["counts"]["correct"][-1]
    assert sum(right) > 10


def test_where_the_task_is_given_the_model_chooses_among_its_classes_alone(runs, prepared):
    run = open_run(runs / "er")
    x, y = torch.tensor(prepared.x_test).flatten(1) / 255, torch.tensor(prepared.y_test)
    scores = run.network(x)
    order, expected = [c for task in TASKS for c in task], []
    for task, classes in enumerate(TASKS, start=1):
        columns = [order.index(c) for c in classes]
        among = torch.tensor(classes)[scores[:, columns].argmax(1)]
        assert torch.equal(run.classify(x, task), among)
        rows = torch.isin(y, torch.tensor(classes))
        expected.append(100 * (among[rows] == y[rows]).sum().item() / rows.sum().item())
    assert run.task_accuracies(x, y) == pytest.approx(expected)
    assert expected[0] > 50  # of two classes
    for task in (0, -1, len(TASKS) + 1):
        with pytest.raises(UserError, match=f"there is no task {task}: choose one of 1 to {len(TASKS)}, or None"):
            run.classify(x, task)
    assert expected[1:] == [100, 100]  # of one


def test_a_run_is_found_by_study_cell_and_seed(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    shutil.copytree(runs / "er", tmp_path / "runs/er-s7-0123456789")
    cells = {"er": {"runs": ["er-s7-0123456789"]}, "dgr": {"runs": ["dgr-s7-0000000000"]}}
    (tmp_path / "mine/plan.json").write_text(json.dumps({"cells": cells}))
    run = load_run(tmp_path / "mine", "er", 7)
    assert torch.equal(run.network.classifier.weight, open_run(runs / "er").network.classifier.weight)
    with pytest.raises(UserError, match=r"mine has no cell 'none': choose one of er, dgr"):
        load_run(tmp_path / "mine", "none", 7)
    with pytest.raises(UserError, match=r"er in .*mine has no seed 0: choose one of 7"):
        load_run(tmp_path / "mine", "er", 0)
    with pytest.raises(UserError, match=r"plan\.json is missing"):
        load_run(tmp_path / "other", "er", 7)


def test_a_run_that_lies_in_the_store_alone_is_found_from_anywhere(runs, tmp_path, monkeypatch):
    results, name = tmp_path / "results", "er-s7-0123456789"
    (results / "mine").mkdir(parents=True)
    (results / "mine/plan.json").write_text(json.dumps({"cells": {"er": {"runs": [name]}}}))
    with pytest.raises(UserError, match=r"er-s7-0123456789 of .*mine is not here: compose the study mine and run the"):
        load_run(results / "mine", "er", 7)
    shutil.copytree(runs / "er", tmp_path / ".store" / name)
    expected = open_run(runs / "er").network.classifier.weight
    monkeypatch.chdir(results)
    for study in (results / "mine", "mine", "../results/mine"):
        assert torch.equal(load_run(study, "er", 7).network.classifier.weight, expected)
    (results / "runs" / name).mkdir(parents=True)
    shutil.copy(runs / "er/record.json", results / "runs" / name)  # imported, without its checkpoint
    assert torch.equal(load_run("mine", "er", 7).network.classifier.weight, expected)


def test_a_method_in_a_file_that_nobody_named_is_asked_for(runs, tmp_path):
    record = read_json(runs / "er" / "record.json")
    record["settings"]["method"]["method"] = "mine"
    shutil.copytree(runs / "er", tmp_path / "mine")
    (tmp_path / "mine/record.json").write_text(json.dumps(sealed(record)))
    with pytest.raises(UserError, match=r"mine is a method in a file of your own: name it, load_run"):
        open_run(tmp_path / "mine")


def test_it_is_said_where_other_code_loads_a_run_than_trained_it(runs, monkeypatch, capsys):
    open_run(runs / "er")
    told = "er was trained by the code c, and is loaded by core 1, er 1: the same weights may mean something else there"
    assert capsys.readouterr().err == f"{told}\n"
    monkeypatch.setattr("exaggerated_replay.training.loading.method_version", {"er": "c"}.get)
    open_run(runs / "er")
    assert capsys.readouterr().err == ""


def test_a_record_that_was_changed_is_refused(runs, tmp_path):
    shutil.copytree(runs / "er", tmp_path / "changed")
    for text in ("{}", json.dumps({**read_json(runs / "er/record.json"), "instruments": {}})):
        (tmp_path / "changed/record.json").write_text(text)
        with pytest.raises(UserError, match=r"record\.json is not as its run wrote it"):
            open_run(tmp_path / "changed")


@pytest.mark.parametrize("arm", ["dgr", "bir", "rr-ra"])
def test_a_loaded_run_replays_images_of_the_classes_that_it_takes_them_for(arm, runs):
    run = open_run(runs / arm)
    x, classes = run.replay(33)
    assert x.shape == (33, 9)
    assert ((x >= 0) & (x <= 1)).all()
    assert set(classes.tolist()) <= {0, 1, 2, 3}
    assert torch.equal(run.classify(x), classes)
    assert torch.equal(run.replay(33)[0], x)  # the run's own seed draws them


@pytest.mark.parametrize("arm", ["bir", "rr-ra"])
def test_a_notebook_draws_the_same_numbers_whether_or_not_a_run_was_loaded(arm, runs):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    open_run(runs / arm).replay(2)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("arm", ["er", "bir", "rr-ra", "generative"])
def test_a_run_is_the_same_whatever_torchs_defaults_in_a_notebook(arm, runs, prepared):
    x, y = torch.tensor(prepared.x_test).flatten(1) / 255, torch.tensor(prepared.y_test)

    def found():
        run = open_run(runs / arm)
        replayed = run.replay(5) if hasattr(run.method, "replay") else ()
        return [run.classify(x), run.classify(x, 1), torch.tensor(run.task_accuracies(x, y), device="cpu"), *replayed]

    expected = found()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):  # in the place of a GPU
            again = found()
            assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a.to(e.dtype), e) for a, e in zip(again, expected, strict=True))


@pytest.mark.parametrize("arm", ["er", "generative"])
def test_a_run_that_generates_nothing_says_so(arm, runs):
    with pytest.raises(UserError, match="generates no samples to replay"):
        open_run(runs / arm).replay(3)


def test_what_is_no_whole_run_is_named(runs, tmp_path):
    with pytest.raises(UserError, match=r"record\.json is missing"):
        open_run(tmp_path)
    (tmp_path / "record.json").write_bytes((runs / "er" / "record.json").read_bytes())
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        open_run(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="is not the checkpoint that its record names"):
        open_run(tmp_path)
    with pytest.raises(UserError, match="not a readable checkpoint"):
        read_weights(tmp_path / "model.safetensors")


def example_of(runs, arm="rr-ra"):
    return competing_example(read_json(runs / arm / "record.json"), runs / arm / "model.safetensors")


def test_the_example_obeys_its_own_rule(runs, by_hand):
    example = example_of(runs)
    p, label = example["probabilities"], example["label"]
    assert len(p) == 4
    assert label == int(np.argmax(p))
    assert example["f"] == 5
    assert example["rivals"] == [c for c in range(4) if c != label and p[c] > p[label] / 5]
    image = np.array(example["image"])
    assert image.shape == (3, 3)
    # The previous model is the checkpoint: its scores of the image shown are the example's.
    scores = by_hand(open_run(runs / "rr-ra").network).scores(image.flatten())
    np.testing.assert_allclose(softmax(scores), p, atol=0.02)
    assert str(label) in example["class_means"]
    assert set(example["class_means"]) <= {str(c) for c in (label, *example["rivals"])}
    assert all(np.shape(mean) == (3, 3) for mean in example["class_means"].values())


def test_the_example_is_the_same_every_time(runs):
    assert example_of(runs) == example_of(runs)


@pytest.mark.parametrize("arm", ["bir", "er"])
def test_other_methods_have_no_example(arm, runs):
    assert example_of(runs, arm) is None


def test_a_checkpoint_of_another_version_of_the_code_is_named(runs):
    run = open_run(runs / "er")
    weights = {name: value for name, value in run.weights.items() if not name.endswith("bias")}
    with pytest.raises(UserError, match=r"is one of another version of the code \(c\), .*: train the run again"):
        trained_method(run.record, run.settings, weights)
