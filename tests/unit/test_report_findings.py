"""What grids show beyond their verdicts, as the report shows it."""

import re

import pandas as pd
import pytest
from sample_report import plan_of
from studies import planned

from exaggerated_replay.analysis.study.outputs import findings_of
from exaggerated_replay.report.findings import Finding, clauses, closest, frontier, trends
from exaggerated_replay.wording import unbroken


def section_of(folder, grid):
    return (folder / "report.html").read_text().partition(f'id="grid-{grid}"')[2].partition("</section>")[0]


def shown(section, heading):
    """The cells of the table that has this heading, without tags, by row."""
    (table,) = [table for table in re.findall(r"<table.*?</table>", section, re.DOTALL) if f">{heading}<" in table]
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    return [[re.sub("<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


@pytest.mark.parametrize("treatment", ["rr-ra", "null"])
def test_where_the_strength_is_swept_the_page_says_what_lies_beyond_the_baselines_reach(written, treatment):
    plan = plan_of(("bir-si", treatment, "rr-ra-f5"), grids=("sweep",))
    for number, cell in enumerate(plan["cells"].values()):
        cell["config"]["method"]["si"] = {"strength": 1000.0 * (number + 1)}
    plan["study"]["figures"] = {"sweep": "frontier"}
    folder = written(plan)
    table = pd.read_csv(folder / "frontier/sweep.csv", keep_default_na=False)
    assert table[["cell", "c", "rival", "rival_c"]].to_numpy().tolist() == [
        [treatment, 2000.0, "bir-si", 1000.0],
        ["rr-ra-f5", 3000.0, "bir-si", 1000.0],
    ]
    section = section_of(folder, "sweep")
    rows = shown(section, "hardest c of the baseline")
    assert [row[:4] for row in rows] == [
        ["RR+RA" if treatment == "rr-ra" else treatment, "2,000", "1,000", "6"],
        [
            f"{'RR+RA' if treatment == 'rr-ra' else treatment}, f = 5",
            "3,000",
            "1,000",
            "5",
        ],  # a pair less: one run diverged
    ]
    assert [row[-1] for row in rows] == table["verdict"].tolist()
    assert '<a href="#runs-1">1,000</a>' in section
    assert 'href="frontier/sweep.csv"' in section


@pytest.mark.parametrize(("dataset", "papers"), [("digits", []), ("cifar100", ["2,000"])])
def test_where_a_size_grows_the_page_says_what_grows_with_it(written, dataset, papers):
    plan = plan_of(grids=("sizes",))
    plan["dataset"]["name"] = dataset
    for number, cell in enumerate(plan["cells"].values()):
        cell["config"]["model"] = {"units": 20 * 10 ** max(number - 1, 0), "latent": 5}
    plan["grids"]["sizes"] = [{**row, "settings": {"model.units": 0}} for row in plan["grids"]["sizes"]]
    plan["study"]["figures"] = {"sizes": "scale"}
    folder = written(plan)
    table = pd.read_csv(folder / "trends/sizes.csv")
    assert table["metric"].tolist() == ["first20", "first50", "overall"]
    rows = shown(section_of(folder, "sizes"), "points per tenfold size")
    assert table.get("papers", pd.Series()).tolist() == [2000] * 3 * len(papers)
    assert [row[: 4 + len(papers)] for row in rows] == [
        ["rr-ra", part, "20 to 200", *papers, "5"]
        for part in (unbroken("first 20 %"), unbroken("first 50 %"), "all classes")
    ]
    assert [row[-1] for row in rows] == table["verdict"].tolist()
    assert 'href="trends/sizes.csv"' in section_of(folder, "sizes")
    assert "rom 20 to 200 (units of a hidden layer), of 3 differences " in (folder / "report.html").read_text()


def test_of_readings_the_page_says_which_comes_closest_to_the_papers_table(written):
    plan = plan_of(grids=("readings",))
    plan["study"]["figures"] = {"readings": "specification"}
    assert findings_of(planned(plan)) == {}  # the paper says nothing of digits
    plan["dataset"] |= {"name": "cifar100"}
    folder = written(plan)
    table = pd.read_csv(folder / "closest/readings.csv")
    rows = shown(section_of(folder, "readings"), "points from Table 1")
    assert [row[0] for row in rows] == [
        *table["cell"].map({"rr-ra": "RR+RA", "rr-ra-f5": "RR+RA, f = 5"}),
        "no effect at all",
    ]
    assert [row[-2] for row in rows] == [*(f"{x:.2f}" for x in table["distance"]), f"{table['without_effect'][0]:.2f}"]
    assert "losest to the paper&#39;s Table 1 comes" in (folder / "report.html").read_text()


# In a clause each, from tables made by hand.


def test_a_mixture_of_two_strengths_is_named_by_both():
    row = {"cell": "a", "c": 100.0, "rival": "b", "rival_c": 3000.0, "other": "d", "other_c": 900.0, "seeds": 5}
    row |= {"first20": 1.0, "overall": -1.0, "p": 0.2, "verdict": "undecided"}
    ((_, _, mixture, *_),) = frontier.rows(pd.DataFrame([row]))
    assert (mixture.text, mixture.runs_of) == ("between 900 and 3,000", "b")


def test_a_sweep_in_a_clause():
    swept = pd.DataFrame({"verdict": ["within", "beyond", "undecided", "within"]})
    assert frontier.clause(swept) == (
        "beyond the baseline's reach at any strength c of synaptic intelligence: "
        "1 of 4 cells (2 within it, 1 undecided)"
    )


def test_trends_in_a_clause():
    table = pd.DataFrame(
        {"arm": ["rr-ra", "rr-ra", "ra"], "size": "training.iterations", "verdict": ["falls", "level", "rises"]}
    ).assign(least=50, most=400)
    said = "from 50 to 400 (iterations per task), of 3 differences 1 rising, 1 falling, 1 level"
    assert trends.clause(table) == said
    other = table.assign(size="model.units", most=800, verdict="undecided")
    assert trends.clause(pd.concat([table, other])) == (
        f"{said}; from 50 to 800 (units of a hidden layer), of 3 differences 3 undecided"
    )


def test_the_closest_reading_in_a_clause():
    table = pd.DataFrame({"cell": ["b", "a"], "distance": [1.234, 2.0], "without_effect": 4.0353})
    assert closest.clause(table) == (
        "closest to the paper's Table 1 comes b, 1.23 points from it (root mean square over its columns; no effect at "
        "all is 4.04 from it)"
    )


def test_a_question_that_is_asked_in_two_grids_is_answered_once():
    near, far = (
        pd.DataFrame({"cell": [cell], "distance": d, "without_effect": 4.0}) for cell, d in (("a", 1), ("b", 2))
    )
    swept = pd.DataFrame({"verdict": ["beyond"]})
    kinds = [(closest, far), (frontier, swept), (closest, near), (frontier, swept)]
    found = clauses([Finding(kind, "g.csv", table) for kind, table in kinds], planned({"cells": {"a": {}}}))
    nearest, beyond = found
    assert nearest.startswith("closest to the paper's Table 1 comes a, 1.00 points")
    assert beyond.endswith(": 2 of 2 cells (0 within it, 0 undecided)")
