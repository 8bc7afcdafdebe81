import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from studies import made, planned

from exaggerated_replay.analysis.questions import odds as table1_odds
from exaggerated_replay.analysis.questions.odds import Spreads, measure, odds
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.paper import published
from exaggerated_replay.errors import UserError

GAINS = [3.8, 5.8, 4.8, 4.9, 4.95]  # Table 1, first 20 %
DRAWS = 50_000
SI = {"strength": 1e8, "damping": 0.1}


def close(share, expected):
    """Within four standard errors of a simulation of that many draws."""
    return abs(share - expected) <= 4 * (expected * (1 - expected) / DRAWS) ** 0.5 + 1e-12


def shared_and_own(design, between, within, runs):
    """Variances of what all gains have in common and of what each has to itself, from the model on paper."""
    seed, run = between**2 / runs, within**2 / runs
    return {
        "paired": (run, run),  # the baseline's own part is in every gain; the seeds cancel
        "baseline apart": (run + 2 * seed, run),  # the rows' seeds and the baseline's are in every gain
        "independent": (run + seed, run + seed),
    }[design]


@pytest.mark.parametrize("design", table1_odds.DESIGNS)
@pytest.mark.parametrize(("between", "within"), [(5.5, 2.0), (1.0, 4.0)])
def test_the_simulated_chances_are_those_of_the_closed_forms(design, between, within):
    found = odds(GAINS, Spreads(between, within), draws=DRAWS).loc[design]
    shared, own = shared_and_own(design, between, within, 5)
    # Rows are alike: their variance over its expectation, times 4, is chi-squared with 4 degrees of freedom.
    assert close(found["as_alike"], stats.chi2.cdf(4 * np.var(GAINS, ddof=1) / own, 4))
    # Rows are large: given what they share, they are independent.
    as_large, _ = integrate.quad(
        lambda common: stats.norm.pdf(common, 0, shared**0.5) * stats.norm.sf(3.8 - common, 0, own**0.5) ** 5,
        -8 * shared**0.5,
        8 * shared**0.5,
    )
    assert close(found["as_large"], as_large)
    assert found["both"] <= min(found["as_large"], found["as_alike"])


def test_the_fit_is_the_ratio_of_densities_of_the_rows():
    """Mean and spread are sufficient: the ratio is that of the joint normal densities of the five rows."""
    fits = odds(GAINS, Spreads(5.5, 2.0), draws=10)["fit"]
    density = {}
    for design in table1_odds.DESIGNS:
        shared, own = shared_and_own(design, 5.5, 2.0, 5)
        density[design] = stats.multivariate_normal.logpdf(GAINS, np.zeros(5), own * np.eye(5) + shared)
    best = max(density.values())
    for design, value in density.items():
        assert fits[design] == pytest.approx(math.exp(value - best))
    assert fits.idxmax() == "baseline apart"


def test_without_any_spread_there_is_nothing_to_fit():
    found = odds(GAINS, Spreads(0.0, 0.0), draws=10)
    assert (found["both"] == 0).all()
    assert found["fit"].isna().all()


def test_the_same_odds_come_out_twice():
    assert odds(GAINS, Spreads(3, 2), draws=1000).equals(odds(GAINS, Spreads(3, 2), draws=1000))


def test_spreads_by_hand():
    """Means of seeds vary by 2; residuals of +-0.5 have one degree of freedom: within 1, between^2 = 2 - 1/2."""
    found = measure(pd.DataFrame({"a": [10.0, 13.0], "b": [11.0, 12.0]}))
    assert found.within == pytest.approx(1.0)
    assert found.between == pytest.approx(1.5**0.5)
    assert measure(pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0]})).between == 0


def test_spreads_are_recovered_from_simulated_runs():
    rng = np.random.default_rng(5)
    accuracy = 30 + rng.normal(0, 4, (5000, 1)) + rng.normal(0, 1.5, (5000, 6)) + np.arange(6)
    found = measure(pd.DataFrame(accuracy))
    assert found.between == pytest.approx(4, rel=0.05)
    assert found.within == pytest.approx(1.5, rel=0.05)


def study(factors=(5, 10), seeds=3):
    exaggerating = {"si": SI, "lambda_rr": 1e-6, "lambda_ra": 1e-6}
    methods = {"base": {"si": SI}} | {f"f{f}": {**exaggerating, "f": f} for f in factors}
    methods["other"] = {"si": SI, "lambda_rr": 1.0, "lambda_ra": 1e-6, "f": 5}
    rng = np.random.default_rng(1)
    rows = [
        {"digest": f"{cell}-{seed}", "cell": cell, "seed": seed, "device": "cpu"}
        | dict.fromkeys(("first20", "first50", "overall"), 30 + 5 * seed + rng.normal())
        for cell in methods
        for seed in range(seeds)
    ]
    cells = {
        cell: {"config": {"method": method}, "runs": [{"seed": s, "digest": f"{cell}-{s}"} for s in range(seeds)]}
        for cell, method in methods.items()
    }
    grid = [{"cell": cell, "baseline": None if cell == "base" else "base"} for cell in methods]
    return {
        "dataset": {"name": "cifar100"},
        "grids": {"table1": grid},
        "order": ["table1"],
        "cells": cells,
    }, pd.DataFrame(rows)


def test_spreads_come_from_the_rows_of_the_table_and_their_baseline():
    plan, runs = study()
    found = table1_odds.table1_odds(made(plan, runs), "table1")
    assert len(found) == 9
    pivot = runs[runs["cell"] != "other"].pivot(index="seed", columns="cell", values="first20")
    expected = measure(pivot)
    assert found["between"].to_numpy() == pytest.approx(expected.between)
    assert found["within"].to_numpy() == pytest.approx(expected.within)
    assert (found["seeds"] == 3).all()
    runs.loc[runs["digest"] == "f5-1", "overall"] = math.nan  # diverged
    assert (table1_odds.table1_odds(made(plan, runs), "table1")["seeds"] == 2).all()


def test_one_seed_tells_nothing():
    found = table1_odds.table1_odds(made(*study(seeds=1)), "table1")
    assert found[["between", "within", "both", "fit"]].isna().all(axis=None)


def test_the_factors_are_those_of_the_published_table():
    assert tuple(published().index.unique("f")) == paper.FACTORS


def test_which_grids_can_tell():
    plan, runs = study()
    assert paper.table1_grid(planned(plan)) == "table1"
    assert paper.odds_grid(planned(plan)) == "table1"
    digits = {**plan, "dataset": {"name": "digits"}}
    assert (paper.table1_grid(planned(digits)), paper.odds_grid(planned(digits))) == ("table1", None)
    alone, runs = study(factors=(5,))
    assert paper.table1_grid(planned(alone)) is None
    with pytest.raises(UserError, match="fewer than two rows of Table 1"):
        table1_odds.table1_odds(made(alone, runs), "table1")


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
    assert paper.table1_grid(planned(plan)) == "table1"
    assert paper.rows_of_table1(planned(plan), "table1") == ["base", "f5", "f20"]
    assert paper.rows_of_table1(planned(plan), "f_against_none") == []
    assert paper.rows_of_table1(planned(plan), "ratio") == ["base", "f5"]


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
    return paper.claimed_gain(planned(plan), "treated", "base", "first20")


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
