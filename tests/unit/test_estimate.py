"""How long new runs will take, by the seconds of like studies: by hand, and by a study that is committed."""

import json
from pathlib import Path

import pytest

from exaggerated_replay import cli
from exaggerated_replay.files import write_json
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.runs import values_of
from exaggerated_replay.store.estimate import time_told
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import sealed
from exaggerated_replay.wording import roughly

ROOT = Path(__file__).parents[2]
SMALL = ["study=table1", "study.name=old", "study.seeds=2", "study.grids.table1=[{arm:[bir-si,rr-ra]}]"]


def planned(*more):
    return make_plan(check_params(compose_values(ROOT / "conf", ["dataset=digits", *SMALL, *more])))


def names(plan):
    return [run.directory.name for run in plan.runs]


def record_of(run, device="cpu"):
    said = {"settings": values_of(run.settings), "counts": {}, "diverged": None, "instruments": {}, "sha256": {}}
    said["environment"] = {"device": device, "torch": "2"}
    return sealed({**said, "problem": {"inputs": 64, "classes": 10, "bounded": True}})


def write_study(results, plan, seconds, timed, device="cpu"):
    folder = results / plan.study.name
    write_lines(folder / "records.jsonl", [Line(run.name, record_of(run, device)) for run in plan.runs])
    write_json(folder / "provenance.json", {"seconds": seconds, "timed": timed})


def test_seconds_grow_with_the_steps_and_those_of_first_tasks_count_half(tmp_path):
    """Two runs that were timed had 2 x 4.5 x 60 steps in five tasks: 540 s are one each."""
    write_study(tmp_path, planned("training.iterations=60"), seconds=540, timed=2)
    new = planned("training.iterations=120", "study.seeds=10")  # 20 x 4.5 x 120 steps, 3 h
    assert (
        time_told(new, names(new), tmp_path) == "On one core the 20 new runs take about 3 hours, by the times of old."
    )
    assert time_told(new, names(new)[:1], tmp_path) == (
        "On one core the new run takes about 9 minutes, by the times of old."
    )
    assert time_told(new, [], tmp_path) == ""


def test_tasks_are_those_of_each_cell_also_where_a_file_lists_them(tmp_path):
    """With two tasks a run has 1.5 x 60 steps, with five 4.5 x 60."""
    write_study(tmp_path, planned(), seconds=540, timed=2)  # a second a step
    listed = tmp_path / "tasks.yaml"
    listed.write_text("[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]")
    for two in (2, listed):
        new = planned(f"dataset.tasks={two}", "study.seeds=20")  # 40 x 90 steps
        assert "take about an hour" in time_told(new, names(new), tmp_path)
    grid = "study.grids.table1=[{arm: [bir-si, rr-ra], dataset.tasks: [2]}]"
    varied = planned(grid, "study.seeds=20", "focus=rr-ra-tasks2")
    assert "take about an hour" in time_told(varied, names(varied), tmp_path)


def test_like_studies_count_together_and_no_others(tmp_path):
    write_study(tmp_path, planned(), seconds=540, timed=2)  # a second a step
    write_study(tmp_path, planned("study.name=slower"), seconds=2700, timed=2)  # five
    write_study(tmp_path, planned("study.name=wide", "model.units=99"), seconds=1e9, timed=2)
    write_study(tmp_path, planned("study.name=batch", "training.batch=65"), seconds=1e9, timed=2)
    write_study(tmp_path, planned("study.name=gpu"), seconds=1e9, timed=2, device="cuda")
    write_study(tmp_path, planned("study.name=untimed"), seconds=0, timed=0)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/records.jsonl").write_text("{}")
    new = planned("study.seeds=6")  # 12 x 270 steps of three seconds, 2.7 h
    told = time_told(new, names(new), tmp_path)
    assert told == "On one core the 12 new runs take about 2.5 hours, by the times of old and 1 other study like it."
    for other in (planned("compute=cuda"), planned("model.units=98")):
        assert time_told(other, names(other), tmp_path) == ""


def test_times_on_more_threads_or_in_another_precision_are_those_of_other_runs(tmp_path):
    two = planned("compute.threads=2")
    write_study(tmp_path, two, seconds=540, timed=2)
    write_study(tmp_path, planned("study.name=half", "compute.threads=2", "compute.precision=bf16"), seconds=1, timed=2)
    told = "On 2 cores the 4 new runs take about 20 minutes, by the times of old."
    assert time_told(two, names(two), tmp_path) == told
    assert time_told(planned(), names(planned()), tmp_path) == ""


def test_a_method_without_steps_costs_nothing(tmp_path):
    """Two runs of bir-si took 540 s, and the two of streaming LDA beside them no time worth telling."""
    plan = planned("study.grids.table1=[{arm:[bir-si,slda]}]", "focus=slda")
    write_study(tmp_path, plan, seconds=540, timed=4)
    told = "On one core the 4 new runs take about 9 minutes, by the times of old."
    assert time_told(plan, names(plan), tmp_path) == told


def test_a_study_of_such_methods_alone_tells_nothing_of_steps(tmp_path):
    alone = ("study.grids.table1=[{arm:[slda,gaussians]}]", "focus=slda", "study.baseline=slda")
    plan = planned(*alone, "study.treatment=gaussians")
    write_study(tmp_path, plan, seconds=2, timed=4)
    assert time_told(plan, names(plan), tmp_path) == ""


MIXED = "study.grids.table1=[{arm: [bir-si, rr-ra]}, {arm: [bir-si, rr-ra], as: small, model.units: [20]}]"


def test_runs_of_several_sizes_are_told_by_the_times_of_their_own(tmp_path):
    """As in stored-short: those of one size took a minute here, those of the other 45."""
    plan = planned("study.seeds=6", MIXED)
    small = [run for run in plan.runs if run.settings.model.units == 20]
    large = [run for run in plan.runs if run.settings.model.units != 20]
    assert (len(small), len(large)) == (12, 12)
    for run, minutes in [(small[0], 1), (small[1], 1), (large[0], 45)]:
        write_json(tmp_path / f"runs/{run.name}/record.json", record_of(run))
        write_json(tmp_path / f"timings/{run.name}.json", {"seconds": 60 * minutes, "hardware": "mine"})
    told = "On one core the {} new runs take {}, by the times of old."
    assert time_told(plan, names(plan), tmp_path) == told.format(24, "about 9 hours")  # 9.2 h
    assert time_told(plan, [run.name for run in small], tmp_path) == told.format(12, "about 10 minutes")
    assert time_told(plan, [run.name for run in large[1:3]], tmp_path) == told.format(2, "about 1.5 hours")

    (tmp_path / f"timings/{large[0].name}.json").unlink()
    assert time_told(plan, names(plan), tmp_path) == ""  # nobody knows how long the large ones take


def test_what_runs_of_several_sizes_took_together_tells_of_none_of_them(tmp_path):
    mixed = planned(MIXED)
    write_study(tmp_path, mixed, seconds=540, timed=1)
    assert time_told(mixed, names(mixed), tmp_path) == ""
    alone = planned("study.name=alone", "model.units=20")
    write_study(tmp_path, alone, seconds=540, timed=2)
    told = "On one core the 4 new runs take about 20 minutes, by the times of alone."
    assert time_told(mixed, [run.name for run in mixed.runs if run.settings.model.units == 20], tmp_path) == told


def test_a_committed_study_tells_what_it_took_itself():
    plan = make_plan(check_params(compose_values(ROOT / "conf", ["dataset=digits"])))
    took = json.loads((ROOT / "results/default/provenance.json").read_text())["seconds"]  # of all its 80 runs
    told = time_told(plan, names(plan), ROOT / "results")
    assert told.startswith(f"On one core the {len(plan.runs)} new runs take {roughly(took * len(plan.runs) / 80)}, by")
    mnist = planned("dataset=mnist")
    assert time_told(mnist, names(mnist), ROOT / "results") == ""


def test_compose_says_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("conf").symlink_to(ROOT / "conf")
    write_study(Path("results"), planned(), seconds=540, timed=2)
    assert cli.main(["compose", "dataset=digits", *SMALL]) == 0
    assert capsys.readouterr().out == (
        "params.yaml: the study old, 2 cells, 4 runs, 4 of them new\n"
        "On one core the 4 new runs take about 20 minutes, by the times of old.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (61, "about a minute"),
        (100, "about 2 minutes"),
        (9 * 60, "about 9 minutes"),
        (1357.2, "about 25 minutes"),
        (57 * 60, "about 55 minutes"),
        (58 * 60, "about an hour"),
        (5000, "about 1.5 hours"),
        (4 * 3600, "about 4 hours"),
        (13.4 * 3600, "about 13 hours"),
        (60 * 3600, "about 2 days"),
    ],
)
def test_a_guess_is_said_without_false_precision(seconds, said):
    assert roughly(seconds) == said
