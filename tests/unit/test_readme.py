"""README.md of a study: its answer, table and figures, and nothing that Markdown would take for something else."""

import json
import re

import pytest
from sample_report import plan_of
from studies import planned

from exaggerated_replay.analysis.study.outputs import featured
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.report.readme import plain, readme, table
from exaggerated_replay.wording import unbroken

ORIGIN = {
    **{"commit": "c" * 40, "modified": "", "python": "3.11", "system": "x", "timed": 18, "seconds": 90.0},
    **{"hardware": {"A|B": 18}, "unlike_pairs": 0},
}


def rows(text, heading):
    """Return the cells of the table below a heading."""
    lines = text.partition(f"## {heading}")[2].partition("\n## ")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|")]


def test_it_holds_the_answer_the_main_table_with_verdicts_and_the_figures(written):
    folder = written(plan_of())
    text = (folder / "README.md").read_text()
    assert text.startswith("# Feature exaggeration on digits: mine\n")
    assert re.search(r"\*\*On digits, .*\*\*", text)
    headings, _, base, first, second = rows(text, "Table 1")
    assert headings == ["repulsion factor f", "seeds", unbroken("first 20 %"), unbroken("first 50 %"), "all classes"]
    assert base[:3] == ["baseline", "6", unbroken("60.00 %")]  # 30 of 50 at every seed
    # 0, 1, 2, 3, 0, 1 more of the 50 than the baseline's: 2 points each.
    assert first[0] == "20" and first[2].startswith("+2.33 (")
    assert "paper" not in first[2]
    assert second[:2] == ["5", "5"]  # one seed diverged
    shown = re.findall(r"!\[.+\]\((.+)\)", text)
    assert shown == ["figures/table1.png", "figures/other.png"]
    assert all((folder / name).is_file() for name in shown)
    assert "[Other](tables/other.csv)" in text and (folder / "tables/other.csv").is_file()


def test_no_line_ends_between_a_number_and_its_percent_sign(written):
    folder = written(plan_of())
    for name in ("README.md", "report.html", "tables/table1.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert len(re.findall("[0-9]\N{NO-BREAK SPACE}%", text)) > 2
        assert not re.search("[0-9][ \n]+%", text)
    csv = (folder / "tables/table1.csv").read_text(encoding="utf-8")
    assert "\N{NO-BREAK SPACE}" not in csv


def test_the_papers_gain_stands_beside_its_own_data(written):
    plan = plan_of()
    plan["dataset"] |= {"name": "cifar100", "title": "CIFAR-100"}
    text = (written(plan) / "README.md").read_text()
    assert "; paper +4.80" in rows(text, "Table 1")[3][2]
    assert "Open diamonds are the values of the paper's Table 1" in text


def test_it_says_what_was_run_on_what(written):
    folder = written(plan_of())
    said = dict(rows(readme(open_study(folder), folder, ORIGIN), "What was run")[2:])
    assert said["Data"] == "digits"
    assert said["Seeds"] == "0\N{EN DASH}5"
    assert said["Hardware"] == "A\\|B (18 runs)"
    assert said["Commit"] == "c" * 40
    assert said["Time"].startswith("90 seconds")


def test_it_is_the_same_from_the_folder_as_from_the_workflow(written):
    folder = written(plan_of())
    origin = json.loads((folder / "provenance.json").read_text())
    assert readme(open_study(folder), folder, origin) == (folder / "README.md").read_text()


def test_names_that_are_markdown_or_html_stay_text(written):
    names = ("a|b<i>", "[c](d)", "*e* `f` #g")
    text = (written(plan_of(names, grids=("other",))) / "README.md").read_text()
    body = text.partition("## Files")[0]
    assert not re.search(r"(?<!\\)<", body)
    assert not re.search(r"(?<!\\)`", body)
    assert {len(row) for row in rows(text, "Table 1")} == {5}
    assert r"\[c\](d)" in text and "[c](d)" not in text.replace(r"\[c\](d)", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b", r"a\_b"),
        ("1 < 2 & 3", r"1 \< 2 \& 3"),
        ("a\nb", "a b"),
        ("~x~ #1", r"\~x\~ \#1"),
        ("back\\", "back\\\\"),
    ],
)
def test_what_markdown_would_take_for_something_else_is_escaped(text, shown):
    assert plain(text) == shown


def test_a_table_of_markdown():
    assert table(("a", "b"), [("1", "x|y")]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"


def drawn(kinds, method):
    """A plan whose grids are drawn as is said, in this order, and that has a cell of this method."""
    cells = {"a": {"config": {"method": method}}}
    return planned({"study": {"figures": kinds}, "grids": {name: [] for name in kinds}, "cells": cells})


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        ({"b": "comparison"}, ["b", "mechanism"]),
        ({"b": "comparison", "a": "comparison"}, ["b", "a", "mechanism"]),
        ({"b": "comparison", "a": "comparison", "c": "frontier"}, ["b", "c", "a"]),
        ({"b": "convergence", "a": "dose", "d": "specification", "c": "scale"}, ["b", "c", "d"]),
    ],
)
def test_the_first_grids_figure_is_shown_and_those_that_say_most(kinds, shown):
    assert featured(drawn(kinds, {"lambda_rr": 1, "lambda_ra": 1})) == shown
    assert featured(drawn(kinds, {})) == [name for name in shown if name != "mechanism"]
