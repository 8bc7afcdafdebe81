"""conf/ composes to valid parameters, and says in one sentence when it cannot."""

import copy
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.compose import compose_values, drift, drift_warning, write_params
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf"


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.fixture(scope="module")
def digits():
    return compose_values(CONF, ["dataset=digits", "study=default", "reading=default", "compute=auto"])


@pytest.fixture
def own_file(tmp_path):
    x, y = np.zeros((4, 3), np.uint8), np.array([0, 1, 2, 3])
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return tmp_path / "mine.npz"


# ---------------------------------------------------------------- every option


def test_the_options_are_those_of_the_method():
    assert options("dataset") == ["cifar100", "digits", "fashion_mnist", "mnist", "npz"]
    assert {"default", "authors", "paper"} <= set(options("reading"))
    assert {"default", "table1", "convergence", "ablation", "methods", "mnist"} <= set(options("study"))
    assert {"laptop", "small", "selection", "paper", "paper-256"} <= set(options("study"))
    assert options("encoder") == ["cpu", "long", "none", "pretrained", "published"]
    assert options("compute") == ["auto", "cpu", "cuda"]


@pytest.mark.parametrize("group", ["study", "reading", "compute"])
def test_every_option_composes_to_a_plan_and_is_called_by_its_name(group):
    for option in options(group):
        params = check_params(compose_values(CONF, ["dataset=digits", f"{group}={option}"]))
        assert getattr(params, group).name == option
        assert make_plan(params).runs


def test_every_data_set_composes_to_a_plan_and_is_called_by_its_name(own_file):
    for option in options("dataset"):
        source = [f"dataset.source={own_file}", "dataset.tasks=2"] if option == "npz" else []
        params = check_params(compose_values(CONF, [f"dataset={option}", *source]))
        assert params.dataset.name == option
        assert make_plan(params).runs


# ---------------------------------------------------------------- what the options say


def test_split_mnist_is_as_published():
    values = compose_values(CONF, ["dataset=mnist"])
    assert values["dataset"]["tasks"] == 5
    assert values["model"]["units"] == 400
    assert values["training"] == {
        **{"iterations": 2000, "batch": 128, "replay_batch": 128},
        **{"learning_rate": 1e-3, "optimiser_state": "kept"},
    }
    arms = values["arms"]
    assert arms["ewc"] == {"method": "ewc", "strength": 1e5, "samples": 1000}
    assert arms["si"] == {"method": "si", "strength": 0.1, "damping": 0.1}
    assert arms["er"] == {"method": "er", "memory_per_class": 20}
    assert arms["bir"]["si"] is None
    assert {arms[arm]["gate_proportion"] for arm in ("bir", "bir-si", "rr", "ra", "rr-ra")} == {0.8}
    assert all(arms[arm]["si"] == {"strength": 0.1, "damping": 0.1} for arm in ("bir-si", "rr", "ra", "rr-ra"))


def test_the_treatment_is_the_baseline_plus_both_losses_at_the_papers_weights(digits):
    added = {"lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 20}
    baseline = digits["arms"]["bir-si"]
    assert digits["arms"]["rr-ra"] == {**baseline, "method": "exaggeration", **added}
    assert digits["arms"]["rr"] == {**baseline, "method": "exaggeration", **added, "lambda_ra": 0}
    assert digits["arms"]["ra"] == {**baseline, "method": "exaggeration", **added, "lambda_rr": 0}


DEFAULT_READING = {
    "name": "default",
    "distance": "model",
    "repulsion": "mean_inverse",
    "reduction": "mean",
    "competitors": "runner_up",
    "temperature": 1.0,
    "class_means": "batch",
    "attraction": "every",
    "confidence": "off",
}


@pytest.mark.parametrize(
    ("reading", "difference"),
    [
        ("default", {}),
        ("authors", {"name": "authors", "competitors": "runner_up", "attraction": "gated"}),
        ("paper", {"name": "paper", "competitors": "all", "attraction": "every"}),
    ],
)
def test_a_reading_takes_the_first_choice_but_where_it_says_so(reading, difference):
    values = compose_values(CONF, ["dataset=digits", f"reading={reading}"])
    assert values["reading"] == {**DEFAULT_READING, **difference}


def test_table_1_asks_for_the_papers_factors():
    study = compose_values(CONF, ["study=table1"])["study"]
    assert study["grids"] == {"table1": [{"arm": ["bir-si"]}, {"arm": ["rr-ra"], "method.f": [5, 10, 20, 50, 100]}]}
    assert (study["baseline"], study["treatment"], study["seeds"]) == ("bir-si", "rr-ra", 5)


def test_lengths_of_the_convergence_study_are_those_of_the_data_set(digits):
    (row,) = digits["study"]["grids"]["convergence"]
    assert row["training.iterations"] == digits["study"]["lengths"]
    assert compose_values(CONF, ["dataset=mnist"])["study"]["lengths"] != digits["study"]["lengths"]


# ---------------------------------------------------------------- overrides


def test_an_override_changes_its_key_and_no_other(digits):
    values = compose_values(CONF, ["dataset=digits", "study.seeds=3"])
    assert values == {**digits, "study": {**digits["study"], "seeds": 3}}


def test_the_baselines_settings_reach_the_arms_built_on_it():
    arms = compose_values(CONF, ["arms.bir-si.si.strength=7", "arms.bir-si.gate_proportion=0.3"])["arms"]
    assert [arms[arm]["si"]["strength"] for arm in ("bir-si", "rr", "ra", "rr-ra")] == [7] * 4
    assert arms["si"]["strength"] == 0.1
    assert [arms[arm]["gate_proportion"] for arm in ("bir-si", "rr", "ra", "rr-ra")] == [0.3] * 4


def test_the_focus_follows_the_treatment_unless_it_is_set():
    assert compose_values(CONF, ["study.treatment=er"])["focus"] == "er"
    assert compose_values(CONF, ["study.treatment=er", "focus=bir-si"])["focus"] == "bir-si"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("dataset=cifar", ["dataset=cifar", "cifar100; digits; fashion_mnist; mnist; npz"]),
        ("study=nope", ["study=nope", "laptop; methods; mnist; paper; paper-256; selection; small; table1"]),
        ("reading=autors", ["reading=autors", "authors; default; paper"]),
        ("compute=tpu", ["compute=tpu", "auto; cpu; cuda"]),
        ("study.seed=3", ["study.seed", "conf/ has no such key"]),
        ("sed=3", ["sed", "conf/ has no such key"]),
        ("study.seeds", ["study.seeds"]),
        ("a=b=c", ["a=b=c"]),
        ("focus='", ["focus='"]),
        ("study.seeds=2,3", ["study.seeds=2,3"]),
        ("study.seeds=${nope}", ["'nope' not found"]),
        ("~study", ["study.treatment"]),
    ],
)
def test_an_override_that_cannot_be_is_named_in_one_line(override, told):
    with pytest.raises(UserError) as caught:
        compose_values(CONF, [override])
    message = str(caught.value)
    assert message.startswith("conf/ cannot be composed with ")
    assert "\n" not in message
    assert all(part in message for part in told)


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="not found"):
        compose_values(tmp_path / "conf", [])


# ---------------------------------------------------------------- writing


def test_what_is_written_is_what_was_composed_the_same_bytes_each_time(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    write_params(CONF, ["dataset=mnist", "study.seeds=2"], first)
    write_params(CONF, ["dataset=mnist", "study.seeds=2"], second)
    assert first.read_bytes() == second.read_bytes()
    assert yaml.safe_load(first.read_text()) == compose_values(CONF, ["dataset=mnist", "study.seeds=2"])
    assert yaml.safe_load(first.read_text())["study"]["seeds"] == 2


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["dataset=npz"], "source is missing"),
        (["study.seeds=abc"], "study.seeds is 'abc'"),
        (["arms.rr-ra.f=0.5"], "f is 0.5"),
        (["dataset.tasks=3"], "dataset.tasks is 3, but the 10 classes"),
        (["+training.epochs=3"], "training.epochs is no setting"),
        (["arms.er=null"], "arms.er.method is missing"),
        (["dataset=cifar"], "cifar"),
    ],
)
def test_nothing_is_written_when_anything_is_wrong(tmp_path, overrides, told):
    target = tmp_path / "params.yaml"
    target.write_text("as it was")
    with pytest.raises(UserError, match=told):
        write_params(CONF, overrides, target)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


def test_the_committed_parameters_are_what_conf_composes_by_itself(tmp_path):
    """The commit's file, so that a study of one's own in the working tree is no failure."""

    def committed(*what):
        return subprocess.run(["git", *what], cwd=REPOSITORY, capture_output=True, check=False)

    write_params(CONF, [], tmp_path / "params.yaml")
    shown = committed("show", "HEAD:./params.yaml")
    expected = (REPOSITORY / "params.yaml").read_bytes() if shown.returncode else shown.stdout
    assert expected == (tmp_path / "params.yaml").read_bytes()


# ---------------------------------------------------------------- drift


def test_what_conf_composes_does_not_drift(digits):
    assert drift(CONF, digits) == []
    values = compose_values(CONF, ["dataset=mnist", "study=ablation", "reading=paper", "compute=cpu"])
    assert drift(CONF, values) == []


def test_exactly_the_changed_keys_drift(digits):
    values = copy.deepcopy(digits)
    values["training"]["iterations"] += 1
    values["arms"]["rr-ra"]["si"]["strength"] = 9
    values["study"]["grids"]["table1"][1]["method.f"] = [5]
    values["reading"]["extra"] = 1
    del values["arms"]["er"]
    assert drift(CONF, values) == [
        "arms.er",
        "arms.rr-ra.si.strength",
        "reading.extra",
        "study.grids.table1",
        "training.iterations",
    ]


def test_the_warning_names_the_keys_and_what_counts(digits):
    assert drift_warning(CONF, digits) == ""
    values = {**digits, "focus": "bir-si"}
    assert drift_warning(CONF, values).startswith("params.yaml differs from conf/ in: focus. What params.yaml says")


def test_settings_made_on_the_command_line_are_differences_from_conf(own_file):
    values = compose_values(CONF, ["dataset=npz", f"dataset.source={own_file}", "study.seeds=3"])
    assert drift(CONF, values) == ["dataset.source", "dataset.watch", "study.seeds"]
