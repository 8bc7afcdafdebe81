"""Which cells the grids of a study make, what each is called, and what it is compared with."""

import re
from pathlib import Path

import pytest
from plans import PLAIN, baselines, both, composed, digests, plan_with

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import Cell


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


def test_a_cell_without_some_settings_has_all_others_by_dotted_key():
    config = {"model": {"units": 5, "latent": 2}, "method": {"method": "bir", "si": {"strength": 1.0}}, "methodical": 3}
    cell = Cell("c", "bir-si", config, ())
    assert cell.without("method", "model.units") == {"model.latent": 2, "methodical": 3}
    assert cell.without("method.si", "nothing") == {
        "model.units": 5,
        "model.latent": 2,
        "method.method": "bir",
        "methodical": 3,
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


def test_a_grid_cannot_take_a_reading_away():
    with pytest.raises(UserError, match=r"grids\.g\S*: method\.reading is null: leave it out"):
        plan_with(grids={"g": [{"arm": ["rr-ra"], "method.reading": [None]}]})


def test_an_arms_own_reading_holds_whatever_that_of_the_others():
    changes = {"reading.attraction": "gated", "arms.rr-ra.reading": {"class_means": "stored"}}
    plan = plan_with(changes, grids={"g": [{"arm": ["rr-ra", "ra"]}]})
    own, other = (plan.cells[name].runs[0].settings.method.reading for name in ("rr-ra", "ra"))
    assert (own.class_means, own.attraction) == ("stored", "every")
    assert (other.class_means, other.attraction) == ("batch", "gated")


def test_a_grid_may_vary_the_order_of_classes():
    rows = [{"arm": ["bir-si", "rr-ra"], "dataset.class_order": [None, "together"]}]
    plan = plan_with(grids={"g": rows})
    assert baselines(plan, "g")["rr-ra-class_order-together"] == "bir-si-class_order-together"
    look_alike = {frozenset(pair) for pair in composed("table1")["dataset"]["superclasses"]}
    for run in plan.cells["rr-ra-class_order-together"].runs:
        assert {frozenset(task) for task in run.settings.tasks} == look_alike


def test_a_grid_may_vary_the_precision_of_products():
    rows = [
        {"arm": ["bir-si"], "compute.precision": ["bf16"], "against": {"compute.precision": "fp32"}},
        {"arm": ["rr-ra"], "compute.precision": ["bf16"], "against": {"arm": "rr-ra", "compute.precision": "fp32"}},
        {"arm": ["ra"], "compute.precision": ["bf16"]},
    ]
    plan = plan_with(grids={"g": rows})
    assert baselines(plan, "g") == {
        "bir-si-precision-bf16": "bir-si",
        "rr-ra-precision-bf16": "rr-ra",
        "ra-precision-bf16": "bir-si-precision-bf16",
    }
    for cell in plan.cells.values():
        asked = "bf16" if cell.name.endswith("bf16") else "fp32"
        assert {run.settings.precision for run in cell.runs} == {asked}
    alone = plan_with({"compute.precision": "bf16", "focus": "ra"}, grids={"g": [{"arm": ["ra"]}]})
    assert alone.cells["ra"].runs == plan.cells["ra-precision-bf16"].runs


@pytest.mark.parametrize("setting", ["compute.threads", "compute.device"])
def test_a_grid_varies_nothing_else_of_where_it_is_computed(setting):
    with pytest.raises(UserError, match=f"{setting} is not a setting of the arm ra"):
        plan_with(grids={"g": [{"arm": ["ra"], setting: [2]}]})


# ---------------------------------------------------------------- what a row is compared with


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


def test_a_word_may_stand_for_all_settings_of_a_row_in_the_names_of_its_cells():
    row = {"arm": ["bir-si", "rr-ra"], "as": "tiny", "model.units": [9], "training.iterations": ["x0.5"]}
    plan = plan_with({"focus": "rr-ra-tiny"}, grids={"g": [row], "p": PLAIN})
    assert baselines(plan, "g") == {"bir-si-tiny": None, "rr-ra-tiny": "bir-si-tiny"}
    for name in ("bir-si-tiny", "rr-ra-tiny"):
        assert plan.cells[name].config["model"]["units"] == 9
        assert plan.cells[name].config["training"]["iterations"] == 20
    told = {key: values for key, values in row.items() if key != "as"}
    assert digests(plan, "rr-ra-tiny") == digests(
        plan_with({"focus": "bir-si"}, grids={"g": [told], "p": PLAIN}), "rr-ra-units9-iterations20"
    )


def test_what_a_named_row_is_compared_with_has_its_own_settings_in_its_name():
    row = {"arm": ["rr-ra"], "as": "tiny", "model.units": [9], "against": {"arm": "rr-ra", "method.f": "none"}}
    plan = plan_with({"focus": "rr-ra-tiny"}, grids={"g": [row]})
    assert baselines(plan, "g") == {"rr-ra-tiny": "rr-ra-tiny-f-none"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"as": "two words"}, "g.0.as is 'two words': choose a word of at most 50 letters, digits and dashes"),
        ({"as": 3}, "g.0.as is 3: choose a word"),
        ({"as": ["a"]}, "g.0.as is ['a']: choose a word"),
        ({"as": "tiny", "model.units": [8, 9]}, "g: two different cells would be called rr-ra-tiny"),
    ],
)
def test_a_word_that_cannot_name_cells_is_told(row, told):
    with pytest.raises(UserError, match=re.escape(f"params.yaml: study.grids.{told}")):
        plan_with(grids={"g": [{"arm": ["rr-ra"], **row}]})


def test_a_cell_is_not_compared_with_two_others_in_one_table():
    rows = [{"arm": ["rr-ra"]}, {"arm": ["rr-ra"], "against": {"arm": "ra"}}]
    with pytest.raises(UserError, match=r"g compares rr-ra with bir-si and with ra: put one of the two into a grid"):
        plan_with(grids={"g": rows})
