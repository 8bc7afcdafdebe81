"""Which runs a study has, what decides their identity and what does not, and how they are packed."""

import copy
import functools
import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of
from exaggerated_replay.planning import fingerprint
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.runs import packs_of
from exaggerated_replay.planning.sources import features_digest
from exaggerated_replay.settings.reader import read_settings
from exaggerated_replay.settings.run import RunSettings

CONF = Path(__file__).parents[2] / "conf"
ITERATIONS = 40
PLAIN = [{"arm": ["bir-si", "rr-ra"]}]


@functools.cache
def composed(study):
    lengths = [f"study.lengths=[10,20,{ITERATIONS}]", f"training.iterations={ITERATIONS}"]
    return compose_values(CONF, ["dataset=digits", f"study={study}", "study.seeds=2", *lengths])


def values_with(changes=(), study="table1", grids=None):
    """Composed values with dotted keys changed; a grid may be given instead of the study's."""
    values = copy.deepcopy(composed(study))
    if grids is not None:
        values["study"]["grids"] = grids
    for key, value in dict(changes).items():
        *path, last = key.split(".")
        functools.reduce(lambda inner, part: inner[part], path, values)[last] = value
    return values


def plan_with(changes=(), study="table1", grids=None):
    return make_plan(check_params(values_with(changes, study, grids)))


def digests(plan, arm):
    return [run.digest for cell in plan.cells.values() if cell.arm == arm for run in cell.runs]


def baselines(plan, grid):
    return {row.cell: row.baseline for row in plan.grids[grid]}


# ---------------------------------------------------------------- cells


def test_table_1_has_the_baseline_and_five_factors():
    plan = plan_with()
    assert baselines(plan, "table1") == {
        "bir-si": None,
        "rr-ra-f5": "bir-si",
        "rr-ra-f10": "bir-si",
        "rr-ra": "bir-si",  # f = 20 is the arm as it is
        "rr-ra-f50": "bir-si",
        "rr-ra-f100": "bir-si",
    }
    assert [plan.cells[name].config["method"].get("f") for name in plan.cells] == [None, 5, 10, 20, 50, 100]
    assert len({run.digest for run in plan.runs}) == len(plan.runs) == 6 * 2


@functools.cache
def both():
    """The grids of two studies in one: of Table 1 and of convergence."""
    return {
        grid: rows for study in ("table1", "convergence") for grid, rows in composed(study)["study"]["grids"].items()
    }


def test_cells_that_studies_share_are_trained_once():
    plan = plan_with(grids=both())
    # Table 1: 1 + 5 cells. Convergence: 3 lengths x 2 arms, of which the full length is in Table 1 already.
    assert len(plan.cells) == 6 + 4
    assert len(plan.runs) == len({run.digest for run in plan.runs}) == 10 * 2
    alone = {run.digest for study in ("table1", "convergence") for run in plan_with(study=study).runs}
    assert {run.digest for run in plan.runs} == alone


def test_equal_settings_under_two_names_are_trained_once():
    twin = {"arms.twin": composed("table1")["arms"]["bir-si"], "focus": "twin"}
    plan = plan_with(twin, grids={"g": [{"arm": ["bir-si", "twin"]}]})
    assert list(plan.cells) == ["bir-si", "twin"]
    assert digests(plan, "bir-si") == digests(plan, "twin")
    assert len(plan.runs) == 2


def test_convergence_compares_equal_numbers_of_iterations():
    plan = plan_with(study="convergence")
    assert baselines(plan, "convergence") == {
        "bir-si-iterations10": None,
        "bir-si-iterations20": None,
        "bir-si": None,
        "rr-ra-iterations10": "bir-si-iterations10",
        "rr-ra-iterations20": "bir-si-iterations20",
        "rr-ra": "bir-si",
    }
    for name, cell in plan.cells.items():
        assert {run.settings.training.iterations for run in cell.runs} == {int(name.partition("iterations")[2] or 40)}


def test_a_baseline_takes_the_settings_it_has_and_leaves_the_others():
    grid = [{"arm": ["rr-ra"], "method.f": [7], "method.si.strength": [3], "model.units": [9]}]
    plan = plan_with({"focus": "rr-ra-f7-strength3-units9"}, grids={"g": grid})
    assert baselines(plan, "g") == {"rr-ra-f7-strength3-units9": "bir-si-strength3-units9"}
    config = plan.cells["bir-si-strength3-units9"].config
    assert config["model"]["units"] == 9
    assert config["method"]["si"]["strength"] == 3
    assert "f" not in config["method"]


def test_two_rows_never_share_a_baseline_that_is_not_theirs():
    """Six digits would not tell these lengths apart."""
    rows = [{"arm": [arm], "training.iterations": [n]} for arm, n in (("rr-ra", 1000000), ("rr", 1000001))]
    plan = plan_with({"study.treatment": "rr", "focus": "bir-si"}, grids={"g": [*PLAIN, *rows]})
    for row in plan.grids["g"]:
        if row.baseline:
            same = (plan.cells[name].config["training"]["iterations"] for name in (row.cell, row.baseline))
            assert len(set(same)) == 1, row


def test_all_arms_side_by_side_have_the_baselines_cell_to_compare_with():
    arms = list(composed("methods")["arms"])
    plan = plan_with(grids={"g": [{"arm": arms}]})
    assert baselines(plan, "g") == {**dict.fromkeys(arms, "bir-si"), "bir-si": None}


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"arm": ["rr-ra"], "method.f": ["none"]}, ["rr-ra-f-none"]),
        ({"arm": ["rr-ra"], "method.f": [20]}, ["rr-ra"]),
        ({"arm": ["rr-ra"], "method.f": [2.5]}, ["rr-ra-f2.5"]),
        ({"arm": ["rr-ra"], "training.iterations": [1000001]}, ["rr-ra-iterations1000001"]),
        (
            {"arm": ["rr-ra"], "method.lambda_rr": [1e-8, 1e-6, 1.0]},
            ["rr-ra-lambda_rr1e-08", "rr-ra", "rr-ra-lambda_rr1"],
        ),
        ({"arm": ["rr-ra"], "method.reading.competitors": ["runner_up", "all"]}, ["rr-ra", "rr-ra-competitors-all"]),
        (
            {"arm": ["er", "none"], "training.iterations": [10, 40]},
            ["er-iterations10", "er", "none-iterations10", "none"],
        ),
    ],
)
def test_a_cell_is_called_after_its_arm_and_what_the_grid_changed(row, names):
    plan = plan_with(grids={"g": [row], "focus": PLAIN})
    assert [row.cell for row in plan.grids["g"]] == names


def test_a_run_lies_under_its_method_seed_and_digest():
    run = plan_with().cells["rr-ra"].runs[1]
    assert run.directory == Path(f"results/runs/exaggeration-s1-{run.digest}")
    assert len(run.digest) == 10
    assert set(run.digest) <= set("0123456789abcdef")


def test_the_reading_reaches_the_arms_that_have_a_place_for_it():
    plan = plan_with({"reading.attraction": "gated"}, grids={"g": PLAIN})
    reading = plan.cells["rr-ra"].config["method"]["reading"]
    assert reading["attraction"] == "gated"
    assert "name" not in reading
    assert plan.cells["rr-ra"].runs[0].settings.method.reading.attraction == "gated"
    assert "reading" not in plan.cells["bir-si"].config["method"]


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"arm": ["zz"]}, r"study\.grids\.g: arm is 'zz', which is not an arm: choose one of none, joint"),
        ({"method.f": [5]}, r"study\.grids\.g: every row needs the key arm"),
        ({"arm": ["rr-ra"], "method.g": [5]}, r"study\.grids\.g: method\.g is not a setting of the arm rr-ra"),
        ({"arm": ["er"], "method.f": [5]}, r"study\.grids\.g: method\.f is not a setting of the arm er"),
        ({"arm": ["bir"], "method.si.strength": [5]}, r"method\.si\.strength is not a setting of the arm bir"),
        ({"arm": ["er"], "study.seeds": [5]}, r"study\.seeds is not a setting of the arm er"),
        (
            {"arm": ["er"], "training.iterations": []},
            r"study\.grids\.g\.0\.training\.iterations must be a list",
        ),
        ({"arm": ["rr-ra"], "method.f": [0.5]}, r"study\.grids\.g: method\.f is 0\.5: it must be at least 1"),
        (
            {"arm": ["er"], "training.iterations": [0]},
            r"g: training\.iterations is 0: it must be at least 1",
        ),
        ({"arm": ["er"], "model.units": ["many"]}, r"study\.grids\.g: model\.units is 'many'"),
        ({"arm": ["er"], "dataset.tasks": [0]}, r"study\.grids\.g: dataset\.tasks is 0"),
        (
            # both switches end in "temperature", and either alone makes rr-ra-temperature1.5
            {"arm": ["rr-ra"], "method.temperature": [2.0, 1.5], "method.reading.temperature": [1.0, 1.5]},
            r"two different cells would be called rr-ra-temperature1\.5",
        ),
    ],
)
def test_a_row_that_cannot_be_is_named(row, told):
    with pytest.raises(UserError, match=told):
        plan_with(grids={"g": [row]})


def test_a_focus_that_is_no_cell_is_refused_and_the_cells_are_named():
    with pytest.raises(
        UserError, match=r"focus is 'er', which is not a cell of this study: choose one of bir-si, rr-ra"
    ):
        plan_with({"focus": "er"}, grids={"g": PLAIN})


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"dataset\.source: there is no file nowhere\.npz"):
        plan_with({"dataset": {"name": "npz", "reader": "npz", "source": "nowhere.npz", "tasks": 2}})


@pytest.mark.parametrize("name", ["accuracy_matrix", "architecture", "a/b", "", "x" * 51])
def test_a_grid_cannot_take_the_place_of_another_output(name):
    """A grid makes results/figures/NAME.png, where other things lie too."""
    told = f"study.grids: {name!r} cannot be the name of a grid, choose another word of at most 50 letters"
    with pytest.raises(UserError, match=re.escape(told)):
        plan_with(grids={name: PLAIN})


def test_the_name_of_a_grid_may_begin_with_a_capital_or_a_digit_hold_dashes_and_be_50_letters_long():
    names = ["Table1", "2nd-table_1", "x" * 50]
    assert list(plan_with(grids=dict.fromkeys(names, PLAIN)).grids) == names


def test_a_grid_that_cannot_be_drawn_as_it_is_asked_to_be_is_named():
    alone = [{"arm": ["bir-si"], "model.units": [9, 10]}]
    with pytest.raises(UserError, match=r"^params\.yaml: study\.grids\.g compares nothing"):
        plan_with({"focus": "bir-si"}, grids={"g": alone, "h": PLAIN})
    changes = {"focus": "bir-si", "study.figures": {"g": "convergence"}}
    assert plan_with(changes, grids={"g": alone, "h": PLAIN}).cells  # it shows no differences
    changes["study.figures"] = {"h": "frontier"}
    with pytest.raises(UserError, match=r"study\.figures\.h is frontier, but study\.grids\.h does not vary"):
        plan_with(changes, grids={"h": PLAIN})
    changes["study.figures"] = {"table": "comparison"}
    with pytest.raises(UserError, match=r"a name in study\.figures is 'table', which is not a grid of this study: .*h"):
        plan_with(changes, grids={"h": PLAIN})


# ---------------------------------------------------------------- identity

REFERENCE = values_with(grids={"g": PLAIN})


def identity(changes=(), arm="rr-ra", **more):
    return digests(plan_with(changes, grids={"g": PLAIN}, **more), arm)


@pytest.mark.parametrize(
    "changes",
    [
        {"compute.runs_per_job": 1},
        {"compute.slots_per_gpu": 3},
        {"compute.device": "cuda"},
        {"compute.name": "mine"},
        {"reading.name": "mine"},
        {"study.name": "mine"},
        {"study.lengths": [1]},
        {"focus": "bir-si"},
        {"dataset.watch": None},
        {"dataset.name": "mine"},
        {"rules.alpha": 0.01},
        {"hyper.name": "mine"},
        {"size.name": "mine"},
        {"study.acting": {}},
        {"composed_with": ["a=b"]},
        {"arms.er.memory_per_class": 3},
        {"arms.mine": {"method": "joint"}},
    ],
    ids=str,
)
def test_what_decides_no_result_does_not_change_the_identity(changes):
    assert values_with(changes, grids={"g": PLAIN}) != REFERENCE
    assert identity(changes) == identity()
    assert identity(changes, "bir-si") == identity((), "bir-si")


def test_renaming_an_arm_trains_nothing():
    values = values_with(grids={"g": [{"arm": ["base", "mine"]}]})
    values["arms"] = {"base": values["arms"]["bir-si"], "mine": values["arms"]["rr-ra"]}
    values["study"].update(baseline="base", treatment="mine")
    values["focus"] = "mine"
    assert digests(make_plan(check_params(values)), "mine") == identity()


def test_more_seeds_leave_the_runs_of_the_first_ones():
    assert identity({"study.seeds": 4})[:2] == identity()
    assert len(set(identity({"study.seeds": 4}))) == 4


def test_switches_of_the_reading_do_not_concern_the_baseline():
    changes = {"reading.competitors": "all", "reading.temperature": 2, "reading.attraction": "gated"}
    assert identity(changes, "bir-si") == identity((), "bir-si")
    assert identity(changes) != identity()


DECISIVE = [
    {"arms.rr-ra.lambda_rr": 2e-6},
    {"arms.rr-ra.lambda_ra": 2e-6},
    {"arms.rr-ra.f": 21},
    {"arms.rr-ra.f": "none"},
    {"arms.rr-ra.gate_proportion": 0.25},
    {"arms.rr-ra.temperature": 2.5},
    {"arms.rr-ra.lambda_rec": 0.5},
    {"arms.rr-ra.lambda_rec_replayed": 2.0},
    {"arms.rr-ra.mixture_prior": "logsumexp"},
    {"arms.rr-ra.si": None},
    {"arms.rr-ra.si.strength": 0.7},
    {"arms.rr-ra.si.damping": 0.7},
    {"model.units": 99},
    {"model.latent": 99},
    {"training.iterations": 99},
    {"training.batch": 99},
    {"training.replay_batch": 99},
    {"training.learning_rate": 0.5},
    {"training.optimiser_state": "moments"},
    {"training.optimiser_state": "reset"},
    {"compute.threads": 2},
    {"compute.precision": "tf32"},
    {"dataset.tasks": 2},
    {"dataset.tasks": [4, 3, 3]},
    {"dataset.class_order": [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]},
    {"dataset.class_order": "together"},
    {"dataset.image_values": 63},
    {"dataset.files": {"digits.csv.gz": "sha256:0"}},
    {"reading.distance": "squared"},
    {"reading.distance": "bce"},
    {"reading.repulsion": "inverse_mean"},
    {"reading.repulsion": "negative"},
    {"reading.reduction": "sum"},
    {"reading.reduction": "total"},
    {"reading.competitors": "all"},
    {"reading.competitors": "random"},
    {"reading.temperature": 2},
    {"reading.class_means": "running"},
    {"reading.class_means": "stored"},
    {"reading.class_means": "shuffled"},
    {"reading.attraction_target": "random"},
    {"reading.attraction": "gated"},
    {"reading.confidence": "label"},
    {"reading.confidence": "label_rival"},
    {"reading.confidence": "entropy"},
]


def test_every_setting_that_decides_a_result_changes_the_identity_each_to_another():
    found = [digest for changes in [{}, *DECISIVE] for digest in identity(changes)]
    assert len(set(found)) == 2 * (1 + len(DECISIVE))  # two seeds, which differ too


def test_every_field_of_a_run_is_among_the_decisive_ones():
    """A field that is added must be added above too."""
    settings = plan_with(grids={"g": PLAIN}).to_dict()["runs"]
    (fields,) = {tuple(sorted(run)) for run in settings.values()}
    assert fields == (
        "code",
        "data",
        "image_values",
        "method",
        "model",
        "precision",
        "seed",
        "tasks",
        "threads",
        "training",
    )
    changed = {key for changes in DECISIVE for key in changes}
    of_arm = set(check_params(REFERENCE).arms["rr-ra"].__dataclass_fields__) - {"method", "reading"}
    assert {f"arms.rr-ra.{key}" for key in of_arm} <= changed
    assert {f"model.{key}" for key in REFERENCE["model"]} <= changed
    assert {f"training.{key}" for key in REFERENCE["training"]} <= changed
    assert {f"reading.{key}" for key in REFERENCE["reading"] if key != "name"} <= changed


def test_the_code_is_part_of_the_identity(monkeypatch):
    before = identity()
    monkeypatch.setattr("exaggerated_replay.planning.runs.method_digest", lambda method: f"other {method}")
    assert set(identity()).isdisjoint(before)


def test_own_data_are_known_by_their_content_and_not_by_their_place(tmp_path):
    def written(name, value):
        x, y = np.full((4, 3), value), np.arange(4)
        np.savez(tmp_path / name, x_train=x, y_train=y, x_test=x, y_test=y)
        dataset = {"name": "npz", "reader": "npz", "source": str(tmp_path / name), "tasks": 2}
        plan = plan_with({"dataset": dataset}, grids={"g": PLAIN})
        assert str(tmp_path) not in json.dumps(plan.to_dict())
        return plan.source.name, digests(plan, "rr-ra")

    assert written("a.npz", 1) == written("b.npz", 1)
    name, runs = written("a.npz", 2)
    assert name != written("b.npz", 1)[0]
    assert set(runs).isdisjoint(written("b.npz", 1)[1])


# ---------------------------------------------------------------- packs


@given(runs_per_job=st.integers(1, 9), seeds=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_packs_cover_every_run_once_and_are_as_few_as_can_be(runs_per_job, seeds):
    plan = plan_with({"compute.runs_per_job": runs_per_job, "study.seeds": seeds})
    assert sorted(run.digest for pack in plan.packs.values() for run in pack) == sorted(r.digest for r in plan.runs)
    assert all(1 <= len(pack) <= runs_per_job for pack in plan.packs.values())
    assert len(plan.packs) == -(-6 * seeds // runs_per_job)  # six cells, rounded up to whole packs


def test_packs_are_about_equally_long():
    plan = plan_with({"compute.runs_per_job": 10}, grids=both())
    assert len(plan.runs) == 20
    lengths = [sum(run.settings.training.iterations for run in pack) for pack in plan.packs.values()]
    assert len(lengths) == 2
    assert max(lengths) - min(lengths) <= max(run.settings.training.iterations for run in plan.runs)


@pytest.mark.parametrize(
    ("lengths", "size", "packed"),
    [
        ([3, 5, 3, 4, 3], 3, {"1": [5, 3], "2": [4, 3, 3]}),
        ([1, 1, 9, 1], 2, {"1": [9, 1], "2": [1, 1]}),  # the second has less to do, but is full
        ([2, 3], 1, {"1": [3], "2": [2]}),
        ([], 3, {}),
    ],
)
def test_packs_take_the_longest_run_first_each_to_the_job_that_has_least_to_do(lengths, size, packed):
    runs = [SimpleNamespace(settings=SimpleNamespace(training=SimpleNamespace(iterations=n))) for n in lengths]
    found = packs_of(runs, size)
    assert {name: [run.settings.training.iterations for run in pack] for name, pack in found.items()} == packed


def test_jobs_start_seed_by_seed_in_the_order_in_which_the_seeds_are_given():
    plan = plan_with({"compute.runs_per_job": 1, "study.seeds": [7, 3, 5]})
    packs = [pack for pack in plan.packs.values() if len(pack) == 1]
    assert len(packs) == 18  # six cells
    assert {(pack[0].seed, plan.seeds_after(pack)) for pack in packs} == {(7, 2), (3, 1), (5, 0)}
    assert plan.seeds_after([pack[0] for pack in packs]) == 2  # together they are as urgent as the first


# ---------------------------------------------------------------- the file


def test_what_the_file_holds_and_under_which_names():
    plan = plan_with(grids={"g": PLAIN})
    values, digest = plan.to_dict(), plan.source.digest
    assert list(values) == [
        *("dataset", "sources", "data", "prepared", "encoder", "model", "training", "study", "rules", "compute"),
        *("focus", "varied", "grids", "cells", "splits", "runs"),
    ]
    assert {key: values["dataset"][key] for key in ("name", "classes", "image_values", "sha256")} == {
        "name": "digits",
        "classes": 10,
        "image_values": 64,
        "sha256": digest,
    }
    assert values["sources"].keys() == plan.places.keys() == {f"digits-{digest[:10]}"}
    assert values["sources"][plan.source.name]["sha256"] == values["data"] == digest
    assert values["sources"][plan.source.name]["files"] == REFERENCE["dataset"]["files"]
    assert values["prepared"] == str(plan.learned_from) == f"data/prepared/digits-{digest[:10]}.npz"
    assert values["encoder"] is None
    for part in ("model", "training", "rules", "compute", "focus"):
        assert values[part] == REFERENCE[part]
    assert values["study"] == {key: value for key, value in REFERENCE["study"].items() if key != "grids"} | {
        "seeds": [0, 1]
    }
    assert values["grids"] == {
        "g": [
            {"cell": "bir-si", "settings": {}, "baseline": None},
            {"cell": "rr-ra", "settings": {}, "baseline": "bir-si"},
        ]
    }
    for name, cell in values["cells"].items():
        assert list(cell) == ["arm", "config", "varied", "runs"]
        assert (cell["arm"], list(cell["config"])) == (name, ["model", "training", "method", "dataset"])
    assert values["splits"].keys() == {
        f"data/splits/digits/seed{run['seed']}-{digest_of([digest, run['seed'], run['tasks']])[:10]}.json"
        for run in values["runs"].values()
    }
    assert {values["runs"][run]["seed"] for run in values["splits"].values()} == {0, 1}


def encoded(**changes):
    """A plan whose runs learn from features of CIFAR-100."""
    values = compose_values(CONF, ["dataset=cifar100", "encoder=published", "study=table1", "study.seeds=1"])
    values["study"]["grids"] = {"g": PLAIN}
    values["encoder"].update(changes)
    return make_plan(check_params(values)), values["encoder"]


def test_with_an_encoder_runs_learn_from_features_and_the_file_says_whose():
    plan, asked = encoded()
    values = plan.to_dict()
    assert [source.settings.name for source in plan.sources] == ["cifar100", "cifar10"]
    assert list(values["sources"]) == [source.name for source in plan.sources]
    assert values["data"] == features_digest(plan.source, plan.encoder)
    assert {run["data"] for run in values["runs"].values()} == {values["data"]}
    assert values["data"] != values["dataset"]["sha256"]
    assert plan.learned_from == Path(f"data/features/cifar100-{values['data'][:10]}.safetensors")
    assert values["encoder"] == {
        "name": "published",
        "sha256": plan.encoder.digest,
        "architecture": "conv5",
        "image_size": None,
        "deviation": 0.41,
        "pretraining": asked["pretraining"],
    }
    place = f"data/encoders/published-{plan.encoder.digest[:10]}/encoder.safetensors"
    assert plan.places == {**{source.name: None for source in plan.sources}, "encoder": place}


def test_an_encoder_of_the_users_own_needs_no_images(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"weights")
    plan, _ = encoded(weights=str(weights), images=None, pretraining=None)
    values = plan.to_dict()
    assert [source.settings.name for source in plan.sources] == ["cifar100"]
    assert values["encoder"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert values["encoder"]["pretraining"] is None
    assert plan.places["encoder"] == str(weights)
    assert str(tmp_path) not in json.dumps(values)


@pytest.mark.parametrize("study", ["default", "methods", "ablation"])
def test_each_run_read_back_from_the_file_is_the_same_run(study):
    plan = plan_with(study=study)
    values = json.loads(json.dumps(plan.to_dict()))
    assert len(values["runs"]) == len(plan.runs)
    for run in plan.runs:
        assert read_settings(RunSettings, values["runs"][run.directory.name]) == run.settings
        assert digest_of(values["runs"][run.directory.name])[:10] == run.digest


def test_the_cells_of_the_file_name_their_runs():
    values = plan_with().to_dict()
    listed = [run for cell in values["cells"].values() for run in cell["runs"]]
    assert {run["directory"] for run in listed} == {f"results/runs/{name}" for name in values["runs"]}
    assert all(run["directory"].endswith(f"s{run['seed']}-{run['digest']}") for run in listed)


def test_code_is_parsed_once_however_many_cells_and_methods_use_it():
    """The plan is made each time the workflow is typed, and again in every job."""
    fingerprint.code_digest.cache_clear()
    fingerprint.own_code.cache_clear()
    plan_with(study="methods")
    assert fingerprint.code_digest.cache_info().misses == 1 + len(
        {arm["method"] for arm in composed("methods")["arms"].values()}
    )
    modules = [path for part in fingerprint.COMPUTING for path in (fingerprint.ROOT / part).glob("*.py")]
    assert 11 < fingerprint.own_code.cache_info().misses <= len(modules)


def test_a_number_written_as_text_is_not_a_number():
    with pytest.raises(UserError, match=r"method\.lambda_rr is '1e-6': it must be a number"):
        plan_with(grids={"g": [{"arm": ["rr-ra"], "method.lambda_rr": ["1e-6"]}]})


def test_a_grid_without_rows_is_refused():
    with pytest.raises(UserError, match=r"study\.grids\.g has no rows"):
        plan_with(grids={"g": []})


# ---------------------------------------------------------------- what a row is compared with


def test_a_row_may_say_what_it_is_compared_with():
    row = {"arm": ["rr-ra"], "method.f": [5, 50], "training.iterations": [10]}
    plan = plan_with({"focus": "rr-ra-f5-iterations10"}, grids={"g": [{**row, "against": {"arm": "ra"}}]})
    # Another arm, under those of the settings that it has too.
    assert baselines(plan, "g") == {
        "rr-ra-f5-iterations10": "ra-f5-iterations10",
        "rr-ra-f50-iterations10": "ra-f50-iterations10",
    }
    row["against"] = {"arm": "rr-ra", "method.f": "none"}
    plan = plan_with({"focus": "bir-si"}, grids={"p": PLAIN, "g": [row]})
    assert set(baselines(plan, "g").values()) == {"rr-ra-f-none-iterations10"}


def test_the_baseline_itself_may_be_compared_with_other_settings_of_its_own():
    rows = [{"arm": ["bir-si"], "training.replay_batch": ["x2"], "against": {"training.replay_batch": "x1"}}]
    plan = plan_with({"focus": "bir-si"}, grids={"g": rows})
    assert baselines(plan, "g") == {"bir-si-replay_batch128": "bir-si"}
    plan = plan_with({"focus": "bir-si"}, grids={"g": [{"arm": ["bir-si"], "against": {}}, {"arm": ["rr"]}]})
    assert baselines(plan, "g") == {"bir-si": None, "rr": "bir-si"}


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ({"arm": "zz"}, "against.arm is 'zz', which is not an arm"),
        ({"method.f": 3}, "against: method.f is not a setting of the arm bir-si"),
        ({"training.iterations": 0}, "against: training.iterations is 0: it must be at least 1"),
        ("bir", "against must be a mapping of settings to values"),
        ({"model.units": "x0.001"}, "model.units is x0.001, but 100 x 0.001 is not a whole number"),
    ],
)
def test_a_comparison_that_cannot_be_is_named(against, told):
    with pytest.raises(UserError, match=r"^params\.yaml: study\.grids\.g(: |\.0\.)" + re.escape(told)):
        plan_with(grids={"g": [{"arm": ["rr-ra"], "against": against}]})


def test_a_cell_is_not_compared_with_two_others_in_one_table():
    rows = [{"arm": ["rr-ra"]}, {"arm": ["rr-ra"], "against": {"arm": "ra"}}]
    with pytest.raises(UserError, match=r"g compares rr-ra with bir-si and with ra: put one of the two into a grid"):
        plan_with(grids={"g": rows})


# ---------------------------------------------------------------- multiples


def test_a_value_such_as_x2_is_that_multiple_of_the_arms_own():
    rows = [
        {"arm": ["bir-si", "rr-ra"], "model.units": ["x0.25", "x1", "x2"]},
        {"arm": ["bir-si"], "method.si.strength": ["x3"]},
    ]
    plan = plan_with({"focus": "bir-si"}, grids={"g": rows})
    assert [row.cell for row in plan.grids["g"]] == [
        *("bir-si-units25", "bir-si", "bir-si-units200"),
        *("rr-ra-units25", "rr-ra", "rr-ra-units200"),
        "bir-si-strength0.3",
    ]
    assert {row.settings.get("model.units") for row in plan.grids["g"]} == {25, 100, 200, None}
    assert baselines(plan, "g")["rr-ra-units25"] == "bir-si-units25"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model.units", "x0.001", "model.units is x0.001, but 100 x 0.001 is not a whole number"),
        ("method.si", "x2", "method.si is x2, but there is no number to multiply"),
        ("method.nothing", "x2", "method.nothing is x2, but there is no number to multiply"),
    ],
)
def test_a_multiple_that_cannot_be_is_named(key, value, told):
    with pytest.raises(UserError, match=r"^params\.yaml: study\.grids\.g: " + re.escape(told)):
        plan_with(grids={"g": [{"arm": ["bir-si"], key: [value]}]})


def test_a_multiple_may_stand_beside_plain_values_and_of_a_whole_number_is_one():
    row = {"arm": ["bir-si"], "training.iterations": [10], "model.units": ["x2"], "method.gate_proportion": ["x0.5"]}
    plan = plan_with(grids={"g": [row, *PLAIN]})
    settings = plan.grids["g"][0].settings
    assert settings == {"training.iterations": 10, "model.units": 200, "method.gate_proportion": 0.4}
    assert [type(value) for value in settings.values()] == [int, int, float]


# ---------------------------------------------------------------- seeds


@pytest.mark.parametrize(
    ("seeds", "meant"), [(3, [0, 1, 2]), ([7, 11], [7, 11]), ("100-102", [100, 101, 102]), ("5-5", [5])]
)
def test_seeds_are_a_number_a_list_or_a_range(seeds, meant):
    plan = plan_with({"study.seeds": seeds})
    assert plan.to_dict()["study"]["seeds"] == meant
    assert [run.seed for run in plan.cells["rr-ra"].runs] == meant


def test_a_seed_means_the_same_run_however_it_is_asked_for():
    named = {run.seed: run.digest for run in plan_with({"study.seeds": [1, 0]}).cells["rr-ra"].runs}
    counted = {run.seed: run.digest for run in plan_with({"study.seeds": 2}).cells["rr-ra"].runs}
    assert named == counted


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], "3", "9-3", "a-b", "0-1000000", 1.5, True, None, [[0]]])
def test_seeds_that_cannot_be_are_named(seeds):
    with pytest.raises(UserError, match=r"^params\.yaml: study(\.|: )seeds"):
        plan_with({"study.seeds": seeds})


# ---------------------------------------------------------------- what a table needs to know


def test_every_setting_that_a_grid_varies_is_told_for_every_cell_that_has_it():
    rows = [{"arm": ["er", "rr-ra"], "training.iterations": [10]}, {"arm": ["rr-ra"], "method.f": [5]}]
    values = plan_with({"focus": "er-iterations10"}, grids={"g": rows}).to_dict()
    assert values["varied"] == ["training.iterations", "method.f"]
    assert {name: cell["varied"] for name, cell in values["cells"].items()} == {
        "er-iterations10": {"training.iterations": 10},
        "rr-ra-iterations10": {"training.iterations": 10, "method.f": 20},
        "rr-ra-f5": {"training.iterations": 40, "method.f": 5},
        "bir-si-iterations10": {"training.iterations": 10},
        "bir-si": {"training.iterations": 40},
    }


def test_tasks_are_lists_of_original_classes_of_any_size():
    plan = plan_with({"dataset.tasks": [4, 3, 3]})
    for run in plan.runs:
        assert [len(task) for task in run.settings.tasks] == [4, 3, 3]
        assert sorted(label for task in run.settings.tasks for label in task) == list(range(10))


def test_each_seed_has_an_order_of_classes_of_its_own_which_all_cells_share():
    plan = plan_with({"study.seeds": 3}, grids={"g": PLAIN})
    orders = [{str(run.settings.tasks) for run in plan.runs if run.seed == seed} for seed in range(3)]
    assert [len(order) for order in orders] == [1, 1, 1]
    assert len(set.union(*orders)) == 3


def test_a_grid_may_vary_the_order_of_classes():
    rows = [{"arm": ["bir-si", "rr-ra"], "dataset.class_order": [None, "together"]}]
    plan = plan_with(grids={"g": rows})
    assert baselines(plan, "g")["rr-ra-class_order-together"] == "bir-si-class_order-together"
    look_alike = {frozenset(pair) for pair in composed("table1")["dataset"]["superclasses"]}
    for run in plan.cells["rr-ra-class_order-together"].runs:
        assert {frozenset(task) for task in run.settings.tasks} == look_alike


# ---------------------------------------------------------------- what does not fit the data


def own(tmp_path, classes, **more):
    y = np.repeat(np.arange(4), 3)
    x = np.zeros((12, 5), np.float32)
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    source = str(tmp_path / "mine.npz")
    return {"name": "npz", "reader": "npz", "source": source, "tasks": 2, "classes": classes, **more}


def test_the_number_of_classes_comes_from_the_users_file(tmp_path):
    plan = plan_with({"dataset": own(tmp_path, None)}, grids={"g": PLAIN})
    assert plan.to_dict()["dataset"]["classes"] == 4
    assert plan.to_dict()["dataset"]["source_name"] == "mine.npz"
    assert {run.settings.image_values for run in plan.runs} == {5}  # the input's own
    assert plan.to_dict()["dataset"]["image_values"] == 5
    plan = plan_with({"dataset": own(tmp_path, 4, image_values=3072)}, grids={"g": PLAIN})
    assert {run.settings.image_values for run in plan.runs} == {3072}


def test_a_wrong_number_of_classes_is_named(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.classes is 10, but .*mine\.npz has 4"):
        plan_with({"dataset": own(tmp_path, 10)}, grids={"g": PLAIN})


def test_a_study_for_another_data_set_is_refused_in_one_sentence():
    told = r"study=laptop has sizes for cifar100, and dataset\.name is digits: compose with dataset=cifar100"
    with pytest.raises(UserError, match=told):
        plan_with({"study.dataset": "cifar100", "study.name": "laptop"})
    assert plan_with({"study.dataset": "digits"}).runs


@pytest.mark.parametrize("name", ["runs", "focus", "timings", "a/b", "..", "", "a b", "x" * 200])
def test_a_study_cannot_take_a_folder_that_is_not_its_own(name):
    with pytest.raises(UserError, match=r"^params\.yaml: study: name is"):
        plan_with({"study.name": name})
