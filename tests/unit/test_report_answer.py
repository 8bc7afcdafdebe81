"""The answer of a report follows from its verdicts, made by hand here."""

import numpy as np
import pandas as pd
import pytest
from studies import planned

from exaggerated_replay.report.answer import AGAINST, FOR, SAID, answer
from exaggerated_replay.report.question import question

TITLES = {"cifar100": "CIFAR-100", "mnist": "MNIST"}


SIZE = {"units": 400, "iterations": 400, "batch": 128, "replay_batch": 256}
PAPERS = {"units": 2000, "iterations": 5000, "batch": 512, "replay_batch": 512}


def configured(method, **size):
    units, *training = (SIZE | size).items()
    return {"config": {"method": method, "model": dict([units]), "training": dict(training)}}


def asked(dataset="cifar100", sizes=None, **more):
    """A plan in which "a" and "b" exaggerate, at f = 10 and without f, and "base" and "er" do not.

    All are miniatures, but for cells whose sizes are given. Its grid "table1" is the paper's Table 1; "convergence",
    which comes first, holds "a" as well.
    """
    base = {"si": {"strength": 300.0}}
    methods = {
        "a": {**base, "lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 10.0},
        "a5": {**base, "lambda_rr": 1e-6, "lambda_ra": 1e-6, "f": 5.0},
        "b": {**base, "lambda_rr": 0, "lambda_ra": 1.0, "f": "none"},
        "base": base,
        "er": {},
    }
    grids = {"convergence": ["a"], "table1": ["a", "a5"]}
    return {
        "dataset": {"name": dataset, "title": TITLES.get(dataset), "source_name": None, "validation": None, **more},
        "cells": {name: configured(method, **(sizes or {}).get(name, {})) for name, method in methods.items()},
        "order": [*grids],
        "grids": {grid: [{"cell": cell, "baseline": "base"} for cell in cells] for grid, cells in grids.items()},
    }


def asked_plan(*arguments, **more):
    return planned(asked(*arguments, **more))


def judged(*rows):
    """Verdicts: (cell, verdict, further columns) each, by default of a family of fifteen."""
    common = {"grid": "table1", "baseline": "base", "metric": "first20", "seeds": 10, "difference": 0.5}
    common |= {"comparisons": 15, "low": 0.0, "high": 1.0, "valid_low": -0.25, "valid_high": 1.25, "claim": np.nan}
    table = pd.DataFrame([{**common, "cell": cell, "verdict": verdict, **more} for cell, verdict, more in rows])
    return table.assign(family=[more.get("family", row) for row, (*_, more) in zip(table["grid"], rows, strict=True)])


def claims(*words):
    """A verdict each on the first, the second, ... of five gains that the paper claims; the third is its largest."""
    places = [("a", metric, claim) for metric, claim in (("first50", 3.82), ("overall", 1.19), ("first20", 5.8))]
    places += [("b", metric, claim) for metric, claim in (("first50", 4.06), ("overall", 1.35))]
    return judged(*((c, w, {"metric": m, "claim": x}) for w, (c, m, x) in zip(words, places, strict=False)))


LARGEST = (
    "of these the paper gains most at f = 10 on the first 20 % of classes (+5.80 points); "
    "here it is +0.50 (anytime-valid 99.67 % interval \N{MINUS SIGN}0.25 to +1.25)."
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reproduced"] * 3, "yes: all 3 comparisons with Table 1 of the paper are reproduced"),
        (["smaller"] * 3, "yes: all 3 comparisons with Table 1 of the paper are smaller than published"),
        (
            ["larger", "smaller", "larger"],
            "yes: of 3 comparisons with Table 1 of the paper, 1 is smaller than published and 2",
        ),
        (["negligible"] * 3, "no: all 3 comparisons with Table 1 of the paper are negligible"),
        (["harmful", "negligible", "contradicted"], "1 is negligible, 1 shows a loss and 1 is contradicted"),
        (["undecided"] * 3, "not decided yet: all 3 comparisons with Table 1 of the paper are undecided"),
        (
            ["undecided", "reproduced", "undecided"],
            "in part: of 3 comparisons with Table 1 of the paper, 1 is reproduced and 2",
        ),
        (
            ["undecided", "contradicted", "negligible"],
            "no, as far as it is decided: of 3 comparisons with Table 1 of the paper",
        ),
        (["reproduced", "harmful", "negligible"], "it depends: of 3 comparisons with Table 1 of the paper"),
        (["smaller", "contradicted", "undecided"], "it depends: of 3 comparisons with Table 1 of the paper"),
    ],
)
def test_the_answer_about_table_1_follows_from_its_verdicts(words, said):
    first, second, _, _ = answer(asked_plan(), claims(*words))
    assert first.startswith("On CIFAR-100 in miniature, ")
    assert said in first
    assert first.endswith(LARGEST)
    assert second == (
        "This applies to a miniature (400 units a layer, 400 iterations per task, 10 seeds), not to the paper's size."
    )


def test_what_grids_show_beyond_their_verdicts_is_said_in_the_answer():
    found = answer(asked_plan(), claims("negligible", "negligible", "negligible"), ["one lies beyond", "two fall"])
    assert found.beyond == "One lies beyond; two fall."


def test_an_answer_about_one_cell_under_another_reading_names_it():
    plan = asked()
    plan["cells"]["a"]["config"]["method"]["reading"] = {"class_means": "stored"}
    plan["grids"]["table1"][0]["settings"] = {"method.reading.class_means": "stored"}
    first = answer(planned(plan), claims("reproduced", "reproduced", "reproduced")).first
    assert first.startswith("On CIFAR-100 in miniature, for a, yes: all 3 comparisons")


def test_of_several_cells_with_the_largest_claim_the_range_is_told():
    rows = judged(
        ("a", "reproduced", {"claim": 4.8, "difference": 4.0}),
        ("a5", "contradicted", {"claim": 4.8, "difference": -0.5}),
        ("b", "negligible", {"claim": 4.8, "difference": 0.1}),
    )
    said = answer(asked_plan(), rows).first
    least, most = "\N{MINUS SIGN}0.50 (a5)", "+4.00 (a)"
    assert said.endswith(f"(+4.80 points); here its 3 comparisons range from {least} to {most}.")


def test_every_verdict_is_for_or_against_or_open():
    assert sorted([*FOR, *AGAINST, "undecided"]) == sorted(SAID)
    for word in SAID:
        first = answer(asked_plan(), judged(("a", word, {}))).first
        lead = "yes" if word in FOR else "no" if word in AGAINST else "not decided yet"
        assert first.startswith(f"On CIFAR-100 in miniature, {lead}: the one comparison")
        which = "the best" if word in FOR else "the largest difference"
        assert f"tested {SAID[word][0]}; {which} is a against base on the first 20 % of classes, at " in first
        assert first.endswith(f"+0.50 points (anytime-valid 99.67 % interval \N{MINUS SIGN}0.25 to +1.25; {word}).")


def test_what_lies_beyond_table_1_comes_second_and_the_best_of_it_is_named():
    table = pd.concat(
        [
            claims("negligible", "negligible", "negligible"),
            judged(
                ("b", "harmful", {"difference": -8.0, "valid_low": -9.0, "valid_high": -7.0, "grid": "dose"}),
                ("b", "helps", {"difference": 2.0, "valid_low": 1.0, "valid_high": 3.0, "metric": "overall"}),
            ),
        ]
    )
    first, caveat, beyond, grid = answer(asked_plan(sizes={"b": {"units": 800}}), table)
    assert first.startswith("On CIFAR-100 in miniature, no: all 3 comparisons with Table 1 of the paper")
    assert beyond == (
        "Of 2 comparisons beyond that table, 1 shows a gain and 1 shows a loss; the best is b, weight 1 against base "
        "on all classes, at +2.00 points (anytime-valid 99.67 % interval +1.00 to +3.00; helps)."
    )
    assert caveat == (
        "This applies to a miniature (400 to 800 units a layer, 400 iterations per task, 10 seeds), not to the paper's "
        "size."
    )
    assert grid == "table1"  # of the claim that the answer names


def test_where_nothing_gains_the_largest_difference_is_named_whatever_its_sign():
    table = judged(
        ("a", "undecided", {"difference": 0.8}),
        ("b", "undecided", {"difference": -17.8, "grid": "dose"}),
    )
    found = answer(asked_plan(), table)
    assert (
        "the largest difference is b, weight 1 against base on the first 20 % of classes, at \N{MINUS SIGN}17.80"
        in found.first
    )
    assert found.grid == "dose"


@pytest.mark.parametrize(
    "method",
    [
        {"lambda_rr": 0, "lambda_ra": 0},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"competitors": "random"}},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"class_means": "shuffled", "distance": "bce"}},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"attraction_target": "random"}},
    ],
)
def test_controls_are_not_exaggeration_and_are_told_apart(method):
    plan = asked()
    plan["cells"]["control"] = configured(method)
    control = ("control", "helps", {"difference": 9.0})
    assert answer(planned(plan), judged(("a", "helps", {}), control))[0].startswith(
        "On CIFAR-100 in miniature, yes, but controls gain, too: the one comparison of exaggeration"
    )
    first, _, beyond, _ = answer(planned(plan), judged(("a", "negligible", {}), control))
    assert first.startswith("On CIFAR-100 in miniature, no: the one comparison of exaggeration")
    assert beyond == (
        "The one comparison of a control (random classes, or weights of zero) that was tested shows a gain."
    )


def test_a_comparison_that_two_grids_hold_counts_once():
    twice = judged(("a", "helps", {"grid": "convergence", "family": "table1"}), ("a", "helps", {"grid": "table1"}))
    assert (
        "the one comparison of exaggeration with a baseline that was tested shows a gain"
        in answer(asked_plan(), twice)[0]
    )


def test_on_other_data_it_is_a_demonstration():
    table = judged(
        *(("a", "negligible", {"metric": m, "difference": 0.0, "high": 0.0}) for m in ("first20", "first50"))
    )
    assert answer(asked_plan("digits"), table)[:2] == (
        "On digits, no: both comparisons of exaggeration with a baseline are negligible; "
        "with and without it, accuracy is the same at every seed.",
        "This is a demonstration (400 units a layer, 400 iterations per task, 10 seeds): "
        "the paper claims nothing about digits.",
    )


def test_the_papers_size_and_validation_data_are_said():
    full = claims("reproduced", "reproduced", "reproduced")
    first, second, _, _ = answer(asked_plan(sizes={"a": PAPERS}, validation=0.2), full)
    assert first.startswith("On validation data of CIFAR-100 at the paper's size, yes: ")
    assert second == "This applies to the paper's size (2,000 units a layer, 5,000 iterations per task, 10 seeds)."
    assert "on validation data of CIFAR-100" in question(asked_plan(validation=0.2))


def test_the_papers_network_trained_for_another_length_is_neither_its_size_nor_a_miniature():
    short = claims("undecided", "undecided", "undecided")
    plan = asked_plan(sizes={"a": {**PAPERS, "iterations": 500}})
    first, second, _, _ = answer(plan, short)
    assert first.startswith("On CIFAR-100 at the paper's size, with another length of training, not decided yet: ")
    size = "2,000 units a layer, 500 iterations per task, 10 seeds"
    assert second == f"This applies to the paper's size, with another length of training ({size})."
    beside = pd.concat([short, judged(("b", "helps", {"grid": "miniature"}))])
    first, second, _, _ = answer(plan, beside)
    assert first.startswith("On CIFAR-100 at the paper's size, with another length of training, not decided yet: ")
    assert "to the paper's size, with another length of training, and to a miniature (400 to 2,000 units" in second
    both = judged(("a", "undecided", {}), ("b", "helps", {"grid": "miniature"}))
    where = "at the paper's size, with another length of training, and in miniature"
    assert answer(plan, both)[0].startswith(f"On CIFAR-100 {where}, in part: ")


def test_a_users_file_given_as_the_papers_data_is_called_so_and_another_is_not():
    verdicts = judged(("a", "helps", {}))
    first, second, _, _ = answer(asked_plan(source_name="mine.npz"), verdicts)
    assert first.startswith("On mine.npz (given as CIFAR-100) in miniature, yes: ")
    assert "applies to a miniature" in second
    first, second, _, _ = answer(asked_plan("npz", source_name="mine.npz"), verdicts)
    assert first.startswith("On mine.npz, yes: ")
    assert "the paper claims nothing about mine.npz" in second


def test_what_does_not_exaggerate_is_no_answer():
    first, caveat, beyond, _ = answer(asked_plan(), judged(("er", "helps", {}), ("b", "helps", {"baseline": "a"})))
    assert first.startswith("This study does not answer it")
    assert caveat.startswith("This applies to a miniature")
    assert beyond == "Both comparisons show a gain."
    assert answer(asked_plan(), judged(("a", "helps", {})).iloc[:0])[:2] == (first, "It compares nothing.")


def test_where_every_pair_diverged_that_is_said():
    gone = {"difference": np.nan, "valid_low": -np.inf, "valid_high": np.inf, "seeds": 0}
    assert answer(asked_plan(), judged(("a", "undecided", gone)))[0].endswith(
        "is undecided; no pair of runs reached its end."
    )
    table = judged(("a", "undecided", {**gone, "claim": 5.8}))
    assert answer(asked_plan(), table)[0].endswith("(+5.80 points); here, no pair of runs reached its end.")


def test_the_question_quotes_the_published_gains():
    assert "keeps 3.8 to 5.8 points more accuracy on the first 20 %" in question(asked_plan())
