"""Which runs a study has, what decides their identity and what does not, and how they are packed."""

import copy
import functools
import json
from pathlib import Path

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


def test_cells_that_studies_share_are_trained_once():
    plan = plan_with(study="default")
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
    """Names show six digits: either the lengths stay apart, or the study is refused."""
    rows = [{"arm": [arm], "training.iterations": [n]} for arm, n in (("rr-ra", 1000000), ("rr", 1000001))]
    try:
        plan = plan_with({"study.treatment": "rr", "focus": "bir-si"}, grids={"g": [*PLAIN, *rows]})
    except UserError:
        return
    for row in plan.grids["g"]:
        if row.baseline:
            same = (plan.cells[name].config["training"]["iterations"] for name in (row.cell, row.baseline))
            assert len(set(same)) == 1, row


def test_all_arms_side_by_side_have_the_baselines_cell_to_compare_with():
    plan = plan_with(study="methods")
    others = ["none", "joint", "er", "ewc", "si", "dgr", "slda", "gaussians", "generative", "bir"]
    others += ["rr", "ra", "rr-ra"]
    assert baselines(plan, "methods") == {"bir-si": None, **dict.fromkeys(others, "bir-si")}


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"arm": ["rr-ra"], "method.f": ["none"]}, ["rr-ra-f-none"]),
        ({"arm": ["rr-ra"], "method.f": [20]}, ["rr-ra"]),
        ({"arm": ["rr-ra"], "method.f": [2.5]}, ["rr-ra-f2.5"]),
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
        ({"arm": ["zz"]}, r"study\.grids\.g: arm is 'zz', which is no arm: choose one of none, joint"),
        ({"method.f": [5]}, r"study\.grids\.g: every row needs the key arm"),
        ({"arm": ["rr-ra"], "method.g": [5]}, r"study\.grids\.g: method\.g is no setting of the arm rr-ra"),
        ({"arm": ["er"], "method.f": [5]}, r"study\.grids\.g: method\.f is no setting of the arm er"),
        ({"arm": ["bir"], "method.si.strength": [5]}, r"method\.si\.strength is no setting of the arm bir"),
        ({"arm": ["er"], "study.seeds": [5]}, r"study\.seeds is no setting of the arm er"),
        ({"arm": ["er"], "training.iterations": []}, r"study\.grids\.g has an empty list"),
        ({"arm": ["rr-ra"], "method.f": [0.5]}, r"study\.grids\.g: method: f is 0\.5"),
        ({"arm": ["er"], "training.iterations": [0]}, r"study\.grids\.g: training: iterations must be at least 1"),
        ({"arm": ["er"], "model.units": ["many"]}, r"study\.grids\.g: model\.units is 'many'"),
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
    with pytest.raises(UserError, match=r"focus is 'er', which is no cell of this study: choose one of bir-si, rr-ra$"):
        plan_with({"focus": "er"}, grids={"g": PLAIN})


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"dataset\.source: there is no file nowhere\.npz"):
        plan_with({"dataset": {"name": "own", "reader": "npz", "source": "nowhere.npz", "tasks": 2}})


@pytest.mark.parametrize("name", ["accuracy_matrix", "architecture", "a/b", ""])
def test_a_grid_cannot_take_the_place_of_another_output(name):
    """A grid makes results/figures/NAME.png, where other things lie too."""
    with pytest.raises(UserError, match="grids"):
        plan_with(grids={name: PLAIN})


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
        {"dataset.name": "mine"},
        {"dataset.mirrors": ["https://elsewhere.example/"]},
        {"dataset.superclasses": [[0, 1], [2, 3]]},
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
    {"dataset.tasks": [4, 6]},
    {"dataset.class_order": [*range(10)]},
    {"dataset.reader": "idx"},
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
    monkeypatch.setattr("exaggerated_replay.plan.method_digest", lambda method: f"other {method}")
    assert set(identity()).isdisjoint(before)


def test_own_data_are_known_by_their_content_and_not_by_their_place(tmp_path):
    def written(name, value):
        np.savez(tmp_path / name, x_train=np.full((4, 3), value), y_train=np.arange(4), y_test=np.arange(4))
        dataset = {"name": "own", "reader": "npz", "source": str(tmp_path / name), "tasks": 2}
        plan = plan_with({"dataset": dataset}, grids={"g": PLAIN})
        assert name not in json.dumps(plan.to_dict())
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
    plan = plan_with({"compute.runs_per_job": 10}, study="default")
    assert len(plan.runs) == 20
    lengths = [sum(run.settings.training.iterations for run in pack) for pack in plan.packs.values()]
    assert len(lengths) == 2
    assert max(lengths) - min(lengths) <= max(run.settings.training.iterations for run in plan.runs)


# ---------------------------------------------------------------- figures


def test_each_grid_has_its_figure_and_what_no_run_can_show_is_left_out():
    assert plan_with(study="default").figures == {
        "accuracy_matrix": ("accuracy_matrix", None),
        "architecture": ("architecture", None),
        "competing_classes": ("competing_classes", None),
        "table1": ("comparison", "table1"),
        "convergence": ("convergence", "convergence"),
    }
    plain = {"study.baseline": "none", "study.treatment": "er", "focus": "er"}
    assert plan_with(plain, grids={"g": [{"arm": ["none", "er"]}]}).figures == {
        "accuracy_matrix": ("accuracy_matrix", None),
        "g": ("comparison", "g"),
    }


# ---------------------------------------------------------------- the file


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
    assert fingerprint.code_digest.cache_info().misses == 12  # of eleven methods and the reader
    modules = [path for part in fingerprint.COMPUTING for path in (fingerprint.ROOT / part).glob("*.py")]
    assert 12 < fingerprint.own_code.cache_info().misses <= len(modules)


def test_a_number_written_as_text_is_the_number():
    """YAML reads 1e-6, without a point, as text."""
    plan = plan_with(grids={"g": [{"arm": ["rr-ra"], "method.lambda_rr": ["1e-6", "1e-3"]}]})
    assert [row.cell for row in plan.grids["g"]] == ["rr-ra", "rr-ra-lambda_rr0.001"]


def test_a_grid_without_rows_is_refused():
    with pytest.raises(UserError, match=r"study\.grids\.g has an empty list"):
        plan_with(grids={"g": []})
