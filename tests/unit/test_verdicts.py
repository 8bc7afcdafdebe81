"""Verdicts from the runs of made-up studies: the right numbers in the right columns, and said in words."""

import math

import numpy as np
import pandas as pd
import pytest
from studies import made, planned

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.tables import computed_csv
from exaggerated_replay.analysis.verdicts.families import Family, families, family_of
from exaggerated_replay.analysis.verdicts.sentences import beside, interval_of, sentence
from exaggerated_replay.analysis.verdicts.table import each_once, judge, verdicts
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.rules import MarginSettings

SI = {"strength": 1e8, "damping": 0.1}
EXAGGERATING = {"si": SI, "lambda_rr": 1e-6, "lambda_ra": 1e-6}
BASE = {"method": "bir", "si": SI}


def cell(method, seeds, **training):
    size = {"iterations": 400, "batch": 128, "replay_batch": 256} | training
    return {
        "arm": "bir-si" if method is BASE else "rr-ra",
        "config": {"model": {"units": 300}, "training": size, "method": method},
    }


def study(gains, *, dataset="cifar100", methods=None, base=None, **training):
    """A plan and runs in which cell NAME gains gains[NAME] over the baseline, by metric or in all of them, by seed."""
    seeds = len(next(iter(gains.values())))
    base = 30 + 3.0 * np.arange(seeds) if base is None else base
    cells = {"base": cell(BASE, seeds)}
    rows = [("base", seed, value) for seed, value in enumerate(base)]
    for name, gain in gains.items():
        method = (methods or {}).get(name, {**EXAGGERATING, "f": 20})
        cells[name] = cell(method, seeds, **training)
        rows += [(name, seed, value) for seed, value in enumerate(base + np.asarray(gain, dtype=float))]
    runs = pd.DataFrame(
        [{"digest": f"{c}-{s}", "cell": c, "seed": s, "device": "cpu"} | dict.fromkeys(METRICS, v) for c, s, v in rows]
    )
    for name, described in cells.items():
        described["runs"] = [{"seed": seed, "digest": f"{name}-{seed}"} for seed in range(seeds)]
    grid = [{"cell": name, "baseline": None if name == "base" else "base", "settings": {}} for name in cells]
    plan = {"grids": {"table1": grid}, "order": ["table1"], "cells": cells}
    return plan | {"dataset": {"name": dataset}, "training": {"iterations": 400}}, runs


METRICS = ("first20", "first50", "overall")
NOISE = np.array([0.4, -0.3, 0.9, -1.1, 0.2, 0.6, -0.8, 0.3, -0.5, 0.1, 0.5, -0.3])


def row(table, metric="first20", **which):
    found = table[table["metric"] == metric]
    for column, value in which.items():
        found = found[found[column] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_a_row_holds_the_evidence_of_its_own_differences():
    gain = 4.7 + NOISE
    found = row(verdicts(made(*study({"treated": gain}))))
    assert (found["grid"], found["cell"], found["baseline"]) == ("table1", "treated", "base")
    assert (found["seeds"], found["left_out"]) == (12, 0)
    t = estimate(gain)
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((t.mean, t.low, t.high))
    assert (found["family"], found["comparisons"]) == ("table1", 3)
    assert (found["valid_low"], found["valid_high"]) == pytest.approx(anytime.interval(gain, 1.0, 0.05 / 3))
    assert (found["claim"], found["verdict"], found["more_seeds"]) == (4.8, "reproduced", 0)


def test_each_metric_has_its_own_claim():
    table = verdicts(made(*study({"treated": 4.7 + NOISE})))
    assert {metric: row(table, metric)["claim"] for metric in METRICS} == {
        "first20": 4.8,
        "first50": 4.86,
        "overall": 1.48,
    }
    assert row(table, "overall")["verdict"] == "larger"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dataset": "digits"}, "other data"),
        ({"methods": {"treated": {**EXAGGERATING, "f": "none"}}}, "no such f"),
        ({"methods": {"treated": {"lambda_rr": 1.0, "lambda_ra": 1e-6, "f": 20}}}, "other weights"),
        ({"methods": {"treated": {"method": "er"}}}, "another method"),
        ({"iterations": 50}, "not the study's full length"),
    ],
)
def test_the_paper_claims_nothing_of(change, why):
    found = row(verdicts(made(*study({"treated": 4.7 + NOISE}, **change))))
    assert math.isnan(found["claim"]), why
    assert found["verdict"] == "helps"


def test_runs_are_joined_by_seed_whatever_their_order():
    plan, runs = study({"treated": 4.7 + NOISE})
    shuffled = runs.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(verdicts(made(plan, runs)), verdicts(made(plan, shuffled)))


def test_pairs_with_a_diverged_run_are_left_out_and_counted():
    plan, runs = study({"treated": 4.7 + NOISE})
    runs.loc[runs["digest"].isin(["treated-3", "base-5"]), list(METRICS)] = math.nan
    found = row(verdicts(made(plan, runs)))
    assert (found["seeds"], found["left_out"]) == (10, 2)
    assert found["difference"] == pytest.approx(4.7 + np.delete(NOISE, [3, 5]).mean())
    assert "Left out because a run diverged: 2 pairs." in sentence(planned(plan), found)


def test_a_cell_of_which_every_run_diverged_is_undecided_and_counts_as_planned():
    plan, runs = study({"treated": 4.7 + NOISE, "wild": 4.7 + NOISE})
    runs.loc[runs["cell"] == "wild", list(METRICS)] = math.nan
    table = verdicts(made(plan, runs))
    wild = row(table, cell="wild")
    assert (wild["seeds"], wild["left_out"], wild["verdict"]) == (0, 12, "undecided")
    assert wild[["difference", "low"]].isna().all()
    assert row(table, cell="treated")["comparisons"] == 6
    assert "Left out because a run diverged: 12 pairs." in sentence(planned(plan), wild)


def test_devices_are_never_mixed():
    plan, runs = study({"treated": 4.7 + NOISE})
    runs.loc[runs["digest"] == "treated-3", "device"] = "cuda"
    with pytest.raises(UserError, match=r"cpu \(as treated, seed 0\) and cuda \(as treated, seed 3\)"):
        verdicts(made(plan, runs))


def test_a_grid_that_compares_nothing_changes_no_digit_of_the_others():
    plan, runs = study({"treated": 4.7 + NOISE / 3})
    beside_it = {**plan, "grids": {"alone": plan["grids"]["table1"][:1], **plan["grids"]}, "order": ["alone", "table1"]}
    assert computed_csv(verdicts(made(beside_it, runs))) == computed_csv(verdicts(made(plan, runs)))
    nothing = {**plan, "grids": {"alone": plan["grids"]["table1"][:1]}, "order": ["alone"]}
    assert computed_csv(verdicts(made(nothing, runs))).count("\n") == 1


def test_equal_at_every_seed():
    plan, runs = study({"treated": np.zeros(6)})
    found = row(verdicts(made(plan, runs)))
    assert found[["low", "high", "valid_low", "valid_high"]].tolist() == [0, 0, 0, 0]
    assert (found["verdict"], beside(found)) == ("negligible", "")
    assert "At every seed, the two were right on as many test images." in sentence(planned(plan), found)


def test_five_seeds_of_three_comparisons_are_one_too_few_however_clear_gains_or_losses_are():
    """6^2 = 36 is less than 3 / 0.05 = 60."""
    for gain in (4.7 + NOISE[:5] / 100, -4.7 + NOISE[:5] / 100, np.zeros(5)):
        plan, runs = study({"treated": gain})
        found = row(verdicts(made(plan, runs)))
        assert (found["verdict"], found["more_seeds"]) == ("undecided", 1)
        said = sentence(planned(plan), found)
        assert "(too few seeds for an interval: it takes 6, 5 seeds): undecided, needing about 1 more seed." in said


def test_what_is_negligible_and_not_zero_is_said_to_be_both():
    plan, runs = study({"treated": 0.4 + NOISE / 5})
    found = row(verdicts(made(plan, runs)))
    assert (found["verdict"], beside(found)) == ("negligible", "not zero")
    assert "negligible, within the margin of 1.2, but not zero." in sentence(planned(plan), found)


def test_the_rules_are_the_plans():
    plan, runs = study({"treated": 0.4 + NOISE / 5})
    strict = {**plan, "rules": {"margins": MarginSettings(first20=0.1), "comparisons": 54}}
    found = row(verdicts(made(strict, runs)))
    assert (found["verdict"], found["comparisons"]) == ("smaller", 54)
    assert (found["valid_low"], found["valid_high"]) == pytest.approx(anytime.interval(0.4 + NOISE / 5, 1.0, 0.05 / 54))


def test_a_comparison_belongs_to_one_family_and_other_grids_quote_its_verdict():
    """Of "first" and "second", which both hold it, it belongs to the one that params.yaml lists first."""
    plan, runs = study({"treated": 4.7 + NOISE, "other": NOISE}, dataset="digits")
    base, treated, other = plan["grids"]["table1"]
    plan["grids"] = {"second": [base, treated, other], "first": [base, treated], "empty": [base]}
    plan["order"] = ["first", "second", "empty"]
    assert families(planned(plan)) == {("treated", "base"): Family("first", 3), ("other", "base"): Family("second", 3)}
    table = verdicts(made(plan, runs))
    assert table["grid"].tolist() == ["second"] * 6 + ["first"] * 3
    own, quoted = (row(table, grid=grid, cell="treated").drop("grid") for grid in ("first", "second"))
    pd.testing.assert_series_equal(own, quoted, check_names=False)
    assert sorted(zip(*(each_once(table)[column] for column in ("grid", "cell")), strict=True)) == [
        *[("first", "treated")] * 3,
        *[("second", "other")] * 3,
    ]


def test_the_papers_table_1_is_the_family_of_its_comparisons_wherever_it_stands():
    methods = {"f5": {**EXAGGERATING, "f": 5}, "f20": {**EXAGGERATING, "f": 20}}
    plan, _ = study({"f5": NOISE, "f20": NOISE}, methods=methods)
    base, f5, f20 = plan["grids"]["table1"]
    plan |= {"grids": {"lines": [base, f20], "table1": [base, f5, f20]}, "order": ["lines", "table1"]}
    assert set(families(planned(plan)).values()) == {Family("table1", 6)}


def test_any_two_cells_can_be_judged_and_what_is_no_comparison_of_the_study_by_itself():
    plan, runs = study({"treated": 4.7 + NOISE, "other": 4.7 + NOISE / 2})
    found = row(judge(made(plan, runs), "treated", "other"))
    assert found["difference"] == pytest.approx((NOISE / 2).mean())
    assert math.isnan(found["claim"])  # the other exaggerates, too
    assert family_of(planned(plan), "treated", "other") == Family("", 3)
    pd.testing.assert_frame_equal(
        judge(made(plan, runs), "treated", "base"),
        verdicts(made(plan, runs)).query("cell == 'treated'").drop(columns="grid"),
    )


def test_the_sentence_says_what_where_and_at_which_size():
    plan, runs = study({"treated": 2.1 + NOISE})
    found = row(verdicts(made(plan, runs)))
    text = sentence(planned(plan), found)
    low, high = anytime.interval(2.1 + NOISE, 1.0, 0.05 / 3)
    interval = f"anytime-valid 98.33 % interval {low:+.2f} to {high:+.2f}"
    assert interval_of(planned(plan), found) == interval
    assert text.startswith(
        f"treated against base on the first 20 % of classes of cifar100: +2.10 points ({interval}, 12 seeds): smaller, "
        "above zero and below the paper's +4.80."
    )
    assert text.endswith(
        "a miniature (300 units, 400 iterations per task, 128 + 256 samples a step), not to the paper's size."
    )


@pytest.mark.parametrize(
    ("iterations", "said"),
    [
        (5000, ""),
        (500, "the paper's size, with another length of training: 500 iterations per task in place of 5,000."),
    ],
)
def test_the_papers_network_is_no_miniature(iterations, said):
    plan, runs = study({"treated": 2.1 + NOISE}, iterations=iterations, batch=512, replay_batch=512)
    plan["cells"]["treated"]["config"]["model"]["units"] = 2000
    plan["training"]["iterations"] = iterations
    text = sentence(planned(plan), row(verdicts(made(plan, runs))))
    assert text.endswith(said)
    assert ("applies to" in text) == bool(said)


def test_validation_data_are_named():
    plan, runs = study({"treated": 2.1 + NOISE})
    plan["dataset"]["validation"] = 0.2
    assert "of cifar100 (validation data):" in sentence(planned(plan), row(verdicts(made(plan, runs))))


def test_the_csv_has_every_column_and_the_digits_that_processors_agree_on(tmp_path):
    table = verdicts(made(*study({"treated": 4.7 + NOISE})))
    (tmp_path / "verdicts.csv").write_text(computed_csv(table))
    back = pd.read_csv(tmp_path / "verdicts.csv")
    assert list(back.columns) == list(table.columns)
    assert back["difference"].tolist() == [4.7, 4.7, 4.7]
    assert back["valid_low"].iloc[0] == pytest.approx(table["valid_low"].iloc[0], rel=1e-3)
