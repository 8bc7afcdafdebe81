"""conf/ composes to valid parameters, and says in one sentence when it cannot."""

import copy
import shlex
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml

from exaggerated_replay.errors import UserError
from exaggerated_replay.locks import hold_folder
from exaggerated_replay.planning.compose import compose_values, write_params
from exaggerated_replay.planning.drift import drift, drift_warning, drift_warning_once
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.strict_yaml import read_yaml

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf"


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.fixture(scope="module")
def digits():
    return compose_values(CONF, ["dataset=digits", "study=default", "reading=default", "compute=auto"])


@pytest.fixture
def own_file(tmp_path):
    x, y = np.zeros((1200, 3), np.uint8), np.arange(4).repeat(300)
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return tmp_path / "mine.npz"


# ---------------------------------------------------------------- every option


def test_the_documented_studies_sizes_and_readings_are_there():
    assert {"authors", "paper", "printed"} <= set(options("reading"))
    assert {"as_published", "laptop", "small"} <= set(options("size"))
    assert {
        *("one", "claims", "readings", "dose", "controls", "short", "confidence", "class-order", "scale", "confirm"),
        *("default", "laptop", "small", "paper", "paper-short", "selection", "stored", "stored-short"),
    } <= set(options("study"))


@pytest.mark.parametrize("group", ["reading", "compute", "rules"])
def test_every_option_composes_to_a_plan_and_is_called_by_its_name(group):
    for option in options(group):
        params = check_params(compose_values(CONF, ["dataset=digits", f"{group}={option}"]))
        assert getattr(params, group).name == option
        assert make_plan(params).runs


OF_THEIR_OWN_SIZE = ("laptop", "selection", "small")


@pytest.mark.parametrize("study", options("study"))
def test_every_study_works_on_cifar100_in_miniature_and_on_digits_unless_it_says_that_it_does_not(study):
    for dataset in (["dataset=cifar100", "size=small"], ["dataset=digits"]):
        params = compose_values(CONF, [*dataset, f"study={study}"])
        made_for = params["study"]["dataset"]
        if made_for not in (None, params["dataset"]["name"]):
            with pytest.raises(UserError, match=f"has sizes for {made_for}, and dataset.name is digits"):
                check_params(params)
            continue
        plan = make_plan(check_params(params))
        assert plan.runs
        assert plan.study.name == study + ("" if study in OF_THEIR_OWN_SIZE else params["size"]["suffix"])
        assert all(row.baseline for rows in plan.grids.values() for row in rows if plan.cells[row.cell].arm == "rr-ra")


def test_a_study_of_a_miniature_has_a_folder_of_its_own():
    assert compose_values(CONF, ["dataset=cifar100", "study=claims"])["study"]["name"] == "claims"
    assert compose_values(CONF, ["dataset=cifar100", "size=small", "study=claims"])["study"]["name"] == "claims-small"
    assert compose_values(CONF, ["dataset=cifar100", "study=small"])["study"]["name"] == "small"


def test_a_size_of_other_data_is_refused_with_the_data_that_have_it():
    for given, who in (
        (["size=small"], "size=small"),
        (["size=laptop", "study=claims"], "size=laptop"),
        (["study=small"], "study=small"),
    ):
        told = rf"{who} has sizes for cifar100, and dataset\.name is mnist: .* dataset=cifar100, leave out {who},"
        with pytest.raises(UserError, match=told):
            check_params(compose_values(CONF, ["dataset=mnist", *given]))
    check_params(compose_values(CONF, ["dataset=mnist", "size=small", "study.dataset=null"]))


def test_one_word_makes_a_miniature_of_any_study():
    full, small = (
        compose_values(CONF, ["dataset=cifar100", size, "study=dose"]) for size in ("size=as_published", "size=small")
    )
    assert small["model"]["units"] < full["model"]["units"] == 2000
    for name, published in {"iterations": 5000, "batch": 512, "replay_batch": 512}.items():
        assert small["training"][name] < full["training"][name] == published
    for values in (full, small):
        assert len({values["arms"][arm]["si"]["strength"] for arm in ("bir-si", "rr-ra", "ra-acting")}) == 1
    assert small["arms"]["bir-si"]["si"]["strength"] < full["arms"]["bir-si"]["si"]["strength"] == 1e8
    assert small["dataset"]["validation"] == 0.2  # nothing is chosen on test images


@pytest.mark.parametrize(("study", "arm"), [("paper-short", "rr-ra"), ("stored-short", "ra-stored")])
def test_the_miniature_beside_the_papers_size_is_the_one_of_its_name(study, arm):
    """Its sizes stand in conf/study/ once more; its runs are to be those of size=small."""
    data = ["dataset=cifar100", "study.seeds=3"]
    plans = (
        make_plan(check_params(compose_values(CONF, [*data, *more])))
        for more in ([f"study={study}"], ["study=scale", "size=small"])
    )
    beside, small = plans
    for name in ("bir-si", arm):
        assert beside.cells[f"{name}-small"].config == small.cells[name].config
        runs, others = beside.cells[f"{name}-small"].runs, small.cells[name].runs
        assert [run.digest for run in runs] == [run.digest for run in others]


def test_a_variant_of_the_arm_in_focus_costs_its_own_runs_alone():
    def runs(*overrides):
        return {run.digest for run in make_plan(check_params(compose_values(CONF, ["study=one", *overrides]))).runs}

    before, after = runs(), runs("arms.rr-ra.lambda_ra=1")
    assert len(before) == len(after) == 10
    assert len(after - before) == 5


def test_the_weights_at_which_the_losses_act_are_set_at_one_place():
    values = compose_values(CONF, ["study=confirm", "study.acting.lambda_ra=3", "study.acting.lambda_rr=0.5"])
    assert values["arms"]["ra-acting"]["lambda_ra"] == values["arms"]["rr-ra-acting"]["lambda_ra"] == 3
    assert values["arms"]["rr-ra-acting"]["lambda_rr"] == 0.5
    plan = make_plan(check_params(values))
    assert [run.seed for run in plan.cells["ra-acting"].runs] == list(range(100, 120))


def test_features_of_any_backbone_take_the_hyper_parameters_of_cifar100_in_one_line(own_file):
    line = ["dataset=npz", f"dataset.source={own_file}", "hyper=split_cifar100"]
    values = compose_values(CONF, [*line, "dataset.tasks=2"])
    expected = compose_values(CONF, ["dataset=cifar100"])
    assert (values["model"], values["training"]) == (expected["model"], expected["training"])
    assert values["arms"] == expected["arms"]
    plan = make_plan(check_params(values))
    assert {run.settings.image_values for run in plan.runs} == {3}  # the input's own, unless the user says
    assert compose_values(CONF, line)["dataset"]["tasks"] == 10


def test_every_data_set_composes_to_a_plan_and_is_called_by_its_name(own_file):
    for option in options("dataset"):
        source = [f"dataset.source={own_file}", "dataset.tasks=2"] if option == "npz" else []
        params = check_params(compose_values(CONF, [f"dataset={option}", *source]))
        assert params.dataset.name == option
        assert make_plan(params).runs


# ---------------------------------------------------------------- what the options say


def settings_of(values, arm):
    """An arm's method with its settings, without what the arm is called and its colour."""
    return {key: value for key, value in values["arms"][arm].items() if key not in ("label", "colour")}


def test_split_mnist_is_as_published():
    values = compose_values(CONF, ["dataset=mnist"])
    assert values["dataset"]["tasks"] == 5
    assert values["model"]["units"] == 400
    assert values["training"] == {
        **{"iterations": 2000, "batch": 128, "replay_batch": 128},
        **{"learning_rate": 1e-3, "optimiser_state": "kept"},
    }
    arms = {arm: settings_of(values, arm) for arm in values["arms"]}
    assert arms["ewc"] == {"method": "ewc", "strength": 1e5, "samples": 1000}
    assert arms["si"] == {"method": "si", "strength": 0.1, "damping": 0.1}
    assert arms["er"] == {"method": "er", "memory_per_class": 20}
    assert arms["bir"]["si"] is None
    assert {arm["gate_proportion"] for arm in arms.values() if "gate_proportion" in arm} == {0.8}
    assert all(arms[arm]["si"] == {"strength": 0.1, "damping": 0.1} for arm in ("bir-si", "rr", "ra", "rr-ra"))


def test_the_treatment_is_the_baseline_plus_both_losses_at_the_papers_weights(digits):
    added = {"lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 20}
    baseline, treatment, rr, ra = (settings_of(digits, arm) for arm in ("bir-si", "rr-ra", "rr", "ra"))
    assert treatment == {**baseline, "method": "exaggeration", **added}
    assert rr == {**baseline, "method": "exaggeration", **added, "lambda_ra": 0}
    assert ra == {**baseline, "method": "exaggeration", **added, "lambda_rr": 0}


@pytest.mark.parametrize(
    ("reading", "difference"),
    [
        ("default", {}),
        ("authors", {"competitors": "runner_up", "attraction": "gated"}),
        ("paper", {"competitors": "all", "attraction": "every"}),
        ("printed", {"competitors": "all", "attraction": "every", "reduction": "total"}),
    ],
)
def test_a_reading_takes_the_first_choice_but_where_it_says_so(reading, difference):
    values = compose_values(CONF, ["dataset=digits", f"reading={reading}"])
    assert values["reading"] == {**asdict(ReadingSettings()), "name": reading, **difference}


@pytest.mark.parametrize("reading", ["default", "authors", "printed"])
def test_the_reading_of_a_study_reaches_the_arm_of_stored_means_but_for_these(reading):
    values = compose_values(CONF, ["dataset=digits", "study=stored", f"reading={reading}"])
    assert {**values["arms"]["ra-stored"]["reading"], "name": reading} == {**values["reading"], "class_means": "stored"}


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
    assert compose_values(CONF, ["study=table1", "study.treatment=er"])["focus"] == "er"
    assert compose_values(CONF, ["study=table1", "study.treatment=er", "focus=bir-si"])["focus"] == "bir-si"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("dataset=minst", ["dataset=minst", "conf/dataset/ has no minst.yaml: did you mean mnist"]),
        ("study=nope", ["study=nope", f"conf/study/ has no nope.yaml: choose one of {', '.join(options('study'))}"]),
        ("reading=autors", ["conf/reading/ has no autors.yaml: did you mean authors?"]),
        ("compute=tpu", ["compute=tpu", "did you mean cpu?"]),
        ("study.seed=3", ["conf/ has no key study.seed: did you mean study.seeds"]),
        ("datset=mnist", ["conf/ has no key datset: did you mean dataset"]),
        ("zzz=3", ["conf/ has no key zzz: check its spelling"]),
        ("methods.agem=a.py", ["conf/ has no key methods.agem: A new one takes a plus, '+methods.agem=...'"]),
        ("arms.mine={method: er}", ["conf/ has no key arms.mine: A new one takes a plus, '+arms.mine=...'"]),
        ("study.grids.dos=[]", ["conf/ has no key study.grids.dos: did you mean dose? A new one takes a plus"]),
        ("arms.er.memory=3", ["conf/ has no key arms.er.memory: did you mean arms.er."]),
        ("study.seeds", ["study.seeds"]),
        ("focus='", ["focus='"]),
        ("study.seeds=${nope}", ["'nope' not found"]),
    ],
)
def test_an_override_that_cannot_be_is_named_in_one_line(override, told):
    with pytest.raises(UserError) as caught:
        compose_values(CONF, [override])
    message = str(caught.value)
    assert message.startswith("conf/ cannot be composed with ")
    assert "\n" not in message
    assert all(part in message for part in told)


@pytest.mark.parametrize("override", ["a=b=c", "study.seeds=2,3"])
def test_a_value_that_means_something_to_hydra_is_to_be_quoted_or_put_into_brackets(override):
    key, _, value = override.partition("=")
    with pytest.raises(UserError, match=rf"^{key}: '{value}' has characters .*a list stands in brackets.*in quotes, "):
        compose_values(CONF, [override])


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="not found"):
        compose_values(tmp_path / "conf", [])


# ---------------------------------------------------------------- writing


def test_what_is_written_is_what_was_composed_the_same_bytes_each_time(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    write_params(CONF, ["dataset=mnist", "study.seeds=2"], first)
    write_params(CONF, ["dataset=mnist", "study.seeds=2"], second)
    assert first.read_bytes() == second.read_bytes()
    values = compose_values(CONF, ["dataset=mnist", "study.seeds=2"])
    assert read_yaml(first) == {**values, "composed_with": ["dataset=mnist", "study.seeds=2"]}
    assert yaml.safe_load(first.read_text()) == read_yaml(first)  # whichever YAML it is read as
    assert yaml.safe_load(first.read_text())["study"]["seeds"] == 2


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["dataset=npz"], "source is missing"),
        (["study.seeds=abc"], "seeds is 'abc', but must be a number, a list, or a range such as 100-119"),
        (["arms.rr-ra.f=0.5"], "f is 0.5"),
        (["dataset.tasks=3"], "dataset.tasks is 3, but the 10 classes"),
        (["+training.epochs=3"], "training.epochs is not a setting"),
        (["arms.er=null"], "arms.er.method is missing"),
        (["dataset=cifar"], "cifar"),
        (["dataset.tasks=0"], r"^dataset\.tasks is 0: it must be"),  # and not params.yaml's own
    ],
)
def test_nothing_is_written_when_anything_is_wrong(tmp_path, overrides, told):
    target = tmp_path / "params.yaml"
    target.write_text("as it was")
    with pytest.raises(UserError, match=told):
        write_params(CONF, overrides, target)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


def test_nothing_is_written_while_a_run_is_at_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("as it was")
    with (
        hold_folder(Path(".snakemake"), pytest.fail),
        pytest.raises(UserError, match="another run is working in this folder"),
    ):
        write_params(CONF, [], Path("params.yaml"))
    assert Path("params.yaml").read_text() == "as it was"
    assert not Path(".training").exists()
    write_params(CONF, [], Path("params.yaml"))
    assert Path("params.yaml").read_text() != "as it was"


def test_a_refusal_says_what_params_yaml_still_holds(tmp_path):
    target = tmp_path / "params.yaml"
    with pytest.raises(UserError, match=r"params\.yaml is not written$"):
        write_params(CONF, ["study.seeds=-1"], target)
    assert not target.exists()
    write_params(CONF, ["study=one", "study.seeds=2"], target)
    before = target.read_bytes()
    for refused in (["study=nothing"], ["study.seeds=-1"], ["focus=nobody"]):
        with pytest.raises(UserError, match=r"still holds the study one, composed with study=one study\.seeds=2$"):
            write_params(CONF, refused, target)
    assert target.read_bytes() == before
    write_params(CONF, [], target)
    with pytest.raises(UserError, match=r"still holds the study default$"):
        write_params(CONF, ["study.seeds=-1"], target)
    target.write_text("[")
    with pytest.raises(UserError, match=r"is left as it was, which is not valid either$"):
        write_params(CONF, ["study.seeds=-1"], target)


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
    asked = {**digits, "composed_with": []}
    assert drift_warning(CONF, asked) == ""
    assert drift_warning(CONF, {**asked, "focus": "bir-si"}).startswith(
        "params.yaml differs from conf/ in: focus. What params.yaml says is used"
    )


def test_what_differs_is_looked_for_once_and_again_where_either_side_has_changed(tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    asked = {**digits, "composed_with": []}
    looked = []
    warning = "exaggerated_replay.planning.drift.drift_warning"
    monkeypatch.setattr(warning, lambda *_: looked.append(1) or f"look {len(looked)}")

    def told(values, note=True):
        return drift_warning_once(conf, values, note=note)

    assert (told(asked, note=False), (tmp_path / ".training").exists()) == ("look 1", False)
    assert [told(asked), told(asked), told(asked, note=False)] == ["look 2"] * 3
    assert told({**asked, "focus": "bir-si"}) == "look 3"
    (conf / "rules" / "default.yaml").write_text((CONF / "rules" / "default.yaml").read_text() + "# changed\n")
    assert told({**asked, "focus": "bir-si"}) == "look 4"
    (tmp_path / ".training" / "drift.json").write_text("{")
    assert told(asked) == "look 5"


def test_what_the_user_asked_for_is_no_drift(tmp_path, own_file):
    overrides = ["dataset=npz", f"dataset.source={own_file}", "study.seeds=3", "dataset.tasks=2"]
    write_params(CONF, overrides, tmp_path / "params.yaml")
    values = read_yaml(tmp_path / "params.yaml")
    assert drift(CONF, values) == []
    values["study"]["seeds"] = 4
    assert drift(CONF, values) == ["study.seeds"]


def test_what_dvc_composed_is_told_as_the_users_own(own_file):
    """It does not write down what it was given."""
    values = compose_values(CONF, ["dataset=npz", f"dataset.source={own_file}", "study.seeds=3"])
    assert drift(CONF, values) == ["dataset.source", "dataset.watch", "study.seeds"]
    told = drift_warning(CONF, values)
    assert told.startswith("params.yaml has values of its own, set by hand or by `dvc exp run -S`, for: dataset.source")


def test_a_miniature_and_a_study_with_a_name_of_ones_own_do_not_drift_but_in_what_was_set():
    assert drift(CONF, compose_values(CONF, ["dataset=cifar100", "size=small", "study=claims"])) == []
    values = compose_values(CONF, ["study=one", "study.name=mine"])
    assert "study.name" in drift(CONF, values)


def test_a_broken_conf_is_told_and_refuses_no_params(tmp_path, digits):
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "study" / "default.yaml").write_text("grids: [")
    told = drift_warning(conf, digits)
    assert told.startswith("conf/ cannot be composed with ")
    assert told.endswith("What params.yaml says is used.")
    assert "\n" not in told


# ---------------------------------------------------------------- signs of Hydra's


@pytest.mark.parametrize("name", ["a=b", "a,b", "a(b", "a#b", "a~b", "a{b", "a[b", "it's", 'a"b', "\u00e9"])
def test_a_path_with_a_sign_of_hydras_is_refused_with_what_to_write_which_then_means_it(name):
    with pytest.raises(UserError, match=r"^dataset\.source: .* mean something to Hydra") as caught:
        compose_values(CONF, ["dataset=npz", f"dataset.source={name}.npz"])
    (told,) = shlex.split(str(caught.value).partition("in quotes, ")[2])
    assert compose_values(CONF, ["dataset=npz", told])["dataset"]["source"] == f"{name}.npz"


def test_the_users_home_is_written_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    with pytest.raises(UserError, match=r'dataset\.source="/home/me/x\.npz"'):
        compose_values(CONF, ["dataset=npz", "dataset.source=~/x.npz"])
