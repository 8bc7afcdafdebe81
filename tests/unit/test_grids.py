"""What a grid may ask for, x2 for twice a value among other things; what cannot be is refused and named."""

import re

import pytest
from plans import PLAIN, baselines, plan_with

from exaggerated_replay.errors import UserError

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
        ("method.nothing", "x2", "method.nothing is not a setting of the arm bir-si"),
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


def test_a_number_written_as_text_is_not_a_number():
    with pytest.raises(UserError, match=r"method\.lambda_rr is '1e-6': it must be a number"):
        plan_with(grids={"g": [{"arm": ["rr-ra"], "method.lambda_rr": ["1e-6"]}]})


def test_a_grid_without_rows_is_refused():
    with pytest.raises(UserError, match=r"study\.grids\.g has no rows"):
        plan_with(grids={"g": []})


def test_a_focus_that_is_no_cell_is_refused_and_the_cells_are_named():
    with pytest.raises(
        UserError, match=r"focus is 'er', which is not a cell of this study: choose one of bir-si, rr-ra"
    ):
        plan_with({"focus": "er"}, grids={"g": PLAIN})


@pytest.mark.parametrize(
    "name", ["accuracy_matrix", "architecture", "forgetting-narrow", "dose-narrow", "a/b", "", "x" * 51]
)
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
