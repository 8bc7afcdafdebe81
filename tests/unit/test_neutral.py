"""A study in which nothing exaggerates has its own question and answer, and says nothing of the paper."""

import re
import shutil
from html import unescape

import numpy as np
import pandas as pd
import pytest
from sample_figures import record
from sample_report import plan_of
from studies import made, plain, planned

from exaggerated_replay.analysis.study.outputs import figures_of, git_files, more_figures, study_files
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.verdicts.sentences import size_note
from exaggerated_replay.figures import accuracy_matrix, forgetting
from exaggerated_replay.figures.accuracy_matrix import MOST, arms_shown
from exaggerated_replay.report.answer import answer
from exaggerated_replay.report.comparisons import title
from exaggerated_replay.report.facts import beside_the_paper
from exaggerated_replay.report.index import write_index
from exaggerated_replay.report.pictures import caption
from exaggerated_replay.report.question import question

CONFIG = {
    "model": {"units": 400, "latent": 100},
    "training": {"iterations": 500, "batch": 128, "replay_batch": 128, "learning_rate": 0.001},
}
ABOUT_THE_PAPER = re.compile(r"paper|Millichamp|exaggerat|repulsion|diamond|RR\+RA", re.IGNORECASE)


def neutral(arms=("er", "dgr", "lwf"), baseline="bir-si", dataset="mnist", **more):
    """A plan whose arms are compared with a baseline that gates classes."""
    methods = {baseline: {"method": "bir", "gate_proportion": 0.6}, **{arm: {"method": arm} for arm in arms}}
    cells = {arm: {"config": {**CONFIG, "method": method}} for arm, method in methods.items()}
    rows = [{"cell": arm, "settings": {}, "baseline": baseline if arm != baseline else None} for arm in methods]
    dataset = {"name": dataset, "title": {"mnist": "MNIST"}.get(dataset)}
    return {"dataset": dataset, "cells": cells, "grids": {"methods": rows}, "order": ["methods"], **more}


def judged(*rows):
    """Verdicts, (cell, metric, difference, verdict) each, against bir-si."""
    common = {
        "grid": "methods",
        "family": "methods",
        "comparisons": 9,
        "baseline": "bir-si",
        "seeds": 10,
        "left_out": 0,
    }
    common |= {"low": 1.0, "high": 3.0, "valid_low": 0.5, "valid_high": 3.5, "claim": np.nan, "more_seeds": 0}
    columns = ("cell", "metric", "difference", "verdict")
    return pd.DataFrame([{**common, **dict(zip(columns, row, strict=True))} for row in rows])


# ---------------------------------------------------------------- question and title


def test_it_asks_which_of_its_methods_keeps_most():
    assert question(planned(neutral())) == (
        "Which of ER, DGR and LwF keeps most accuracy on the first 20 % of classes of MNIST, against BI-R+SI, "
        "run by run of the same seed?"
    )
    assert title(planned(neutral())) == "ER, DGR and LwF against BI-R+SI on MNIST"


def test_of_one_method_it_asks_whether_it_keeps_more():
    assert question(planned(neutral(["er"]))) == (
        "Does ER keep more accuracy on the first 20 % of classes of MNIST than BI-R+SI, run by run of the same seed?"
    )


def test_of_many_it_says_the_number_and_of_several_baselines_that_each_has_its_own():
    many = planned(neutral([f"own{number}" for number in range(7)]))
    assert question(many).startswith("Which of 7 methods keeps most accuracy")
    variants = neutral([f"er-memory_per_class{number}" for number in range(7)])
    for number, row in enumerate(variants["grids"]["methods"][1:]):
        row["settings"] = {"method.memory_per_class": number}
        variants["cells"][row["cell"]]["arm"] = "er"
    assert question(planned(variants)).startswith("Which of 7 variants keeps most accuracy")
    plan = neutral()
    plan["grids"]["methods"][2]["baseline"] = "er"
    assert "against the baseline of each, run by run" in question(planned(plan))


def test_where_nothing_is_compared_it_asks_what_each_reaches():
    plan = neutral(["er"])
    for row in plan["grids"]["methods"]:
        row["baseline"] = None
    assert question(planned(plan)) == "Which accuracy do BI-R+SI and ER reach on MNIST?"
    said = answer(planned(plan), judged(("er", "first20", 1.0, "helps")).iloc[:0])
    assert said.first == "On MNIST, nothing is compared: tables show the accuracy of each."


def test_one_cell_that_exaggerates_asks_the_papers_question():
    plan = neutral()
    plan["cells"]["er"]["config"] = {**CONFIG, "method": {"lambda_rr": 1, "lambda_ra": 0}}
    assert question(planned(plan)).startswith("Millichamp and Chen report")
    plan["cells"]["er"]["config"] = {**CONFIG, "method": {"lambda_rr": 0, "lambda_ra": 0}}
    assert question(planned(plan)).startswith("Which of ")


# ---------------------------------------------------------------- answer


def test_the_answer_names_the_best_difference_with_its_verdict_and_its_size():
    table = judged(
        ("er", "first20", 2.0, "helps"),
        ("dgr", "first20", -9.0, "harmful"),
        ("lwf", "first20", 0.1, "undecided"),
        ("er", "overall", 30.0, "helps"),
    )
    said = answer(planned(neutral()), table)
    assert said.first == (
        "On MNIST, of 3 comparisons on the first 20 % of classes, 1 shows a gain, 1 shows a loss and 1 is undecided; "
        "the best is ER against BI-R+SI on the first 20 % of classes, at +2.00 points (anytime-valid 99.44 % interval "
        "+0.50 to +3.50; helps)."
    )
    assert said.caveat == "This applies to 400 units a layer, 500 iterations per task, 10 seeds, and to no other size."
    assert said.beyond == "The one comparison on more classes that was tested shows a gain."
    assert said.grid == "methods"


def test_where_nothing_gains_the_best_is_named_with_its_verdict_all_the_same():
    table = judged(("er", "first20", 0.2, "undecided"), ("dgr", "first20", -9.0, "harmful"))
    first = answer(planned(neutral()), table).first
    assert "the best is ER against BI-R+SI on the first 20 % of classes, at +0.20 points" in first
    assert first.endswith("; undecided).")
    same = judged(("er", "first20", 0.0, "negligible")).assign(low=0.0, high=0.0)
    assert answer(planned(neutral()), same).first.endswith(
        "with and without what is compared, accuracy is the same at every seed."
    )


def test_a_verdict_speaks_of_its_own_size_and_not_of_the_papers():
    row = judged(("er", "first20", 2.0, "helps")).iloc[0]
    for dataset in ("mnist", "cifar100"):
        assert size_note(planned(neutral(dataset=dataset)), row) == (
            "This applies to 400 units, 500 iterations per task, 128 + 128 samples a step."
        )


# ---------------------------------------------------------------- figures and pages


def test_it_has_no_figure_of_exaggeration():
    names = {"forgetting", "accuracy_matrix", "methods"}
    plan = planned(neutral())
    assert {*figures_of(plan)} == names
    assert more_figures(plan) == {}
    assert not any("architecture" in name or "competing" in name for name in [*study_files(plan), *git_files(plan)])
    acting = neutral()
    acting["cells"]["er"]["config"] = {**CONFIG, "method": {"lambda_rr": 1, "lambda_ra": 0}}
    assert {*figures_of(planned(acting))} == {*names, "architecture"}
    assert [*more_figures(planned(acting))] == ["mechanism", "competing_classes"]


def shown(arms, treatment="dgr", missing=(), **more):
    plan = neutral(arms, study={"baseline": "bir-si", "treatment": treatment}, **more)
    for name, cell in plan["cells"].items():
        cell["runs"] = [{"digest": f"{name}.0"}]
    records = {f"x-s0-{plain(name)}.0": record() for name in plan["cells"] if name not in missing}
    return made(plan, records={**records, **{f"x-s0-{plain(name)}.0": lost() for name in missing}})


def lost():
    return {"diverged": {"task": 1}}


def test_forgetting_is_shown_of_every_method_baseline_and_treatment_first():
    assert [*arms_shown(shown(["er", "dgr", "lwf"]))] == ["bir-si", "dgr", "er", "lwf"]
    assert [*arms_shown(shown(["er", "dgr", "lwf"], missing=["dgr", "er"]))] == ["bir-si", "lwf"]
    many = arms_shown(shown([f"own{number}" for number in range(12)]))
    assert len(many) == MOST == 8 and [*many][:2] == ["bir-si", "own0"]


def test_of_one_arm_forgetting_is_shown_of_its_cells():
    plan = neutral(["er-memory1", "er-memory2"], baseline="er", study={"baseline": "er", "treatment": "er"})
    for name, cell in plan["cells"].items():
        cell |= {"arm": "er", "runs": [{"digest": f"{name}.0"}]}
    study = made(plan, records={f"x-s0-{plain(name)}.0": record() for name in plan["cells"]})
    assert [*arms_shown(study)] == ["er", "er-memory1", "er-memory2"]


@pytest.mark.parametrize("module", [forgetting, accuracy_matrix])
def test_every_method_is_in_the_figures_of_forgetting(module):
    figure = module.of_study(shown(["er", "dgr", "lwf", "si"]))
    told = {text.get_text() for text in figure.findobj() if hasattr(text, "get_text")}
    assert {"BI-R+SI", "ER", "DGR", "LwF", "SI"} <= told
    assert "difference (points)" not in told


@pytest.fixture
def page(written):
    """The folder of a neutral study, with its report and README; arms are DGR and ER."""
    plan = plan_of(("bir-si", "dgr", "er"), grids=("methods", "other"))
    for name, cell in plan["cells"].items():
        cell["arm"] = name
        cell["config"]["method"] = {"method": "bir" if name == "bir-si" else name}
    for rows in plan["grids"].values():
        for row in rows:
            row["settings"] = {}
    return written(plan)


def test_its_pages_say_nothing_of_the_paper_and_of_exaggeration(page):
    text = (page / "report.html").read_text()
    said = re.sub(r"<style>.*?</style>|src(set)?=\"[^\"]*\"|<[^>]*>", " ", text, flags=re.DOTALL)
    said = unescape(said)
    reason = open_study(page).plan.rules.margins.reason  # of numbers in params.yaml, whatever the study
    assert not ABOUT_THE_PAPER.search(said.replace(reason, ""))
    assert "Which of DGR and ER keeps most accuracy on the first 20 % of classes of digits" in " ".join(said.split())
    assert '<tr class="asked">' in text and '<tr class="control">' not in text
    readme = (page / "README.md").read_text().partition("## Files")[0]
    assert readme.startswith("# DGR and ER against BI-R+SI on digits\n")
    assert not ABOUT_THE_PAPER.search(readme)
    for file in [*page.glob("tables/*"), page / "verdicts.csv"]:
        assert not ABOUT_THE_PAPER.search(file.read_text())
    assert beside_the_paper(open_study(page).plan) == []


def test_the_index_of_neutral_studies_has_a_title_of_its_own(page):
    write_index([page], page.parent / "index.html")
    text = (page.parent / "index.html").read_text()
    assert "<h1>Continual learning: all studies</h1>" in text
    assert "On digits, of 2 comparisons" in text or "On digits, both comparisons" in text


def test_the_index_lists_studies_of_the_same_name_in_two_folders(page):
    base = page.parent.parent
    for place in ("a", "b c"):
        shutil.copytree(page, base / place / page.name)
    write_index([base / place / page.name for place in ("a", "b c")], base / "i.html")
    text = (base / "i.html").read_text()
    assert f'<a href="a/{page.name}/report.html">a/{page.name}</a>' in text
    assert f'<a href="b%20c/{page.name}/report.html">b c/{page.name}</a>' in text


def test_captions_speak_of_the_paper_where_it_speaks_of_the_study():
    acting = {"cells": {"a": {"config": {"method": {"lambda_rr": 1, "lambda_ra": 1}}}}}
    own = planned({**acting, "dataset": {"name": "cifar100"}})
    for kind in ("comparison", "specification"):
        said = "Controls, where there are any, are grey."
        assert said in caption(kind, own) and said in caption(kind, planned(acting))
        assert "ontrols" not in caption(kind, planned(neutral()))
    for kind in ("comparison", "specification", "convergence", "dose"):
        assert "paper" in caption(kind, own)
        assert "paper" not in caption(kind, planned(acting)) + caption(kind, planned(neutral(dataset="cifar100")))
