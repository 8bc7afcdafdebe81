"""Verdicts from the runs of made-up studies: the right numbers in the right columns, and said in words."""

import math

import numpy as np
import pandas as pd
import pytest
from studies import made

from exaggerated_replay.analysis.statistics import anytime, power
from exaggerated_replay.analysis.statistics import paired as statistics
from exaggerated_replay.analysis.verdicts.table import all_verdicts, judge, sentence, verdicts, verdicts_csv
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.rules import RulesSettings

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
    plan = {"grids": {"table1": grid}, "cells": cells, "dataset": {"name": dataset}, "training": {"iterations": 400}}
    return plan, runs


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
    found = row(verdicts(made(*study({"treated": gain})), "table1"))
    assert (found["grid"], found["cell"], found["arm"], found["baseline"]) == ("table1", "treated", "rr-ra", "base")
    assert (found["seeds"], found["left_out"], found["identical"]) == (12, 0, 0)
    t = statistics.estimate(gain)
    assert (found["difference"], found["sd"]) == pytest.approx((t.mean, t.sd))
    assert (found["low"], found["high"]) == pytest.approx((t.low, t.high))
    assert (found["boot_low"], found["boot_high"]) == pytest.approx(statistics.bootstrap_interval(gain))
    assert (found["anytime_low"], found["anytime_high"]) == pytest.approx(anytime.interval(gain, 1.0, 0.05))
    assert found["p"] == 2 / 2**12
    assert found["p_holm"] == 3 * found["p"]  # three metrics, all the same
    assert found["relative"] == pytest.approx(100 * gain.mean() / (30 + 3 * 5.5))
    assert found["claim"] == 4.8
    assert found["p_claim"] == pytest.approx(statistics.equivalence(gain, 3.8, 5.8))
    assert found["improvement"] == 1
    assert found["detectable"] == pytest.approx(power.detectable(12, t.sd))
    assert (found["verdict"], found["anytime_verdict"]) == ("reproduced", "reproduced")
    assert (found["more_seeds"], found["anytime_more_seeds"]) == (0, 0)


def test_each_metric_has_its_own_claim():
    table = verdicts(made(*study({"treated": 4.7 + NOISE})), "table1")
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
    found = row(verdicts(made(*study({"treated": 4.7 + NOISE}, **change)), "table1"))
    assert math.isnan(found["claim"]), why
    assert math.isnan(found["p_claim"])
    assert found["verdict"] == "helps"


def test_runs_are_joined_by_seed_whatever_their_order():
    plan, runs = study({"treated": 4.7 + NOISE})
    shuffled = runs.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(verdicts(made(plan, runs), "table1"), verdicts(made(plan, shuffled), "table1"))


def test_pairs_with_a_diverged_run_are_left_out_and_counted():
    plan, runs = study({"treated": 4.7 + NOISE})
    runs.loc[runs["digest"].isin(["treated-3", "base-5"]), list(METRICS)] = math.nan
    found = row(verdicts(made(plan, runs), "table1"))
    assert (found["seeds"], found["left_out"]) == (10, 2)
    assert found["difference"] == pytest.approx(4.7 + np.delete(NOISE, [3, 5]).mean())
    assert "Left out because a run diverged: 2 pairs." in sentence(found, RulesSettings())


def test_a_cell_of_which_every_run_diverged_is_undecided_and_spoils_no_other():
    plan, runs = study({"treated": 4.7 + NOISE, "wild": 4.7 + NOISE})
    runs.loc[runs["cell"] == "wild", list(METRICS)] = math.nan
    table = verdicts(made(plan, runs), "table1")
    wild = row(table, cell="wild")
    assert (wild["seeds"], wild["left_out"], wild["verdict"], wild["anytime_verdict"]) == (
        0,
        12,
        "undecided",
        "undecided",
    )
    assert wild[["difference", "p", "p_holm", "low"]].isna().all()
    assert row(table, cell="treated")["p_holm"] == 3 * 2 / 2**12  # it does not count as a test
    assert "Left out because a run diverged: 12 pairs." in sentence(wild, RulesSettings())


def test_devices_are_never_mixed():
    plan, runs = study({"treated": 4.7 + NOISE})
    runs.loc[runs["digest"] == "treated-3", "device"] = "cuda"
    with pytest.raises(UserError, match="cpu and cuda"):
        verdicts(made(plan, runs), "table1")


def test_a_grid_that_compares_nothing_changes_no_digit_of_the_others():
    plan, runs = study({"treated": 4.7 + NOISE / 3})
    beside = {**plan, "grids": {"alone": plan["grids"]["table1"][:1], **plan["grids"]}}
    assert verdicts_csv(all_verdicts(made(beside, runs))) == verdicts_csv(all_verdicts(made(plan, runs)))
    nothing = {**plan, "grids": {"alone": plan["grids"]["table1"][:1]}}
    assert verdicts_csv(all_verdicts(made(nothing, runs))).count("\n") == 1


def test_equal_at_every_seed():
    found = row(verdicts(made(*study({"treated": np.zeros(5)})), "table1"))
    assert (found["identical"], found["p"], found["low"], found["high"], found["improvement"]) == (5, 1, 0, 0, 0.5)
    assert (found["verdict"], found["anytime_verdict"]) == ("no effect", "no effect")
    assert "At every seed, the two were right on as many test images." in sentence(found, RulesSettings())


def test_five_seeds_prove_no_gain_however_clear():
    found = row(verdicts(made(*study({"treated": 4.7 + NOISE[:5]})), "table1"))
    assert found["p"] == 1 / 16
    assert found["verdict"] == "undecided"
    assert found["more_seeds"] == 2  # 2 / 2**6 is still more than 0.05 / 3
    assert "undecided, needing about 2 more seeds." in sentence(found, RulesSettings())


def test_the_rules_are_the_plans():
    plan, runs = study({"treated": 0.4 + NOISE / 5})
    assert row(verdicts(made(plan, runs), "table1"))["verdict"] == "no effect"
    strict = {**plan, "rules": {"smallest_effect": 0.1}}
    assert row(verdicts(made(strict, runs), "table1"))["verdict"] == "smaller"
    assert row(verdicts(made({**plan, "rules": {"min_seeds": 13}}, runs), "table1"))["verdict"] == "undecided"


def test_grids_lie_one_below_the_other_and_are_families_of_their_own():
    plan, runs = study({"treated": 4.7 + NOISE, "other": NOISE})
    both = plan["grids"]["table1"]
    plan["grids"] = {"a": both[:2], "b": both, "empty": both[:1]}
    table = all_verdicts(made(plan, runs))
    assert table["grid"].tolist() == ["a"] * 3 + ["b"] * 6
    assert row(table, grid="a")["p_holm"] == 3 * 2 / 2**12
    assert row(table, grid="b", cell="treated")["p_holm"] == 6 * 2 / 2**12


def test_any_two_cells_can_be_judged():
    plan, runs = study({"treated": 4.7 + NOISE, "other": 4.7 + NOISE / 2})
    found = row(judge(made(plan, runs), [("treated", "other")]))
    assert found["difference"] == pytest.approx((NOISE / 2).mean())
    assert math.isnan(found["claim"])  # the other exaggerates, too


def test_the_sentence_says_what_where_and_at_which_size():
    text = sentence(row(verdicts(made(*study({"treated": 2.1 + NOISE})), "table1")), RulesSettings())
    assert text.startswith(
        "treated against base on the first 20 % of classes of cifar100: +2.10 points (95 % interval +1.7"
    )
    assert "12 seeds): smaller, above zero, but the paper's +4.80 is excluded." in text
    assert text.endswith(
        "a miniature (300 units, 400 iterations per task, 128 + 256 samples a step), not of the paper's size."
    )


def test_the_papers_size_is_no_miniature():
    plan, runs = study({"treated": 2.1 + NOISE}, iterations=5000, batch=512, replay_batch=512)
    plan["cells"]["treated"]["config"]["model"]["units"] = 2000
    plan["training"]["iterations"] = 5000
    found = row(verdicts(made(plan, runs), "table1"))
    assert found["paper_size"]
    assert "speaks of" not in sentence(found, RulesSettings())
    assert found["claim"] == 4.8


def test_the_papers_network_trained_for_another_length_is_no_miniature_either():
    plan, runs = study({"treated": 2.1 + NOISE}, iterations=500, batch=512, replay_batch=512)
    plan["cells"]["treated"]["config"]["model"]["units"] = 2000
    plan["training"]["iterations"] = 500
    found = row(verdicts(made(plan, runs), "table1"))
    assert not found["paper_size"]
    assert sentence(found, RulesSettings()).endswith(
        "of the paper's size but for the length of training: 500 iterations per task in place of 5,000."
    )


def test_validation_data_are_named():
    plan, runs = study({"treated": 2.1 + NOISE})
    plan["dataset"]["validation"] = 0.2
    found = row(verdicts(made(plan, runs), "table1"))
    assert found["validation"]
    assert "of cifar100 (validation data):" in sentence(found, RulesSettings())


def test_the_anytime_sentence_says_when_there_is_no_interval_yet():
    found = row(verdicts(made(*study({"treated": 4.7 + NOISE[:4]})), "table1"))
    assert "points (too few for an interval, 4 seeds): undecided" in sentence(found, RulesSettings(), "anytime_")
    more = row(verdicts(made(*study({"treated": 4.7 + NOISE})), "table1"))
    low, high = anytime.interval(4.7 + NOISE, 1.0, 0.05)
    assert f"(anytime-valid 95 % interval {low:+.2f} to {high:+.2f}, 12" in sentence(more, RulesSettings(), "anytime_")


def test_the_csv_has_every_column_and_the_digits_that_processors_agree_on(tmp_path):
    table = verdicts(made(*study({"treated": 4.7 + NOISE})), "table1")
    (tmp_path / "verdicts.csv").write_text(verdicts_csv(table))
    back = pd.read_csv(tmp_path / "verdicts.csv")
    assert list(back.columns) == list(table.columns)
    assert back["difference"].tolist() == [4.7, 4.7, 4.7]
    assert back["sd"].iloc[0] == pytest.approx(table["sd"].iloc[0], rel=1e-3)
