"""Rounds of seeds: which are added, when it ends, and what becomes of params.yaml."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from studies import made, planned
from test_verdicts import study

from exaggerated_replay.analysis.verdicts.table import verdicts
from exaggerated_replay.commands.decide import (
    check_claims,
    chosen,
    decide,
    next_step,
    run_rounds,
    short_seeds,
    summary,
    write_seeds,
)
from exaggerated_replay.errors import UserError
from exaggerated_replay.locks import hold_folder
from exaggerated_replay.planning.compose import write_params
from exaggerated_replay.planning.drift import drift
from exaggerated_replay.planning.params import read_params
from exaggerated_replay.planning.plan import make_plan

CONF = Path(__file__).parents[2] / "conf"


def table(*rows):
    """Verdicts of one grid: (cell, metric, verdict, more seeds)."""
    columns = ["cell", "metric", "verdict", "more_seeds"]
    return pd.DataFrame(rows, columns=columns).assign(grid="table1", baseline="base", seeds=5, left_out=0)


HALF = table(("a", "first20", "helps", 0), ("a", "overall", "undecided", 7), ("b", "overall", "undecided", 3))


def test_a_round_adds_what_the_nearest_claim_needs():
    step = next_step(HALF, [], range(5), at_most=60)
    assert step.seeds == (5, 6, 7)
    assert (len(step.decided), len(step.undecided)) == (1, 2)


def test_only_the_claims_that_were_asked_for_count():
    assert next_step(HALF, ["a"], range(10), at_most=60).seeds == tuple(range(10, 17))
    assert next_step(HALF, ["a:first20"], range(10), at_most=60).seeds == ()
    assert len(chosen(HALF, ["a:overall", "b"])) == 2
    assert len(chosen(HALF, ["table1"])) == len(chosen(HALF, [])) == 3


def test_what_two_grids_ask_counts_once():
    twice = next_step(pd.concat([HALF, HALF.assign(grid="convergence")]), [], range(5), 60)
    assert (len(twice.decided), len(twice.undecided)) == (1, 2)


def test_a_round_is_bounded_by_the_limit_and_by_what_there_was():
    assert next_step(HALF, ["a"], range(5), at_most=7).seeds == (5, 6)
    assert next_step(HALF, ["a"], range(5), at_most=5).seeds == ()
    assert next_step(HALF, ["a"], range(5), at_most=3).seeds == ()
    assert next_step(HALF, ["a"], [0, 1], at_most=60).seeds == (2, 3)
    endless = table(("a", "overall", "undecided", np.inf))
    assert len(next_step(endless, [], range(4), at_most=60).seeds) == 4


def test_no_seeds_are_added_for_what_diverges_at_every_seed():
    lost = table(("c", "overall", "undecided", np.inf)).assign(seeds=0, left_out=5)
    assert next_step(lost, [], range(5), at_most=60).seeds == ()
    assert next_step(pd.concat([HALF, lost]), [], range(5), at_most=60).seeds == (5, 6, 7)
    told = []
    assert decide(range(5), 60, [], lambda seeds: lost, told.append).seeds == ()
    assert told == ["5 seeds: 0 decided, 1 undecided; all others diverge at every seed."]


def test_new_seeds_follow_the_last_one():
    assert next_step(HALF, ["b"], range(100, 120), at_most=60).seeds == (120, 121, 122)


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True),
    st.integers(1, 80),
    st.lists(st.integers(1, 50) | st.just(np.inf), max_size=4),
)
def test_no_round_exceeds_the_limit_or_repeats_a_seed_and_each_brings_one_on(seeds, at_most, needs):
    step = next_step(table(*(("a", "overall", "undecided", more) for more in needs)), [], seeds, at_most)
    assert len(seeds) + len(step.seeds) <= max(at_most, len(seeds))
    assert not set(step.seeds) & set(seeds)
    assert bool(step.seeds) == (bool(needs) and len(seeds) < at_most)


def test_rounds_end_once_all_is_decided():
    """A real effect of one standard deviation, judged for real: decided on the way, and long before the limit."""
    gains = np.random.default_rng(2).normal(2.0, 2.0, 200)
    looked, told = [], []

    def judge(seeds):
        looked.append(len(seeds))
        return verdicts(made(*study({"treated": gains[: len(seeds)]}, dataset="digits")))

    step = decide(list(range(3)), 200, [], judge, told.append)
    assert step.undecided.empty
    assert set(step.decided["verdict"]) == {"helps"}
    assert looked == sorted(looked)
    assert 5 <= looked[-1] < 60
    assert len(told) == len(looked)
    assert told[-1].endswith("3 decided, 0 undecided; nothing remains.")
    said = summary(planned(study({"treated": gains[:2]}, dataset="digits")[0]), step).splitlines()
    assert said[0] == "Decided:"
    assert all(line.startswith("- treated against base") for line in said[1:4])
    assert said[4:6] == ["Undecided:", "- nothing"]
    assert len(said) == 7  # the size is said once
    assert said[6].startswith("This applies to 300 units, 400 iterations")


def test_rounds_end_at_the_limit():
    told = []
    noise = 10 * np.random.default_rng(3).normal(0, 1, 50)
    step = decide(
        list(range(4)), 12, [], lambda seeds: verdicts(made(*study({"treated": noise[: len(seeds)]}))), told.append
    )
    assert step.seeds == ()
    assert len(step.undecided) > 0
    assert step.undecided["seeds"].tolist() == [12] * len(step.undecided)
    assert told[-1].endswith("the limit is reached.")


def test_claims_are_checked_before_anything_is_trained():
    plan, _ = study({"treated": [0, 0]})
    check_claims(planned(plan), ["table1", "treated", "treated:overall"])
    for wrong in ("treatde", "treated:first30", "base", "base:overall"):
        with pytest.raises(UserError, match=rf"'{wrong}' is not a claim.*\(table1, treated\).*treated:first20"):
            check_claims(planned(plan), [wrong])


@pytest.mark.parametrize(
    ("seeds", "text"), [([0], 1), (range(7), 7), (range(100, 120), "100-119"), ([0, 1, 5], [0, 1, 5]), ([4], "4-4")]
)
def test_seeds_are_written_as_short_as_can_be(seeds, text):
    assert short_seeds(seeds) == text


WORKFLOW = """
import json, sys
from pathlib import Path
from exaggerated_replay.planning.params import read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.runs import values_of
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import sealed
_, params = read_params(Path("params.yaml"))
plan = make_plan(params)
folder = Path("results", plan.study.name)
folder.mkdir(parents=True, exist_ok=True)
(folder / "plan.json").write_text(json.dumps(StudyPlan.to_dict(plan)))
lines = {}
for cell in plan.cells.values():
    for run in cell.runs:
        right = 40 + 3 * (run.seed % 5) + (cell.arm == "rr-ra") * (12 + run.seed % 3)
        record = {
            "settings": {**values_of(run.settings), "tasks": [[0], [1], [2], [3], [4]]},
            "diverged": None,
            "problem": {"inputs": 64, "classes": 5, "bounded": True},
            "counts": {"correct": [[right] * 5] * 5, "tested": [100] * 5, "predicted": [100] * 5},
            "instruments": {},
            "environment": {"device": "cpu", "torch": "2"},
            "sha256": {},
        }
        lines[run.name] = Line(run.name, sealed(record))
write_lines(folder / "records.jsonl", lines.values())
with open("log", "a") as log:
    print(len(plan.cells["bir-si"].runs), file=log)
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with a params.yaml of two seeds, and a workflow that makes up records instead of training."""
    monkeypatch.chdir(tmp_path)
    write_params(CONF, ["study=table1", "study.seeds=2"], Path("params.yaml"))
    Path("workflow.py").write_text(WORKFLOW)
    return [sys.executable, "workflow.py"]


def test_the_command_adds_seeds_until_it_knows(repository, capsys):
    run_rounds(["rr-ra:overall"], 40, repository, Path("params.yaml"), Path("results"))
    said = capsys.readouterr().out
    sizes = [int(line) for line in Path("log").read_text().split()]
    assert sizes[0] == 2
    assert sizes == sorted(set(sizes))
    assert yaml.safe_load(Path("params.yaml").read_text())["study"]["seeds"] == sizes[-1] < 40
    assert "2 seeds: 0 decided, 1 undecided; the next round adds seeds 2, 3." in said
    assert "- rr-ra against bir-si on all classes of digits: +1" in said
    assert "helps, above zero" in said


def test_given_once_more_it_trains_what_is_there_and_changes_nothing(repository):
    run_rounds(["rr-ra:overall"], 40, repository, Path("params.yaml"), Path("results"))
    before = Path("params.yaml").read_bytes()
    run_rounds(["rr-ra:overall"], 40, repository, Path("params.yaml"), Path("results"))
    assert Path("params.yaml").read_bytes() == before


def test_a_workflow_that_fails_is_named_and_a_wrong_claim_starts_none(repository):
    with pytest.raises(UserError, match="ended with status 3"):
        run_rounds([], 40, [sys.executable, "-c", "raise SystemExit(3)"], Path("params.yaml"), Path("results"))
    with pytest.raises(UserError, match="'rrra' is not a claim"):
        run_rounds(["rrra"], 40, repository, Path("params.yaml"), Path("results"))
    assert not Path("log").exists()


@pytest.mark.parametrize("changed", ["study.seeds=3", "model.units=17"])
def test_verdicts_on_other_runs_than_are_asked_for_are_not_believed(repository, changed):
    """A workflow that trains and writes no tables would leave those of before, and look as if nothing came of it."""
    run_rounds(["rr-ra:overall"], 2, repository, Path("params.yaml"), Path("results"))
    write_params(CONF, ["study=table1", "study.seeds=2", changed], Path("params.yaml"))
    with pytest.raises(UserError, match=r"results/table1 does not have the runs that params\.yaml asks for: give a"):
        run_rounds(["rr-ra:overall"], 40, [sys.executable, "-c", ""], Path("params.yaml"), Path("results"))


def test_no_seeds_are_written_while_a_run_is_at_work(repository):
    before = Path("params.yaml").read_bytes()
    with (
        hold_folder(Path(".snakemake"), pytest.fail),
        pytest.raises(UserError, match="another run is working in this folder"),
    ):
        write_seeds(Path("params.yaml"), range(3))
    assert Path("params.yaml").read_bytes() == before


@pytest.mark.parametrize("seeds", [range(3), range(100, 103), [0, 5, 7]])
def test_seeds_that_were_written_are_those_of_the_plan_and_no_difference_from_conf(repository, seeds):
    write_seeds(Path("params.yaml"), seeds)
    values, params = read_params(Path("params.yaml"))
    assert {run.seed for run in make_plan(params).cells["bir-si"].runs} == set(seeds)
    assert drift(CONF, values) == []
