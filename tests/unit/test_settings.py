"""The settings' own bounds, and reading them back from plain dictionaries."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.methods.bir import Settings as BIRArm
from exaggerated_replay.methods.dgr import Settings as DGRArm
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.methods.ewc import Settings as EWCArm
from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.methods.gaussians import Settings as GaussiansArm
from exaggerated_replay.methods.generative_classifier import Settings as GenerativeClassifierArm
from exaggerated_replay.methods.joint import Settings as JointArm
from exaggerated_replay.methods.none import Settings as NoneArm
from exaggerated_replay.methods.si import Settings as SIArm
from exaggerated_replay.methods.slda import Settings as SLDAArm
from exaggerated_replay.settings.data import DatasetSettings, SourceSettings
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.reader import read_settings
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, SISettings, TrainingSettings
from exaggerated_replay.settings.study import ComputeSettings, StudySettings

SI = SISettings(strength=0.1, damping=0.2)
READING = ReadingSettings(distance="bce", competitors="all", temperature=2.0)
EXAMPLES = [
    NoneArm(method="none"),
    JointArm(method="joint"),
    ERArm(method="er", memory_per_class=7),
    EWCArm(method="ewc", strength=3.0, samples=11),
    SIArm(method="si", strength=0.5, damping=0.3),
    DGRArm(method="dgr"),
    SLDAArm(method="slda", shrinkage=0.01),
    GaussiansArm(method="gaussians", shrinkage=0.01),
    GenerativeClassifierArm(method="generative_classifier", units=7, latent=3, samples=9, learning_rate=0.1),
    BIRArm(method="bir", gate_proportion=0.7),
    BIRArm(method="bir", gate_proportion=0.6, si=SI, mixture_prior="logsumexp"),
    ExaggerationArm(method="exaggeration", gate_proportion=0.6, si=SI, lambda_rr=1e-6, lambda_ra=0.0, f=20.0),
    ExaggerationArm(
        method="exaggeration", gate_proportion=0.6, lambda_rr=0.0, lambda_ra=2.0, f="none", reading=READING
    ),
]
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


def test_the_examples_show_every_method_and_every_method_has_its_own_settings():
    assert {arm.method for arm in EXAMPLES} == set(method_names())
    replaying = {"er", "dgr", "bir", "exaggeration"}
    assert set(method_names()) == {
        "none",
        "joint",
        "ewc",
        "si",
        "slda",
        "gaussians",
        "generative_classifier",
        *replaying,
    }
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


@given(st.floats(1, allow_infinity=False))
def test_any_factor_from_one_upwards_is_a_factor(f):
    assert ExaggerationArm(method="exaggeration", gate_proportion=0, lambda_rr=0, lambda_ra=0, f=f).f == f


@given(st.floats(max_value=1, exclude_max=True))
def test_no_factor_below_one_is_a_factor(f):
    with pytest.raises(ValueError, match="at least 1, or 'none'"):
        ExaggerationArm(method="exaggeration", gate_proportion=0, lambda_rr=0, lambda_ra=0, f=f)


SMALLEST = {
    (ModelSettings, "units"): 1,
    (ModelSettings, "latent"): 1,
    (TrainingSettings, "iterations"): 1,
    (TrainingSettings, "batch"): 1,
    (TrainingSettings, "replay_batch"): 1,
    (ComputeSettings, "threads"): 1,
    (ComputeSettings, "runs_per_job"): 1,
    (ComputeSettings, "slots_per_gpu"): 1,
    (ERArm, "memory_per_class"): 1,
    (EWCArm, "strength"): 0,
    (EWCArm, "samples"): 1,
    (SISettings, "strength"): 0,
    (BIRArm, "gate_proportion"): 0,
    (BIRArm, "lambda_rec"): 0,
    (ExaggerationArm, "lambda_rr"): 0,
    (ExaggerationArm, "lambda_ra"): 0,
    (StudySettings, "seeds"): 1,
}
VALID = {
    ModelSettings: MODEL,
    TrainingSettings: TRAINING,
    ComputeSettings: {"name": "x"},
    ReadingSettings: {},
    ERArm: {"method": "er"},
    EWCArm: {"method": "ewc", "strength": 1},
    SISettings: {"strength": 1},
    BIRArm: {"method": "bir", "gate_proportion": 0.5},
    ExaggerationArm: {"method": "exaggeration", "gate_proportion": 0.5, "lambda_rr": 1, "lambda_ra": 1, "f": 20},
    StudySettings: {"name": "x", "baseline": "a", "treatment": "b", "seeds": 1, "grids": {"g": []}, "lengths": []},
}


@pytest.mark.parametrize(("kind", "key"), SMALLEST, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_the_smallest_value_is_accepted_and_the_next_smaller_refused(kind, key):
    smallest = SMALLEST[kind, key]
    assert getattr(kind(**{**VALID[kind], key: smallest}), key) == smallest
    with pytest.raises(ValueError, match=key):
        kind(**{**VALID[kind], key: smallest - 1})


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (TrainingSettings, "learning_rate"),
        (ReadingSettings, "temperature"),
        (SISettings, "damping"),
        (BIRArm, "temperature"),
    ],
)
def test_what_must_be_positive_may_be_tiny_but_not_zero(kind, key):
    assert getattr(kind(**{**VALID[kind], key: 1e-12}), key) == 1e-12
    with pytest.raises(ValueError, match=f"{key} must be positive"):
        kind(**{**VALID[kind], key: 0})


def test_a_gate_that_switches_everything_off_is_refused():
    with pytest.raises(ValueError, match="less than 1"):
        BIRArm(method="bir", gate_proportion=1)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_the_share_held_out_leaves_something_on_both_sides(share):
    assert DatasetSettings(name="mnist", tasks=5, validation=0.5).validation == 0.5
    with pytest.raises(ValueError, match="validation must lie between 0 and 1"):
        DatasetSettings(name="mnist", tasks=5, validation=share)


def test_an_npz_file_may_stand_for_any_data_set_and_must_for_npz():
    mnist = {"name": "mnist", "reader": "idx", "files": {"a": "md5:1"}}
    assert SourceSettings(name="own", reader="npz", source="a.npz").own_file == "a.npz"
    assert SourceSettings(name="own", reader="npz", source="a").own_file == "a"
    assert SourceSettings(**mnist, source="a.npz").own_file == "a.npz"
    assert SourceSettings(**mnist, source="folder").own_file is None
    assert SourceSettings(**mnist).own_file is None
    with pytest.raises(ValueError, match="source is missing"):
        SourceSettings(name="own", reader="npz")
