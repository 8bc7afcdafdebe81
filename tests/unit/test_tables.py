"""Comparison tables, by hand."""

import numpy as np
import pandas as pd
import pytest
from studies import made, planned

from exaggerated_replay.analysis import words
from exaggerated_replay.analysis.questions import comparison as tables
from exaggerated_replay.analysis.questions import layout
from exaggerated_replay.analysis.study.paper import published
from exaggerated_replay.analysis.study.scores import METRICS, SUMMARY
from exaggerated_replay.analysis.words import MEANS
from exaggerated_replay.publishing.summary import summary

CIFAR100 = {"dataset": {"name": "cifar100", "title": "CIFAR-100", "source_name": None, "sha256": "c" * 64}}
DIGITS = {"dataset": {"name": "digits", "source_name": None, "sha256": "d" * 64}}
GRIDS = {
    "table1": [("bir-si", None), ("rr-ra-f5", "bir-si"), ("rr-ra", "bir-si"), ("rr-ra-fnone", "bir-si")],
    "ablation": [("bir-si", None), ("rr", "bir-si"), ("rr-ra", "bir-si")],
}
BASE = {"si": {"strength": 300.0}}
METHODS = {
    "bir-si": BASE,
    "rr-ra-f5": BASE | {"f": 5, "lambda_rr": 1e-6, "lambda_ra": 1e-6},
    "rr-ra": BASE | {"f": 20, "lambda_rr": 1e-6, "lambda_ra": 1e-6},
    "rr-ra-fnone": BASE | {"f": "none", "lambda_rr": 1e-6, "lambda_ra": 1e-6},
    "rr": BASE | {"f": 20, "lambda_rr": 1e-6, "lambda_ra": 0.0},
}
DROPPED = {"rr-ra-f5": 12.5, "rr-ra": 30.25, "rr-ra-fnone": 20.0}
GAINS = {"bir-si": (0, 0), "rr-ra-f5": (1, 3), "rr-ra": (-0.001, 0), "rr-ra-fnone": (-4, -4), "rr": (2, 2)}


def study(seeds=2):
    """Return a plan and its runs: baseline 20 and 30 % at seeds 0 and 1, every metric shifted by GAINS."""
    cells = {
        cell: {
            "arm": cell.partition("-f")[0],
            "config": {"training": {"iterations": 5000}, "method": dict(method)},
            "runs": [{"seed": seed, "digest": f"{cell}-{seed}"} for seed in range(seeds)],
        }
        for cell, method in METHODS.items()
    }
    rows = [
        {"digest": f"{cell}-{seed}", "cell": cell, "seed": seed, "device": "cpu", "dropped": DROPPED.get(cell)}
        | {"status": "finished"}
        | dict.fromkeys(("first20", "first50", "overall"), 20 + 10 * seed + GAINS[cell][seed])
        for cell in cells
        for seed in range(seeds)
    ]
    grids = {
        name: [
            {
                "cell": cell,
                "baseline": baseline,
                "settings": {"method.f": METHODS[cell]["f"]} if name == "table1" and baseline else {},
            }
            for cell, baseline in rows
        ]
        for name, rows in GRIDS.items()
    }
    return {**CIFAR100, "training": {"iterations": 5000}, "grids": grids, "cells": cells}, pd.DataFrame(rows)


def told(plan=CIFAR100, images=400):
    """A study on these data, with so many test images in the first of five classes."""
    counts = {"correct": [[0] * 5], "tested": [images, 1, 1, 1, 1], "predicted": [0] * 5}
    cells = {cell: {"config": {"method": dict(method)}} for cell, method in METHODS.items()}
    return made({"cells": cells, **plan}, records={"a": {"counts": counts}})


def test_published_values_imply_one_and_the_same_baseline():
    """A misprint in the file would show: every row of the paper implies the same accuracy of the baseline."""
    table = published()
    assert len(table) == 15
    implied = 100 * table["absolute"] / table["relative"]
    for metric, low, high in (("first20", 30.35, 30.45), ("first50", 31.7, 31.8), ("overall", 34.7, 35.0)):
        assert implied.xs(metric, level="metric").between(low, high).all()


def test_comparison_by_hand():
    table = tables.comparison(made(*study()), "table1").set_index("cell")
    assert list(table.index) == ["bir-si", "rr-ra-f5", "rr-ra", "rr-ra-fnone"]
    row = table.loc["rr-ra-f5"]
    assert (row["arm"], row["f"], row["iterations"], row["seeds"]) == ("rr-ra", 5, 5000, 2)
    assert (row["first20_mean"], row["first20_difference"], row["first20_relative"]) == (27, 2, 8)
    # Differences 1 and 3: standard error 1, t of one degree of freedom 12.706.
    assert row["overall_low"] == pytest.approx(2 - 12.706, abs=1e-3)
    assert row["overall_high"] == pytest.approx(2 + 12.706, abs=1e-3)
    assert table.loc["bir-si", "first50_mean"] == 25
    assert table.loc["bir-si"].filter(regex="difference|low|high|relative").isna().all()


def test_the_papers_values_stand_only_where_the_paper_has_them():
    table = tables.comparison(made(*study()), "table1").set_index("cell")
    assert table.loc["rr-ra", ["first20_published_absolute", "overall_published_relative"]].tolist() == [
        4.80,
        4.25,
    ]
    assert table.loc[["bir-si", "rr-ra-fnone"]].filter(like="published").isna().all(axis=None)


@pytest.mark.parametrize("grid", ["table1", "ablation"])
def test_a_row_of_the_papers_table_is_one_in_whatever_grid(grid):
    table = tables.comparison(made(*study()), grid).set_index("cell")
    assert table.loc["rr-ra", "first20_published_absolute"] == 4.80


def test_repulsion_alone_is_not_what_the_paper_published():
    table = tables.comparison(made(*study()), "ablation").set_index("cell")
    assert np.isnan(table.loc["rr", "first20_published_absolute"])


def test_another_length_than_the_studys_is_not_what_the_paper_published():
    plan, runs = study()
    plan["training"]["iterations"] = 500
    assert tables.comparison(made(plan, runs), "table1").filter(like="published").isna().all(axis=None)


def test_where_accuracies_come_first_the_papers_change_is_explained(tmp_path):
    text = write(tmp_path, "ablation", ".md").read_text()
    assert "| 4.80/15.79 |" in text
    assert "Columns headed paper: the change over the baseline that its Table 1 has" in text


def write(tmp_path, grid, suffix, seeds=2, **changes):
    plan, runs = study(seeds)
    layout.write(tmp_path / "deep", made({**plan, **changes}, runs), grid)
    return tmp_path / "deep" / f"{grid}{suffix}"


def test_csv_has_two_decimals(tmp_path):
    table = tables.comparison(made(*study()), "table1")
    back = pd.read_csv(write(tmp_path, "table1", ".csv"), dtype={"f": object})
    assert list(back.columns) == list(table.columns)
    for column in ("first20_mean", "first50_difference", "overall_low", "overall_relative"):
        assert back[column].tolist() == pytest.approx(table[column].round(2).tolist(), nan_ok=True)
    assert back["overall_low"][1] == -10.71
    assert back["f"].fillna("").tolist() == ["", "5", "20", "none"]
    assert back["method.f"].fillna("").tolist() == ["", "5", "20", "none"]


def test_markdown_has_the_papers_form(tmp_path):
    lines = write(tmp_path, "table1", ".md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["repulsion factor f", "20% avg.", "paper", "50% avg.", "paper", "Overall avg.", "paper"]
    assert rows[2][:3] == ["baseline", "25.00 (mean)", ""]
    assert rows[3][:3] == ["5", "2.00/8.00 [−10.71, 14.71]", "3.80/12.50"]  # noqa: RUF001
    assert rows[4][0:2] == ["20", "0.00/0.00 [−0.01, 0.01]"]  # noqa: RUF001
    assert rows[5][:3] == ["none", "−4.00/−16.00 [−4.00, −4.00]", ""]  # noqa: RUF001


def test_grids_without_an_f_axis_have_rows_in_words(tmp_path):
    text = write(tmp_path, "ablation", ".md").read_text()
    assert text.startswith("| what was trained   | 20% avg.")
    assert text.splitlines()[0].count("| paper ") == 3  # it has rr-ra's change
    assert "\n| BI-R+SI            | 25.00       " in text
    assert "\n| RR                 | 27.00 (2.00 [2.00, 2.00])" in text
    assert "Accuracy in percent, mean over seeds; in parentheses the difference" in text


def test_note_says_how_many_samples_repulsion_left_out():
    table = tables.comparison(made(*study()), "table1")
    text = layout.note(table, told())
    assert "Of the replayed samples with a competing class, repulsion left out 12.5 to 30.2 %" in text
    none = table.assign(dropped=np.nan)
    assert "left out" not in layout.note(none, told())


def test_one_seed_is_shown_without_an_interval(tmp_path):
    text = write(tmp_path, "table1", ".md", seeds=1).read_text()
    assert "| 5                    | 1.00/5.00    | 3.80/12.50 |" in text
    assert "A single seed gives no interval" in text
    assert "exclude zero" not in text


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ("table1", "3 of 9 intervals (95 %) exclude zero (0 above, 3 below)"),
        ("ablation", "3 of 6 intervals (95 %) exclude zero (3 above, 0 below)"),
    ],
)
def test_note_counts_the_intervals(grid, sentence):
    text = layout.note(tables.comparison(made(*study()), grid), told())
    assert sentence in text
    assert "Data: CIFAR-100. Seeds: 2. One test image of the first 20 % of classes is 0.25" in text
    assert "whose claim it does not test" not in text


def test_note_counts_what_did_not_change_at_all():
    plan, runs = study()
    runs.loc[runs["cell"] == "rr-ra", "first20"] = [20.0, 30.0]
    text = layout.note(tables.comparison(made(plan, runs), "table1"), told())
    assert "1 of the differences are zero at every seed" in text


def test_note_says_what_other_data_and_shorter_training_cannot_show():
    table = tables.comparison(made(*study()), "table1")
    text = layout.note(table, told(DIGITS, 72))
    assert "This is not the data set of the paper, whose claim it does not test." in text
    assert "5,000" not in layout.note(table, told(CIFAR100, 2000))
    short = table.assign(iterations=200)
    assert "No row has the paper's 5,000" in layout.note(short, told(CIFAR100, 2000))
    short.loc[0, "iterations"] = 5000
    assert "Not every row has the paper's 5,000" in layout.note(short, told(CIFAR100, 2000))


def test_no_number_of_the_papers_stands_beside_other_data_or_beside_what_does_not_exaggerate(tmp_path):
    plan, runs = study()
    other = made({**plan, **DIGITS}, runs)
    assert not list(tables.comparison(other, "table1").filter(like="published"))
    layout.write(tmp_path, other, "table1")
    rows = (tmp_path / "table1.md").read_text().splitlines()
    assert rows[0].replace(" ", "") == "|repulsionfactorf|20%avg.|50%avg.|Overallavg.|"
    assert "paper" not in (tmp_path / "table1.csv").read_text()
    assert "paper" not in (tmp_path / "table1.tex").read_text().split("not the")[0]
    neutral = {cell: plan["cells"][cell] for cell in ("bir-si",)} | {"er": plan["cells"]["bir-si"] | {"arm": "er"}}
    plan = {**plan, "cells": neutral, "grids": {"g": [{"cell": "er", "settings": {}, "baseline": "bir-si"}]}}
    own = made(plan, runs.assign(cell=runs["cell"].replace("rr", "er")))
    table = tables.comparison(own, "g")
    assert not list(table.filter(like="published"))
    for data in (CIFAR100, DIGITS):
        note = layout.note(table.assign(iterations=7), told({**data, "cells": neutral}))
        assert "paper" not in note
        assert "Data: " in note


def test_latex_escapes_and_groups(tmp_path):
    text = write(tmp_path, "table1", ".tex", dataset=CIFAR100["dataset"] | {"title": "my_data"}).read_text()
    assert r"\multicolumn{2}{l}{20\% avg.}" in text
    assert r"\toprule" in text
    assert r"my\_data" in text
    assert r"95 \% confidence" in text
    assert "$-$4.00/$-$16.00" in text
    assert text.isascii()
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("suffix", [".csv", ".md", ".tex"])
def test_tables_are_byte_identical_when_written_twice(tmp_path, suffix):
    first = write(tmp_path / "a", "table1", suffix).read_bytes()
    assert first == write(tmp_path / "b", "table1", suffix).read_bytes()
    assert first.endswith(b"\n")


def test_a_file_is_called_by_its_name_and_what_it_is_given_as():
    own = {"dataset": {"name": "cifar100", "title": "CIFAR-100", "source_name": "mine.npz", "sha256": "ab" * 32}}
    assert words.data_name(planned(own)) == "mine.npz (SHA-256 ababababab), given as CIFAR-100"
    assert words.short_data_name(planned(own)) == "mine.npz"
    text = layout.note(tables.comparison(made(*study()), "table1"), told(own, 400))
    assert "cifar100" not in text
    assert "not the data set of the paper" not in text
    own["dataset"]["name"] = "npz"
    assert words.data_name(planned(own)) == "mine.npz (SHA-256 ababababab)"
    text = layout.note(tables.comparison(made(*study()), "table1"), told(own, 400))
    assert "not the data set of the paper" in text


def test_encoder_and_validation_images_are_named():
    own = {"dataset": {"name": "npz", "source_name": "a.npz", "sha256": "c" * 64}, "encoder": None}
    size = {"dataset": {**own["dataset"], "deviation": 0.41, "white": 16}}
    named = "a.npz (SHA-256 cccccccccc)"
    assert words.data_name(planned(own)) == named
    assert words.data_name(planned(size)) == f"{named}, brought to a standard deviation of 0.41, white at 16"
    plan = {"dataset": {**CIFAR100["dataset"], "validation": 0.2}, "encoder": {"name": "published"}}
    assert words.data_name(planned(plan)) == (
        "CIFAR-100, features of the encoder published, tested on the last 20 % of each class's training samples"
    )


def diverged(cell, seed):
    """Return the study with one run of a cell diverged."""
    plan, runs = study(3)
    lost = (runs["cell"] == cell) & (runs["seed"] == seed)
    runs.loc[lost, ["first20", "first50", "overall"]] = np.nan
    runs.loc[lost, "status"] = "diverged in task 2"
    return plan, runs


GAINS |= {cell: (*gains, 0) for cell, gains in GAINS.items()}  # of a third seed


def test_runs_that_diverged_are_left_out_and_named():
    table = tables.comparison(made(*diverged("rr-ra-f5", 1)), "table1").set_index("cell")
    row = table.loc["rr-ra-f5"]
    assert (row["seeds"], row["first20_difference"], row["first20_mean"]) == (2, 0.5, 30.5)  # seeds 0 and 2: +1 and 0
    assert row["gaps"] == "seed 1 diverged in task 2"
    assert table.loc["rr-ra", "seeds"] == 3
    text = layout.note(table.reset_index(), told())
    assert "Runs that diverged are left out (rr-ra-f5: seed 1 diverged in task 2)." in text
    assert "Seeds: 2 to 3." in text


def test_a_mean_is_that_of_all_finished_runs_of_a_cell_in_the_table_and_in_the_metrics_alike():
    plan, runs = diverged("rr-ra", 1)  # and rr-ra-f5 at seed 1 has no partner: 31.5, 30 and 30.5 less its gains of +1
    base = runs["cell"] == "rr-ra"
    for cell, baseline in (("rr-ra", "rr-ra-f5"), ("rr-ra-f5", "rr-ra")):
        plan["grids"]["pair"] = [{"cell": cell, "settings": {}, "baseline": baseline}]
        row = tables.comparison(made(plan, runs), "pair").iloc[0]
        own = runs[(runs["cell"] == cell) & runs["first20"].notna()]["first20"]
        assert row["first20_mean"] == own.sum() / len(own)
        assert row["seeds"] == 2
        assert len(own) == (2 if cell == "rr-ra" else 3)
        assert summary(runs.assign(**{metric: 0.0 for metric in SUMMARY if metric not in METRICS}))[cell]["first20"][
            "mean"
        ] == round(row["first20_mean"], 2)
    assert base.sum() == 3
    assert MEANS in layout.CELL_FORM and MEANS in layout.PAPER_FORM


def test_a_cell_whose_runs_all_diverged_is_a_gap_in_the_table():
    plan, runs = study(1)
    lost = runs["cell"] == "rr-ra-f5"
    runs.loc[lost, ["first20", "first50", "overall"]] = np.nan
    runs.loc[lost, "status"] = "diverged in task 1"
    table = tables.comparison(made(plan, runs), "table1")
    assert table.loc[1, ["seeds", "gaps"]].tolist() == [0, "seed 0 diverged in task 1"]
    labels = tables.row_labels(table, made(plan, runs), "table1")
    assert layout.paper_form(table, labels).iloc[1, 0] == "\N{EM DASH}/\N{EM DASH}"


def test_rows_are_named_by_every_setting_that_a_grid_varies():
    plan, runs = study()
    for cell, strength in (("rr", 100), ("rr-ra", 1e-3)):
        plan["cells"][cell]["config"]["method"]["si"] = {"strength": strength}
    plan["grids"]["g"] = [
        {"cell": "bir-si", "baseline": None, "settings": {}},
        {"cell": "rr", "baseline": "bir-si", "settings": {"method.si.strength": 100, "training.iterations": 5000}},
        {"cell": "rr-ra", "baseline": "bir-si", "settings": {"method.si.strength": 1e-3, "training.iterations": 5000}},
    ]
    own = made(plan, runs)
    labels = tables.row_labels(tables.comparison(own, "g"), own, "g")
    assert labels.name == "what was trained"
    assert [*labels] == ["BI-R+SI", "RR, c = 100, 5,000 iterations", "RR+RA, c = 0.001, 5,000 iterations"]


def test_values_of_f_of_two_arms_are_rows_in_words():
    plan, runs = study()
    varied = {"settings": {"method.f": 20}, "baseline": "bir-si"}
    plan["grids"]["g"] = [{"cell": "rr", **varied}, {"cell": "rr-ra", **varied}]
    own = made(plan, runs)
    assert [*tables.row_labels(tables.comparison(own, "g"), own, "g")] == ["RR", "RR+RA"]
