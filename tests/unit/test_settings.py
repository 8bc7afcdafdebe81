"""The settings' own bounds, and reading them back from plain dictionaries."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.methods import bir, er, ewc, exaggeration
from exaggerated_replay.planning.checking import check
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, SISettings, TrainingSettings
from exaggerated_replay.settings.study import ComputeSettings, StudySettings

CONF = Path(__file__).parents[2] / "conf"
PARAMS = check_params(compose_values(CONF, ["dataset=digits", "study=default"]))
METHODS = [arm.method for arm in PARAMS.arms.values()]
SI = SISettings(strength=0.1, damping=0.2)
READING = ReadingSettings(distance="bce", competitors="all", temperature=2.0)
NESTED = [
    bir.Settings(method="bir", gate_proportion=0.6, si=SI, mixture_prior="logsumexp"),
    exaggeration.Settings(method="exaggeration", gate_proportion=0.6, si=SI, lambda_rr=1e-6, lambda_ra=0.0, f=20.0),
    exaggeration.Settings(
        method="exaggeration", gate_proportion=0.6, lambda_rr=0.0, lambda_ra=2.0, f="none", reading=READING
    ),
]
EXAMPLES = [*METHODS, *NESTED]
MODEL = {"units": 10, "latent": 5}
TRAINING = {"iterations": 3, "batch": 4, "replay_batch": 5, "learning_rate": 0.01}


def run_of(arm):
    return RunSettings(
        data="d",
        image_values=64,
        code="c",
        tasks=[[1, 2], [0]],
        seed=3,
        model=ModelSettings(**MODEL),
        training=TrainingSettings(**TRAINING),
        method=arm,
        threads=1,
        precision="fp32",
    )


def test_conf_has_an_arm_of_every_method_and_each_has_its_methods_own_settings():
    assert {method.method for method in METHODS} == set(method_names())
    assert all(type(arm) is settings_of(arm.method) for arm in EXAMPLES)


@pytest.mark.parametrize("arm", EXAMPLES, ids=lambda arm: arm.method)
def test_a_run_read_back_from_json_is_the_same_run(arm):
    found = read_settings(RunSettings, json.loads(json.dumps(asdict(run_of(arm)))))
    assert found == run_of(arm)
    assert type(found.method) is type(arm)


def test_nested_settings_are_read_into_their_own_classes():
    arm = read_settings(RunSettings, asdict(run_of(EXAMPLES[-1]))).method
    assert type(arm.reading) is ReadingSettings
    arm = read_settings(RunSettings, asdict(run_of(EXAMPLES[-2]))).method
    assert type(arm.si) is SISettings
    assert arm.reading is None


def test_compute_settings_read_back_are_the_same():
    compute = ComputeSettings(name="mine", device="cpu", threads=3, precision="tf32", runs_per_job=2, slots_per_gpu=4)
    assert read_settings(ComputeSettings, asdict(compute)) == compute


def test_an_unknown_key_is_never_swallowed():
    with pytest.raises((KeyError, TypeError), match="iteratons"):
        read_settings(TrainingSettings, {**TRAINING, "iteratons": 3})


FACTOR = {"method": "exaggeration", "gate_proportion": 0, "lambda_rr": 0, "lambda_ra": 0}


@given(st.floats(1, 1e12))
def test_any_factor_from_one_upwards_is_a_factor(f):
    assert check(exaggeration.Settings, {**FACTOR, "f": f}).f == f


@given(st.floats(max_value=1, exclude_max=True, allow_infinity=False))
def test_no_factor_below_one_is_a_factor(f):
    with pytest.raises(UserError, match="it must be at least 1, or 'none'"):
        check(exaggeration.Settings, {**FACTOR, "f": f})


SMALLEST = {
    (ModelSettings, "units"): 1,
    (ModelSettings, "latent"): 1,
    (TrainingSettings, "iterations"): 1,
    (TrainingSettings, "batch"): 1,
    (TrainingSettings, "replay_batch"): 1,
    (ComputeSettings, "threads"): 1,
    (ComputeSettings, "runs_per_job"): 1,
    (ComputeSettings, "slots_per_gpu"): 1,
    (er.Settings, "memory_per_class"): 1,
    (ewc.Settings, "strength"): 0,
    (ewc.Settings, "samples"): 1,
    (SISettings, "strength"): 0,
    (bir.Settings, "gate_proportion"): 0,
    (bir.Settings, "lambda_rec"): 0,
    (exaggeration.Settings, "lambda_rr"): 0,
    (exaggeration.Settings, "lambda_ra"): 0,
    (StudySettings, "seeds"): 1,
}
MNIST = {"name": "mnist", "reader": "idx", "files": {"a": "md5:0"}, "tasks": 5, "classes": 10, "image_values": 784}
VALID = {
    ModelSettings: MODEL,
    TrainingSettings: TRAINING,
    ComputeSettings: {"name": "x"},
    ReadingSettings: {},
    er.Settings: {"method": "er"},
    ewc.Settings: {"method": "ewc", "strength": 1},
    SISettings: {"strength": 1},
    bir.Settings: {"method": "bir", "gate_proportion": 0.5},
    exaggeration.Settings: {**FACTOR, "f": 20},
    StudySettings: {
        **{"name": "x", "dataset": None, "baseline": "a", "treatment": "b", "seeds": 1, "grids": {"g": []}},
        **{"acting": {}, "published_strength": 1, "lengths": []},
    },
}


def named(x):
    return x if isinstance(x, str) else x.__module__.rsplit(".")[-1]


@pytest.mark.parametrize(("kind", "key"), SMALLEST, ids=named)
def test_the_smallest_value_is_accepted_and_the_next_smaller_refused(kind, key):
    smallest = SMALLEST[kind, key]
    assert getattr(check(kind, {**VALID[kind], key: smallest}), key) == smallest
    with pytest.raises(UserError, match=f"{key}.* at least {smallest}"):
        check(kind, {**VALID[kind], key: smallest - 1})


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (TrainingSettings, "learning_rate"),
        (ReadingSettings, "temperature"),
        (SISettings, "damping"),
        (bir.Settings, "temperature"),
    ],
    ids=named,
)
@pytest.mark.parametrize("value", [0, -1, 1e-300, 1e300])
def test_what_must_be_positive_may_be_small_but_neither_zero_nor_absurd(kind, key, value):
    assert getattr(check(kind, {**VALID[kind], key: 1e-9}), key) == 1e-9
    with pytest.raises(UserError, match=f"{key} is .*: it must be (greater than 1e-12|at most 1e.12)$"):
        check(kind, {**VALID[kind], key: value})


def test_a_gate_that_switches_everything_off_is_refused():
    with pytest.raises(UserError, match="less than 1"):
        check(bir.Settings, {"method": "bir", "gate_proportion": 1})


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_the_share_held_out_leaves_something_on_both_sides(share):
    assert check(DatasetSettings, {**MNIST, "validation": 0.5}).validation == 0.5
    with pytest.raises(UserError, match=r"validation is .*: it must be (greater than 0|less than 1)$"):
        check(DatasetSettings, {**MNIST, "validation": share})
