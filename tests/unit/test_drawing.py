"""How a grid is drawn is settled before anything is trained: whatever is planned can be drawn, the rest is refused."""

from importlib import import_module

import numpy as np
import pytest
from plans import plan_with
from studies import made

from exaggerated_replay.analysis.study.outputs import figures_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.questions import question_of


def planned(rows, kind=None, **changes):
    """A plan with one grid, `g`, drawn as it says or as this kind; its first cell is in focus."""
    figures = {"g": kind} if kind else {}
    both = {**changes, "study.figures": figures}
    (first,) = plan_with({**both, "focus": "none"}, grids={"g": rows, "rest": [{"arm": ["none"]}]}).grids["g"][:1]
    return plan_with({**both, "focus": first.cell}, grids={"g": rows})


def kind_in(plan):
    return figures_of(plan)["g"][0].name


def drawn(plan):
    """The figure of the grid, from records made up."""
    draw = np.random.default_rng(0)
    records = {}
    for run in plan.runs:
        tasks, classes = run.settings.tasks, len(run.settings.class_order)
        correct = [[int(n) for n in draw.integers(1, 9, classes)] for _ in tasks]
        counts = {"correct": correct, "tested": [10] * classes, "predicted": [10] * classes}
        problem = {"inputs": 64, "classes": classes, "bounded": True}
        records[run.name] = {"settings": {"tasks": tasks}, "counts": counts, "problem": problem}
    figure = import_module(f"exaggerated_replay.figures.{kind_in(plan)}").draw(made(plan, records=records), "g")
    figure.draw_without_rendering()
    return figure


STRENGTHS, FACTORS = {"method.si.strength": [10, 1000]}, {"method.f": [5, 20]}
BASELINE = [{"arm": ["bir-si"]}]


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (["training.iterations"], "convergence"),
        (["method.lambda_ra"], "dose"),
        (["method.lambda_rr", "method.lambda_ra"], "dose"),
        (["method.si.strength"], "frontier"),
        (["model.units"], "scale"),
        (["training.replay_batch"], "scale"),
        (["method.reading.repulsion", "method.f"], "specification"),
        (["method.f"], "comparison"),
        (["method.lambda_rec"], "comparison"),  # of what does not exaggerate
        (["method.lambda_rr", "method.f"], "comparison"),
        ([], "comparison"),
    ],
)
def test_a_grid_is_drawn_by_what_it_varies(keys, kind):
    rows = [
        {"cell": f"c{value}", "settings": dict.fromkeys(keys, value), "baseline": "b" if value else None}
        for value in range(4)
    ]
    cells = {}
    for row in rows:
        value = row["settings"].get(keys[0]) if keys else None
        acting = {key: 1.0 for key in ("lambda_rr", "lambda_ra") if f"method.{key}" in keys}
        sized = {"units": value, "replay_batch": value, "iterations": value}
        cells[row["cell"]] = {
            "config": {"model": sized, "training": sized, "method": {"si": {"strength": value}, **acting}}
        }
    assert question_of(made({"cells": cells, "grids": {"g": rows}}).plan, "g").name == kind


def test_one_length_alone_is_no_convergence():
    rows = [{"cell": cell, "settings": {"training.iterations": 50}, "baseline": "a"} for cell in ("a", "b")]
    cells = {row["cell"]: {"config": {"training": {"iterations": 50}}} for row in rows}
    assert question_of(made({"cells": cells, "grids": {"g": rows}}).plan, "g").name == "comparison"


@pytest.mark.parametrize(
    ("rows", "asked", "kind"),
    [
        (BASELINE, "convergence", "convergence"),
        ([{"arm": ["bir-si"], **STRENGTHS}], "frontier", "frontier"),
        ([{"arm": ["bir-si", "rr-ra"], **STRENGTHS}], None, "frontier"),
        ([{"arm": ["bir-si", "rr-ra"], **STRENGTHS}, {"arm": ["none"]}], None, "comparison"),
        ([{"arm": ["rr-ra"], **STRENGTHS}], None, "comparison"),
        ([{"arm": ["rr-ra"], "model.units": [10]}], None, "comparison"),
        ([{"arm": ["rr-ra"], "model.units": ["x1"]}, {"arm": ["ra"]}], None, "comparison"),
        ([{"arm": ["rr-ra"], "model.units": [10, 20]}], None, "scale"),
        ([{"arm": ["rr-ra"], "training.iterations": [10, 20], **FACTORS}], "scale", "scale"),
        ([{"arm": ["rr-ra"], "method.reading.confidence": ["label"]}], None, "comparison"),
        ([{"arm": ["rr-ra"], "method.reading.confidence": ["label", "entropy"]}], None, "specification"),
        ([{"arm": ["rr-ra"], **FACTORS}], "specification", "specification"),
        ([{"arm": ["none", "er"]}], "dose", "dose"),
    ],
)
def test_what_is_planned_can_be_drawn(rows, asked, kind):
    plan = planned(rows, asked)
    assert kind_in(plan) == kind
    assert drawn(plan).axes


@pytest.mark.parametrize(
    ("rows", "asked", "told"),
    [
        (BASELINE, None, r"study\.grids\.g compares nothing: add another arm"),
        ([{"arm": ["bir-si"], "training.iterations": [10, 20]}], None, "set study.figures.g to convergence"),
        (BASELINE, "comparison", r"study\.grids\.g compares nothing"),
        (BASELINE, "dose", r"study\.grids\.g compares nothing"),
        (BASELINE, "specification", r"study\.grids\.g compares nothing"),
        (BASELINE, "scale", r"study\.grids\.g compares nothing"),
        (BASELINE, "frontier", r"study\.grids\.g does not vary method\.si\.strength"),
        (
            [{"arm": ["rr-ra"], **FACTORS}],
            "frontier",
            r"study\.figures\.g is frontier, but .* does not vary",
        ),
        (
            [{"arm": ["bir-si", "rr-ra"], **STRENGTHS}, {"arm": ["er"]}],
            "frontier",
            r"but er in .* has no method\.si",
        ),
        ([{"arm": ["rr-ra"], **STRENGTHS}], "frontier", r"but study\.grids\.g has no row of the baseline"),
        ([{"arm": ["rr-ra"], **FACTORS}], "scale", r"study\.figures\.g is scale, but .* over none of model\.units"),
        ([{"arm": ["rr-ra"], "model.units": [10]}], "scale", "over none of"),
        ([{"arm": ["rr-ra"], "model.units": [10, 20], "training.batch": [5, 6]}], "scale", "over 2 of model.units"),
        ([{"arm": ["rr-ra"], "method.si.strength": [0, 1, 10]}], "scale", r"has no method\.si\.strength above zero"),
        (
            [{"arm": ["rr-ra"], **STRENGTHS}, {"arm": ["er"]}],
            "scale",
            r"but er in .* has no method\.si\.strength above",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_trained(rows, asked, told):
    with pytest.raises(UserError, match=told) as error:
        planned(rows, asked)
    assert str(error.value).startswith("params.yaml: study.")


def test_a_question_that_nobody_knows_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match=r"study\.figures\.g is 'pie', which is not a kind of figure: choose"):
        planned([{"arm": ["rr-ra"]}], "pie")


def test_dollars_in_names_are_no_formula():
    plan = planned([{"arm": ["bir-si", "a$x_$b"]}], **{"arms.a$x_$b": {"method": "none"}})
    figure = drawn(plan)
    assert r"a\$x_\$b" in [label.get_text() for label in figure.axes[0].get_yticklabels()]
