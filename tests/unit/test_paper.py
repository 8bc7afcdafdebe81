"""What the paper claims, and of which comparisons."""

import math

import pytest
from studies import planned

from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.paper import published
from exaggerated_replay.settings.rules import RulesSettings

SI = {"strength": 1e8, "damping": 0.1}


def test_the_factors_are_those_of_the_published_table():
    assert tuple(published().index.unique("f")) == paper.FACTORS


def test_the_margins_are_a_quarter_of_the_mean_claims():
    """Means of five gains, from the table as printed: 24.25, 20.48 and 6.52 over 5; a quarter, to the digits given."""
    margins = RulesSettings().margins
    assert [margins.first20, margins.first50, margins.overall] == [
        pytest.approx(total / 20, abs=0.03) for total in (24.25, 20.48, 6.52)
    ]
    assert all(margins.of(metric) < gain / 2 for (_, metric), gain in published()["absolute"].items())


def test_one_row_makes_no_table():
    acting = {"lambda_rr": 1e-6, "lambda_ra": 1e-6, "si": SI}
    cells = {"base": {"si": SI}, "f5": {**acting, "f": 5}, "f10": {**acting, "f": 10}}
    plan = {
        "training": {"iterations": 500},
        "cells": {cell: {"config": {"method": method}} for cell, method in cells.items()},
        "grids": {"g": [{"cell": cell, "baseline": None if cell == "base" else "base"} for cell in cells]},
        "order": ["g"],
    }
    assert paper.table1_grid(planned(plan)) == "g"
    plan["grids"]["g"].pop()
    assert paper.table1_grid(planned(plan)) is None


def test_rows_of_other_lengths_readings_or_baselines_are_no_rows_of_the_table():
    """Their spread is that of what they vary, and not that between runs of one seed."""
    acting = {"lambda_rr": 1e-6, "lambda_ra": 1e-6}
    methods = {
        "base": {},
        "long": {},
        "f5": {**acting, "f": 5},
        "f5-read-otherwise": {**acting, "f": 5, "reading": {"distance": "squared"}},
        "f20": {**acting, "f": 20},
        "f20-long": {**acting, "f": 20},
        "base-light": {"lambda_rec": 0.01},
        "f10-light": {**acting, "f": 10, "lambda_rec": 0.01},
        "f-none": {**acting, "f": "none"},
    }
    against = {
        "convergence": {"base": None, "long": None, "f20": "base", "f20-long": "long"},
        "f_against_none": {"f5": "f-none", "f20": "f-none"},
        "readings": {"base": None, "f5": "base", "f5-read-otherwise": "base", "f-none": "base"},
        "table1": {"base": None, "f5": "base", "f5-read-otherwise": "base", "f20": "base", "f20-long": "long"}
        | {"base-light": None, "f10-light": "base-light"},
        "ratio": {"base": None, "base-light": None, "f5": "base", "f10-light": "base-light"},
    }
    plan = {
        "dataset": {"name": "cifar100"},
        "cells": {cell: {"config": {"method": {"si": SI, **method}}} for cell, method in methods.items()},
        "grids": {
            grid: [{"cell": cell, "baseline": baseline} for cell, baseline in rows.items()]
            for grid, rows in against.items()
        },
        "order": [*against],
    }
    plan = planned(plan)
    assert paper.table1_grid(plan) == "table1"
    assert paper.rows_of_table1(plan, "table1") == ["base", "f5", "f20"]
    assert paper.rows_of_table1(plan, "f_against_none") == []
    assert paper.rows_of_table1(plan, "ratio") == ["base", "f5"]


def claimed(treatment, baseline, *, dataset="cifar100", iterations=500):
    """What the paper claims on the first 20 % of classes for a cell of a study with 500 iterations per task."""
    cells = {"treated": (treatment, iterations), "base": (baseline, 500)}
    plan = {
        "dataset": {"name": dataset},
        "training": {"iterations": 500},
        "cells": {
            cell: {"config": {"method": method, "training": {"iterations": length}}}
            for cell, (method, length) in cells.items()
        },
    }
    return paper.published_gain(planned(plan), "treated", "base", "first20")[0]


def test_the_claim_is_about_the_papers_data_and_the_studys_own_length():
    base = {"si": SI, "lambda_rec": 1.0}
    treated = {**base, "lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 10}
    assert claimed(treated, base) == 5.8
    assert math.isnan(claimed(treated, base, iterations=200))
    assert math.isnan(claimed(treated, base, dataset="digits"))


def test_the_table_speaks_of_reconstruction_at_weight_one():
    """What it claims at f = 10 is claimed of no other ratio of the weights."""
    base = {"si": SI, "lambda_rec": 1.0}
    treated = {**base, "lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 10}
    light = {"si": SI, "lambda_rec": 0.01}
    assert claimed(treated, base) == 5.8
    assert math.isnan(claimed(treated | light, light))
    assert math.isnan(claimed(treated, light))


@pytest.mark.parametrize(
    ("treatment", "baseline"),
    [
        ({}, {"si": None}),  # BI-R alone, against which Table 1 has no row
        ({}, {"si": {"strength": 3e8}}),
        ({}, {"gate_proportion": 0.7}),
        ({"reading": {"competitors": "random"}}, {}),  # controls exaggerate nothing
        ({"reading": {"class_means": "shuffled"}}, {}),
        ({"reading": {"attraction_target": "random"}}, {}),
        ({"lambda_rr": 0.0}, {}),
        ({"f": "none"}, {}),
    ],
)
def test_the_table_speaks_of_one_baseline_and_of_no_control(treatment, baseline):
    base = {"method": "bir", "si": SI, "gate_proportion": 0.6}
    treated = {**base, "method": "exaggeration", "lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 10, "reading": {}}
    assert claimed(treated, base) == 5.8
    assert math.isnan(claimed(treated | treatment, base | baseline))
    assert math.isnan(claimed(treated, {"method": "none"}))


@pytest.mark.parametrize(
    ("dataset", "method", "speaks"),
    [
        ("cifar100", {"lambda_rr": 1e-6, "lambda_ra": 0}, True),
        ("cifar100", {"lambda_rr": 0, "lambda_ra": 0}, False),  # a control
        ("cifar100", {"si": SI}, False),
        ("digits", {"lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 10}, False),
    ],
)
def test_the_paper_speaks_of_exaggeration_on_its_own_data_alone(dataset, method, speaks):
    plan = planned({"dataset": {"name": dataset}, "cells": {"a": {"config": {"method": method}}}})
    assert paper.speaks_of(plan) is speaks
