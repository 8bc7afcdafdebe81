"""The range and size of inputs: what is found, what is done with it, what is said, and what it changes in names."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from plans import values_with

from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.data.values import Values, measured, remarks
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.remarks import remarks_on_data, remarks_on_samples
from exaggerated_replay.settings.data import SourceSettings
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.settings.methods import method_names, settings_of

LABELS = {"y_train": np.array([0, 1, 0, 1]), "y_test": np.array([0, 1])}
FEATURES = {
    "x_train": np.array([[-3, 1], [3, -1], [-3, 1], [3, -1]], np.float32),  # mean 0, squares 9 and 1: deviation sqrt 5
    "x_test": np.array([[100, 0], [0, 0]], np.float32),
}
DIGITS = {
    "x_train": np.array([[0, 16], [3, 4], [1, 1], [2, 2]], np.uint8),
    "x_test": np.array([[0, 1], [2, 3]], np.uint8),
}


@pytest.fixture
def own(tmp_path):
    """Write arrays to mine.npz and prepare them; return what was prepared and what was said."""

    def make(arrays, **how):
        np.savez(tmp_path / "mine.npz", **arrays, **LABELS)
        said = prepare("npz", {"mine.npz": tmp_path / "mine.npz"}, tmp_path / "out.npz", **how)
        return load(tmp_path / "out.npz"), said

    return make


def test_features_are_brought_to_the_deviation_that_is_asked_for_by_the_training_set_alone(own):
    prepared, said = own(FEATURES, deviation=0.5)
    factor = 0.5 / 5**0.5
    np.testing.assert_allclose(prepared.x_train, FEATURES["x_train"] * factor, rtol=1e-6)
    np.testing.assert_allclose(prepared.x_test, FEATURES["x_test"] * factor, rtol=1e-6)
    assert prepared.x_train.std() == pytest.approx(0.5)
    assert said == [
        "Features with values from -3 to 3 and a standard deviation of 2.24.",
        "They were brought to a standard deviation of 0.5.",
    ]
    other = {**FEATURES, "x_test": -7 * FEATURES["x_test"]}
    np.testing.assert_array_equal(own(other, deviation=0.5)[0].x_train, prepared.x_train)
    np.testing.assert_array_equal(own(FEATURES)[0].x_train, FEATURES["x_train"])


def test_the_loss_of_reconstruction_follows_from_what_the_model_sees(own):
    unit = {"x_train": np.array([[0, 1], [1, 0], [0, 1], [1, 0]], np.float32), "x_test": FEATURES["x_test"]}
    assert own(unit)[0].bounded
    assert own(unit, deviation=0.4)[0].bounded  # 0 to 0.8
    assert not own(unit, deviation=0.6)[0].bounded  # 0 to 1.2


EVEN = {name: np.ones_like(array) for name, array in FEATURES.items()}


@pytest.mark.parametrize(
    ("arrays", "how", "said"),
    [
        (EVEN, {"deviation": 0.4}, "dataset.deviation is 0.4, but the features have a standard deviation of 0.0"),
        (DIGITS, {"deviation": 0.4}, "dataset.deviation is for features, and these are images"),
        (DIGITS, {"white": 15}, "dataset.white is 15, but x_train has values up to 16: set it to that"),
        (FEATURES, {"white": 16}, "dataset.white is for images, and these are features"),
    ],
)
def test_what_does_not_fit_the_values_is_refused_by_the_plan_and_by_the_job(own, plan_of, arrays, how, said):
    for make in (own, plan_of):
        with pytest.raises(UserError, match=f"^{re.escape(said)}"):
            make(arrays, **how)


def test_images_are_divided_by_what_is_white_and_a_dark_set_is_named_with_the_setting(own):
    prepared, said = own(DIGITS)
    assert prepared.scale == 255
    assert said[0] == "Images with values from 0 to 16, which were divided by 255."
    assert "far below 255" in said[1] and said[1].endswith("set dataset.white=16.")
    prepared, said = own(DIGITS, white=16)
    assert prepared.scale == 16 and prepared.bounded
    assert said == ["Images with values from 0 to 16, which were divided by 16."]
    assert prepared.digest() != own(DIGITS)[0].digest()


@pytest.mark.parametrize(("high", "count"), [(63, 2), (64, 1), (255, 1)])
def test_a_quarter_of_white_is_where_images_are_dark(high, count):
    assert len(remarks(Values(True, 0, high, 5.0), 255, replayed=True)) == count


@pytest.mark.parametrize("key", ["white", "deviation"])
def test_settings_of_a_file_of_ones_own_are_refused_for_published_data(key):
    with pytest.raises(ValueError, match=f"{key} is 16, but it applies only to an npz file of your own"):
        SourceSettings(name="digits", reader="digits", files={"a": "b"}, **{key: 16})


@pytest.mark.parametrize(
    ("deviation", "asked", "replayed", "warned"),
    [
        (1.63, None, True, True),
        (1.63, None, False, False),
        (1.63, 0.41, True, False),
        (0.41, 5.0, True, True),
        (0.21, None, True, False),
        (0.2, None, True, True),
        (0.81, None, True, False),
        (0.83, None, True, True),
    ],
)
def test_a_size_far_from_the_usual_is_said_where_something_is_replayed(deviation, asked, replayed, warned):
    said = remarks(Values(False, -5, 5, deviation), 255, asked, replayed=replayed)
    assert said[-1].endswith("set dataset.deviation=0.41 to bring them there.") == warned


def test_values_in_the_unit_interval_need_no_size():
    assert len(remarks(Values(False, 0, 1, 0.05), 255, replayed=True)) == 1


def test_far_from_zero_the_deviation_keeps_its_digits():
    x = np.array([[1e4 + 1, 1e4 - 1]] * 3, np.float32)
    assert measured(x) == Values(False, 9999, 10001, 1.0)


def test_methods_that_generate_say_so():
    assert {name for name in method_names() if settings_of(name).generates} == {"bir", "dgr", "exaggeration"}


# ---------------------------------------------------------------- names, refusals, what compose says


@pytest.fixture
def plan_of(tmp_path, monkeypatch):
    """Make a plan on a file of one's own."""
    monkeypatch.chdir(tmp_path)

    def make(arrays, arms=("bir-si", "rr-ra"), **dataset):
        np.savez(tmp_path / "mine.npz", **arrays, **LABELS)
        values = values_with(
            {
                "dataset.reader": "npz",
                "dataset.source": "mine.npz",
                "dataset.content": None,
                "dataset.classes": None,
                "dataset.tasks": 2,
                "dataset.superclasses": None,
                "dataset.class_order": None,
                "focus": arms[0],
                "training.batch": 2,
            },
            grids={"g": [{"arm": list(arms)}]},
        )
        values["dataset"] |= dataset
        values["study"] |= {"baseline": arms[0], "treatment": arms[-1]}
        return make_plan(check_params(values))

    return make


def names(plan):
    return [run.directory.name for run in plan.runs]


def test_a_setting_that_is_not_set_changes_no_name_and_one_that_is_does(plan_of):
    plain = plan_of(FEATURES)
    assert plain.source.digest == plain.source.content
    assert names(plan_of(FEATURES, deviation=None, white=None)) == names(plain)
    half, same = plan_of(FEATURES, deviation=0.5), plan_of(FEATURES, deviation=0.5)
    assert names(half) == names(same)
    assert not {*names(half)} & {*names(plain), *names(plan_of(FEATURES, deviation=0.4))}
    assert not {*names(plan_of(DIGITS))} & {*names(plan_of(DIGITS, white=16))}
    assert names(plan_of(DIGITS, white=255)) == names(plan_of(DIGITS))


def test_compose_says_what_the_users_file_holds(plan_of):
    said = remarks_on_data(plan_of(FEATURES))
    assert [sentence.split()[0] for sentence in said] == ["Features", "The"]
    assert len(remarks_on_data(plan_of(FEATURES, arms=("slda", "gaussians")))) == 1
    assert "dataset.white=16" in remarks_on_data(plan_of(DIGITS))[1]
    assert remarks_on_data(make_plan(check_params(values_with()))) == []  # published data


def test_a_deviation_without_an_encoder_names_the_setting_of_the_data():
    with pytest.raises(ValueError, match=r"no encoder whose features it could be of: .* dataset\.deviation"):
        EncoderSettings(name="none", deviation=0.41)
    values = values_with()
    values["encoder"]["deviation"] = 5
    with pytest.raises(UserError, match=r"^params\.yaml: encoder: deviation is 5.*dataset\.deviation"):
        check_params(values)


def test_the_job_says_it_in_its_log(plan_of, tmp_path):
    plan = plan_of(FEATURES)
    (tmp_path / "plan.json").write_text(json.dumps({**plan.to_dict(), "places": plan.places}))
    command = ["prepare", "--plan", "plan.json", plan.source.name]
    done = subprocess.run(
        [sys.executable, "-m", "exaggerated_replay", *command], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == remarks_on_data(plan)


def test_settings_that_ask_for_more_samples_than_there_are_are_named(plan_of):
    """Both classes have two training samples, as `LABELS` says, and the one task has four."""
    plan = plan_of(FEATURES, arms=("er", "ewc"), tasks=1)
    assert plan.cells["er"].method["memory_per_class"] == 20 and plan.cells["ewc"].method["samples"] == 1000
    assert remarks_on_samples(plan) == [
        "Of er, memory_per_class is 20, but some class has only 2 training samples, and all are taken.",
        "Of ewc, samples is 1000, but some task has only 4 training samples, and all are taken.",
    ]
    assert remarks_on_samples(plan_of(FEATURES, arms=("si", "lwf"))) == []
    published = make_plan(check_params(values_with(grids={"g": [{"arm": ["er", "rr-ra"]}]})))
    assert remarks_on_samples(published) == []  # not here yet
