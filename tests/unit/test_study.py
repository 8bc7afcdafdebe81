"""A study's folder: whole or not at all, quiet where nothing changed, and never a stranger's file."""

import json
import os
import threading
import time

import pytest
import yaml
from test_runs import PLAN as CELLS
from test_runs import RUNS, record

from exaggerated_replay.analysis import folder as folders
from exaggerated_replay.analysis import origin as origins
from exaggerated_replay.analysis.origin import without_path
from exaggerated_replay.analysis.outputs import study_files
from exaggerated_replay.analysis.study import write_study
from exaggerated_replay.errors import UserError
from exaggerated_replay.store.records import sealed

PLAN = {
    **CELLS,
    "focus": "mine-f20",
    "dataset": {"name": "digits", "source_name": None, "sha256": "d" * 64},
    "study": {"name": "mine"},
    "runs": {run: {"data": "d" * 64, "code": "c" * 64, "tasks": [[2, 0], [3, 1]]} for run in RUNS},
}
OTHER = {**PLAN, "grids": {"h": PLAN["grids"]["g"]}}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A repository with all runs finished, and a function that writes the study."""
    monkeypatch.chdir(tmp_path)
    for run in RUNS:
        (tmp_path / "results/runs" / run).mkdir(parents=True)
        (tmp_path / "results/runs" / run / "record.json").write_text(json.dumps(record()))
        (tmp_path / "results/timings").mkdir(exist_ok=True)
        (tmp_path / f"results/timings/{run}.json").write_text(json.dumps({"seconds": 1.5, "hardware": "mine"}))
    (tmp_path / "params.yaml").write_text("dataset:\n  source: /home/me/secret/x.npz\n")

    def write(plan=PLAN, parts=(), made_from="this"):
        return write_study(plan, tmp_path / "results/mine", parts, made_from=made_from)

    return write


def files(place):
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def test_everything_is_written_and_said(write, tmp_path):
    said = write()
    folder = tmp_path / "results/mine"
    assert files(folder) == set(study_files(PLAN))
    assert json.loads((folder / "plan.json").read_text()) == json.loads(json.dumps(PLAN))
    assert "| arm" in said
    assert str(folder) in said
    lines = (folder / f"records/{RUNS[0]}.json").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [record()]
    found = json.loads((folder / "provenance.json").read_text())
    assert (found["seconds"], found["timed"], found["hardware"]) == (6.0, 4, {"mine": 4})
    assert found["files"] == sorted(study_files(PLAN))
    assert (folder / "params.yaml").read_text() == "dataset:\n  source: x.npz\n"
    assert json.loads((tmp_path / "results/focus.json").read_text())["overall"] == 55


def test_a_second_time_nothing_is_touched(write, tmp_path):
    write()
    every = [tmp_path / "results/focus.json", *(tmp_path / "results/mine" / name for name in study_files(PLAN))]
    for path in every:
        os.utime(path, (1, 1))
    (tmp_path / f"results/timings/{RUNS[0]}.json").unlink()  # what is not about the runs does not count
    write()
    assert [path.stat().st_mtime for path in every] == [1] * len(every)


def test_where_it_was_made_is_said_anew_when_a_run_of_the_same_name_says_something_else(write, tmp_path):
    write()
    told = tmp_path / "results/mine/provenance.json"
    before = json.loads(told.read_text())
    changed = record()
    changed["environment"]["torch"] = "another"
    changed = sealed(changed)
    (tmp_path / f"results/runs/{RUNS[0]}/record.json").write_text(json.dumps(changed))
    (tmp_path / f"results/timings/{RUNS[0]}.json").write_text(json.dumps({"seconds": 2.5, "hardware": "new"}))
    write()
    after = json.loads(told.read_text())
    assert after["runs"] != before["runs"]
    assert (after["seconds"], after["hardware"]) == (7.0, {"new": 1, "mine": 3})


@pytest.mark.parametrize(
    ("where", "unlike"),
    [
        ({}, 0),
        ({"x-s0-000000000d": "new"}, 1),
        ({"x-s0-12345e6789": "new"}, 1),
        ({"x-s0-000000000d": "new", "x-s0-12345e6789": "new"}, 0),
        ({"x-s1-0000000002": "new", "x-s0-000000000c": "new"}, 0),  # no partner in any comparison
        ({"x-s0-000000000d": "new", "x-s0-12345e6789": None}, 0),  # not known
    ],
)
def test_pairs_across_processors_are_counted(write, tmp_path, where, unlike):
    for run, hardware in where.items():
        timing = tmp_path / f"results/timings/{run}.json"
        timing.write_text(json.dumps({"seconds": 1.0, "hardware": hardware}))
        if hardware is None:
            timing.unlink()
    plan = {**PLAN, "grids": {**PLAN["grids"], "again": PLAN["grids"]["g"]}}  # a pair of two grids counts once
    write(plan)
    assert json.loads((tmp_path / "results/mine/provenance.json").read_text())["unlike_pairs"] == unlike


def test_the_commit_is_that_of_the_code_that_made_the_files_and_the_seconds_are_those_of_the_runs(
    write, tmp_path, monkeypatch
):
    def told(**arguments):
        write(**arguments)
        return json.loads((tmp_path / "results/mine/provenance.json").read_text())

    monkeypatch.setattr(origins, "_git", lambda *what: "first" if what[0] == "rev-parse" else "")
    first = told()
    (tmp_path / f"results/timings/{RUNS[0]}.json").write_text(json.dumps({"seconds": 99, "hardware": "other"}))
    monkeypatch.setattr(origins, "_git", lambda *what: "second" if what[0] == "rev-parse" else "")
    assert told() == first  # another commit with the same code
    assert told(made_from="other code") == first | {"commit": "second", "made_from": "other code"}


def test_two_jobs_at_once_take_turns(write, tmp_path):
    """As when Snakemake was killed, its job goes on, and the same command is given again."""
    met, order = threading.Event(), []

    def slow(study, fresh):
        order.append("first")
        met.set()
        time.sleep(0.5)
        assert (fresh / "plan.json").is_file()
        order.append("first ends")

    first = threading.Thread(target=write, kwargs={"parts": [slow]})
    first.start()
    assert met.wait(60)
    write(parts=[lambda study, fresh: order.append("second")])
    first.join()
    assert order == ["first", "first ends", "second"]
    assert files(tmp_path / "results/mine") == set(study_files(PLAN))


def test_records_of_the_folder_are_enough(write, tmp_path):
    write()
    before = {name: (tmp_path / "results/mine" / name).read_bytes() for name in study_files(PLAN)}
    for run in RUNS:
        (tmp_path / f"results/runs/{run}/record.json").unlink()
    write()
    assert {name: (tmp_path / "results/mine" / name).read_bytes() for name in study_files(PLAN)} == before


def test_what_an_earlier_plan_left_goes_and_a_strangers_file_stays(write, tmp_path):
    write()
    strangers = ("tables/my_notes.csv", "tables/g.txt", "figures/my_own.png", "note", "records/mine.json")
    for name in strangers:
        (tmp_path / "results/mine" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "results/mine" / name).write_text("mine")
    write(OTHER)
    assert files(tmp_path / "results/mine") == {*study_files(OTHER), *strangers}
    assert not (tmp_path / "results/mine/tables/g.md").exists()
    assert all((tmp_path / "results/mine" / name).read_text() == "mine" for name in strangers)


def test_a_strangers_file_in_the_way_is_named_and_nothing_changes(write, tmp_path):
    write()
    (tmp_path / "results/mine/tables/h.md").write_text("mine")
    before = {name: (tmp_path / "results/mine" / name).read_bytes() for name in files(tmp_path / "results/mine")}
    with pytest.raises(UserError, match=r"tables/h\.md was not written by this study: move it away"):
        write(OTHER)
    assert {name: (tmp_path / "results/mine" / name).read_bytes() for name in before} == before
    assert files(tmp_path / "results/mine") == set(before)


@pytest.mark.parametrize("inventory", ["[]", "{}", "no json", '{"files": ["../../params.yaml", "/etc/passwd"]}'])
def test_an_inventory_of_somebody_elses_removes_nothing(write, tmp_path, inventory):
    (tmp_path / "results/mine").mkdir()
    (tmp_path / "results/mine/provenance.json").write_text(inventory)
    with pytest.raises(UserError, match=r"provenance\.json was not written by this study"):
        write()
    assert (tmp_path / "results/mine/provenance.json").read_text() == inventory
    assert (tmp_path / "params.yaml").exists()


def test_an_error_leaves_everything_as_it_was(write, tmp_path):
    def breaks(study, folder):
        raise UserError("no ink")

    with pytest.raises(UserError, match="no ink"):
        write(parts=[breaks])
    assert not files(tmp_path / "results/mine")


def put(folder, content):
    """Write files together: name -> text."""
    with folders.written_together(folder, "inventory.json", {"by": "me"}) as fresh:
        for name, text in content.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_text(text)


@pytest.mark.parametrize("step", range(7))  # two are removed, and five replaced: the inventory among them
def test_interrupted_anywhere_the_next_writing_ends_the_same(tmp_path, monkeypatch, step):
    before = {"a": "1", "deep/b": "2", "deep/old": "3", "gone/old": "4"}
    after = {"a": "1", "deep/b": "new", "deep/c": "5", "d": "6"}
    put(tmp_path, before)
    (tmp_path / "gone" / "mine").write_text("a stranger's")
    done = []

    def stop(act):
        def counted(*arguments):
            if len(done) == step:
                raise KeyboardInterrupt
            done.append(arguments)
            return act(*arguments)

        return counted

    with monkeypatch.context() as patched:
        patched.setattr(folders, "_replace", stop(folders._replace))
        patched.setattr(folders, "_remove", stop(folders._remove))
        with pytest.raises(KeyboardInterrupt):
            put(tmp_path, after)
    for content in (after, before):
        put(tmp_path, content)
        assert files(tmp_path) == {*content, "inventory.json", "gone/mine"}
        assert {name: (tmp_path / name).read_text() for name in content} == content


def test_what_cannot_be_made_again_stays(write, tmp_path):
    """Tables of mechanism come from traces, which a clone without them does not have."""

    def part(study, folder):
        (folder / "mechanism").mkdir()
        (folder / "mechanism" / "distances.csv").write_text("cell\n")

    write(parts=[part])
    (tmp_path / "results/mine/mechanism/my-own.csv").write_text("a\n")
    write()
    assert (tmp_path / "results/mine/mechanism/distances.csv").read_text() == "cell\n"
    assert (tmp_path / "results/mine/mechanism/my-own.csv").read_text() == "a\n"


def test_what_speaks_of_other_runs_does_not_stay(write, tmp_path):
    def part(study, folder):
        (folder / "mechanism").mkdir()
        (folder / "mechanism" / "distances.csv").write_text("cell\n")

    write(parts=[part])
    changed = {**record(), "environment": {"device": "cuda", "torch": "2.0"}}
    (tmp_path / "results/runs" / RUNS[0] / "record.json").write_text(json.dumps(sealed(changed)))
    write()
    assert not (tmp_path / "results/mine/mechanism").exists()


def test_parts_write_into_the_same_folder(write, tmp_path):
    def part(study, folder):
        (folder / "figures").mkdir()
        (folder / "figures" / "a.png").write_text(str(len(study.runs)))

    write(parts=[part])
    assert (tmp_path / "results/mine/figures/a.png").read_text() == "5"
    write()
    assert not (tmp_path / "results/mine/figures").exists()


def test_missing_params_are_named(write, tmp_path):
    (tmp_path / "params.yaml").unlink()
    with pytest.raises(UserError, match=r"params\.yaml is missing"):
        write()


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/home/me/secret/mine.npz", "mine.npz"),
        ("~/secret/mine.npz", "mine.npz"),
        ("../secret/mine.npz", "mine.npz"),
        (r"C:\secret\mine.npz", "mine.npz"),
        ("data/mine.npz", "data/mine.npz"),
        ("https://example.org/raw", "https://example.org/raw"),
    ],
)
@pytest.mark.parametrize("key", ["source", "weights", "watch", "class_order"])
def test_paths_that_lead_out_of_the_repository_are_cut(quote, path, kept, key):
    text = f"dataset:\n  {key}: {quote}{path}{quote}\n  name: npz\n"
    if path.startswith("C:") and quote == '"':
        text = text.replace("\\", "\\\\")  # which escapes in double quotes
    assert yaml.safe_load(without_path(text)) == {"dataset": {key: kept, "name": "npz"}}
    assert (without_path(text) == text) == (kept == path)


def test_paths_are_cut_wherever_they_stand():
    text = "composed_with:\n- dataset.source=/home/me/x.npz\n"
    text += "mirrors: [/srv/me/cifar, 'https://a.b/c']\nw: ~/me's/y # mine\n"
    cut = {"composed_with": ["dataset.source=x.npz"], "mirrors": ["cifar", "https://a.b/c"], "w": "y"}
    assert yaml.safe_load(without_path(text)) == cut
