"""The committed studies: no comparison has two verdicts, and docs/claims.md says what they say."""

import re
from pathlib import Path

import pandas as pd
import pytest

from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.verdicts.rules import verdict
from exaggerated_replay.analysis.verdicts.sentences import sentence
from exaggerated_replay.analysis.verdicts.table import each_once, verdicts
from exaggerated_replay.analysis.words import SHORT, counted
from exaggerated_replay.commands.compare import compare
from exaggerated_replay.commands.decide import next_step
from exaggerated_replay.files import read_json
from exaggerated_replay.report.comparisons import grids
from exaggerated_replay.report.facts import what_was_not_run
from exaggerated_replay.settings.rules import RulesSettings
from tools import claims

ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.parent for path in ROOT.glob("results/*/plan.json"))


@pytest.fixture(scope="module")
def found():
    """All verdicts, each with the runs that it was reached by: names of those of the cell and of the baseline."""
    tables = []
    for folder in STUDIES:
        cells = read_json(folder / "plan.json")["cells"]
        runs = {name: frozenset(cell["runs"]) for name, cell in cells.items()}
        table = pd.read_csv(folder / "verdicts.csv", keep_default_na=False, na_values=[""])
        sides = {side: table[side].map(runs) for side in ("cell", "baseline")}
        tables.append(table.assign(study=folder.name, ours=sides["cell"], theirs=sides["baseline"]))
    return pd.concat(tables, ignore_index=True)


def test_the_same_runs_have_one_verdict_in_every_grid_of_every_study(found):
    words = found.groupby(["ours", "theirs", "metric"])["verdict"].agg(set)
    assert len(words) > 400
    assert not {index: said for index, said in words.items() if len(said) > 1}


def test_grids_quote_a_verdict_with_all_its_numbers(found):
    own = found.drop(columns=["grid", "ours", "theirs"]).drop_duplicates()
    assert not own.duplicated(["study", "cell", "baseline", "metric"]).any()
    families = found[found["grid"] == found["family"]]
    assert len(families) == len(own)
    counted = families.groupby(["study", "family"])["comparisons"].agg(["min", "max", "size"])
    assert (counted["min"] == counted["max"]).all()
    assert (counted["min"] >= counted["size"]).all()


def test_with_more_seeds_no_verdict_is_turned_into_its_opposite(found):
    """Studies that share runs of a comparison have intervals that overlap."""
    for _, rows in found.groupby(["metric"]):
        rows = rows.drop_duplicates(["ours", "theirs"])
        for place, one in enumerate(rows.itertuples()):
            for other in list(rows.itertuples())[place + 1 :]:
                if one.ours & other.ours and one.theirs & other.theirs:
                    assert max(one.valid_low, other.valid_low) <= min(one.valid_high, other.valid_high)


@pytest.mark.parametrize("name", ["small", "laptop", "stored-small"])
def test_how_many_more_seeds_a_comparison_needs_is_one_number_everywhere(name):
    study = open_study(ROOT / "results" / name)
    table = verdicts(study)
    undecided = each_once(table).query("verdict == 'undecided'")
    assert len(undecided) > 1
    page = {
        (row.cell, row.baseline, number.part): number.beside
        for grid in grids(study, table)
        for row in grid.rows
        for number in row.numbers
    }
    for _, row in undecided.iterrows():
        cell, baseline, metric, more = row[["cell", "baseline", "metric", "more_seeds"]]
        said = counted(more, "more seed")
        assert f"needing about {said}." in sentence(study.plan, row)
        assert f"needing about {said}." in compare(study, baseline, cell)
        assert page[cell, baseline, SHORT[metric]] == said
        assert (
            len(next_step(table[table["baseline"] == baseline], [f"{cell}:{metric}"], range(10**4), 10**6).seeds)
            == more
        )
    kept = pd.read_csv(ROOT / "results" / name / "verdicts.csv")
    assert kept["more_seeds"].tolist() == table["more_seeds"].tolist()
    assert f"about {counted(undecided['more_seeds'].max(), 'more seed')}," in what_was_not_run(study, table)[-1]


def test_every_word_follows_from_the_interval_beside_it_by_the_rules_of_today(found):
    for folder in STUDIES:
        rules = open_study(folder).plan.rules
        assert (rules.alpha, rules.margins) == (RulesSettings().alpha, RulesSettings().margins)
    margins = found["metric"].map(RulesSettings().margins.of)
    ends = zip(found["valid_low"], found["valid_high"], found["claim"], margins, strict=True)
    assert found["verdict"].tolist() == [verdict(*one) for one in ends]


def test_the_page_of_claims_is_what_the_committed_studies_say():
    written = (ROOT / claims.PAGE).read_text(encoding="utf-8")
    assert written == claims.page(ROOT / claims.RESULTS), "run `make claims`"
    cells = written.partition("## Table 1, cell by cell")[2].partition("Under another reading")[0]
    assert len(re.findall(r"^\| \d+ \|", cells, re.MULTILINE)) == 15
