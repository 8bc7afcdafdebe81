"""A study's folder: whole or not at all, quiet where nothing changed, and never a stranger's file."""

import errno
import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import grimp
import pytest
import yaml
from studies import planned
from test_runs import PLAN as CELLS
from test_runs import RUNS, record

from exaggerated_replay.analysis.study.outputs import README, REPORT, drawn_files, figures_of, study_files
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.publishing import folder as folders
from exaggerated_replay.publishing import origin as origins
from exaggerated_replay.publishing.origin import without_places
from exaggerated_replay.publishing.study import rewrite_study, write_study
from exaggerated_replay.store.manifest import CODE
from exaggerated_replay.store.records import sealed

MADE = {
    **CELLS,
    "focus": "mine-f20",
    "dataset": {"name": "digits", "source_name": None, "sha256": "d" * 64},
    "study": {"name": "mine"},
    "runs": {run: {"data": "d" * 64, "code": "c" * 64, "tasks": [[2, 0], [3, 1]]} for run in RUNS},
}
PLAN, OTHER = planned(MADE), planned({**MADE, "grids": {"h": MADE["grids"]["g"]}, "order": ["h"]})
MINE = "results/mine"
PARAMS_TEXT = "dataset:\n  source: /home/me/secret/x.npz\n"


def numbers(plan):
    """What is written without any part: no figures, no pages."""
    pictures = {file for name, (kind, _) in figures_of(plan).items() for file in drawn_files(name, kind)}
    return {name for name in study_files(plan) if not name.startswith("figures/")} - pictures - {README, REPORT}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A repository with all runs finished, and a function that writes the study."""
    monkeypatch.chdir(tmp_path)
    for run in RUNS:
        (tmp_path / "results/runs" / run).mkdir(parents=True)
        (tmp_path / "results/runs" / run / "record.json").write_text(json.dumps(record()))
        (tmp_path / "results/timings").mkdir(exist_ok=True)
        (tmp_path / f"results/timings/{run}.json").write_text(json.dumps({"seconds": 1.5, "hardware": "mine"}))
    (tmp_path / "params.yaml").write_text("of: another study\n")

    def write(plan=PLAN, parts=(), made_from="this"):
        write_study(plan, PARAMS_TEXT, tmp_path / "results/mine", parts, made_from=made_from)

    return write


def files(place):
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def contents(place):
    return {name: (place / name).read_bytes() for name in files(place)}


def test_everything_is_written(write, tmp_path):
    write()
    folder = tmp_path / MINE
    assert files(folder) == numbers(PLAN)
    assert {"plan.json", "records.jsonl", "provenance.json", "tables/g.tex"} < numbers(PLAN)
    assert json.loads((folder / "plan.json").read_text()) == PLAN.to_dict()
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert lines == [{"run": run, "record": record()} for run in RUNS]
    found = json.loads((folder / "provenance.json").read_text())
    assert (found["seconds"], found["timed"], found["hardware"]) == (6.0, 4, {"mine": 4})
    assert "files" not in found
    assert (folder / "params.yaml").read_text() == "dataset:\n  source: x.npz\n"
    assert json.loads((tmp_path / "results/focus.json").read_text())["overall"] == 55


def test_a_second_time_nothing_is_touched(write, tmp_path):
    write()
    every = [tmp_path / "results/focus.json", *(tmp_path / MINE / name for name in numbers(PLAN))]
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
    plan = planned({**MADE, "grids": {**MADE["grids"], "again": MADE["grids"]["g"]}})  # a pair of two grids counts once
    write(plan)
    assert json.loads((tmp_path / "results/mine/provenance.json").read_text())["unlike_pairs"] == unlike


def test_the_commit_is_that_of_the_code_that_made_the_files_and_the_seconds_are_those_of_the_runs(
    write, tmp_path, monkeypatch
):
    def told(**arguments):
        write(**arguments)
        return json.loads((tmp_path / "results/mine/provenance.json").read_text())

    def commit_is(name):
        return lambda *what: SimpleNamespace(stdout=name if what[0] == "rev-parse" else "")

    monkeypatch.setattr(origins, "why_unknown", lambda: None)
    monkeypatch.setattr(origins, "git", commit_is("first"))
    first = told()
    (tmp_path / f"results/timings/{RUNS[0]}.json").write_text(json.dumps({"seconds": 99, "hardware": "other"}))
    monkeypatch.setattr(origins, "git", commit_is("second"))
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
    assert files(tmp_path / MINE) == numbers(PLAN)


def test_records_of_the_folder_are_enough(write, tmp_path):
    write()
    before = contents(tmp_path / MINE)
    for run in RUNS:
        (tmp_path / f"results/runs/{run}/record.json").unlink()
    write()
    assert contents(tmp_path / MINE) == before


def test_what_an_earlier_plan_declared_goes_and_a_strangers_file_stays(write, tmp_path):
    write()
    strangers = ("tables/my_notes.csv", "tables/g.txt", "figures/my_own.png", "note", "records/mine.json")
    for name in strangers:
        (tmp_path / MINE / name).parent.mkdir(exist_ok=True)
        (tmp_path / MINE / name).write_text("mine")
    write(OTHER)
    assert files(tmp_path / MINE) == {*numbers(OTHER), *strangers}
    assert not (tmp_path / MINE / "tables/g.md").exists()
    assert all((tmp_path / MINE / name).read_text() == "mine" for name in strangers)


def test_a_plan_with_a_question_that_this_version_does_not_know_is_no_obstacle(write, tmp_path):
    write()
    before = contents(tmp_path / MINE)
    plan = json.loads(before["plan.json"])
    plan["study"]["figures"] = {next(iter(plan["grids"])): "pie"}
    (tmp_path / MINE / "plan.json").write_text(json.dumps(plan))
    write()
    assert contents(tmp_path / MINE) == before


CONFLICT = "<<<<<<< HEAD\n{}\n=======\n[]\n>>>>>>> other\n"


@pytest.mark.parametrize("mark", ["plan.json", "provenance.json", "records.jsonl", "sha256.json"])
@pytest.mark.parametrize("content", ["", "[]", CONFLICT, '{"cells": {}, "grids": {"../../params": []}}'])
def test_a_folder_with_any_mark_of_the_workflow_is_overwritten_without_a_word(write, tmp_path, capsys, mark, content):
    write()
    before = contents(tmp_path / MINE)
    for name in {*before} - {"tables/g.csv"}:
        (tmp_path / MINE / name).unlink()
    (tmp_path / MINE / "tables/g.csv").write_text("of another branch")
    (tmp_path / MINE / mark).write_text(content)
    write()
    after = contents(tmp_path / MINE)
    after.pop("sha256.json", None)
    assert after == before
    assert capsys.readouterr().out == ""
    assert not (tmp_path / ".training").exists()
    assert (tmp_path / "params.yaml").exists()


def test_in_a_folder_made_by_hand_what_is_taken_moves_aside_and_a_line_says_so(write, tmp_path, capsys):
    mine = {"README.md": "my readme", "tables/g.csv": "my table", "notes.txt": "my notes"}
    (tmp_path / MINE / "tables").mkdir(parents=True)
    for name, text in mine.items():
        (tmp_path / MINE / name).write_text(text)
    write()
    assert (tmp_path / MINE / "notes.txt").read_text() == "my notes"
    aside = tmp_path / ".training/aside/mine.1"
    assert {name: (aside / name).read_text() for name in files(aside)} == {n: mine[n] for n in mine if n != "notes.txt"}
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{tmp_path}/{MINE}/README.md and 1 more that the workflow did not write: moved to ")
    assert files(tmp_path / MINE) == {*numbers(PLAN), "notes.txt"}
    write()
    assert capsys.readouterr().out == ""


def test_a_folder_where_a_file_belongs_and_a_file_where_a_folder_does_move_aside_in_any_case(write, tmp_path, capsys):
    write()
    for path in [*(tmp_path / MINE / "tables").iterdir(), tmp_path / MINE / "runs.csv"]:
        path.unlink()
    (tmp_path / MINE / "tables").rmdir()
    (tmp_path / MINE / "tables").write_text("my file")
    (tmp_path / MINE / "runs.csv").mkdir()
    (tmp_path / MINE / "runs.csv/mine").write_text("my folder")
    write()
    aside = tmp_path / ".training/aside/mine.1"
    assert contents(aside) == {"tables": b"my file", "runs.csv/mine": b"my folder"}
    assert files(tmp_path / MINE) == numbers(PLAN)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_after_a_killed_job_whose_outputs_were_deleted_the_next_one_makes_all_of_it(write, tmp_path):
    """Snakemake removes what a failed job declares as its outputs; what needs more than records stays."""
    write(parts=[mechanism])
    before = contents(tmp_path / MINE)
    for name in before:
        if name != "mechanism/distances.csv":
            (tmp_path / MINE / name).unlink()
    (tmp_path / MINE / ".unfinished/tables").mkdir(parents=True)
    (tmp_path / MINE / ".unfinished/tables/g.md").write_text("half a")
    write(parts=[mechanism])
    assert contents(tmp_path / MINE) == before
    assert not (tmp_path / ".training/aside").exists()  # nothing of it was taken for somebody's


def test_a_job_that_fails_while_files_go_to_their_places_leaves_what_tells_the_next_one(write, tmp_path, monkeypatch):
    """A full disk, say; Snakemake removes what it knows of, and what needs more than records stays."""
    replace, done = os.replace, []

    def full(source, target):
        if str(target).endswith("mechanism/distances.csv"):
            replace(source, target)
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)
        done.append(target)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(os, "replace", full)
        write(parts=[mechanism])
    for path in map(Path, done):
        path.unlink(missing_ok=True)
    assert (tmp_path / MINE / "mechanism/distances.csv").is_file()
    assert (tmp_path / MINE / ".unfinished").is_dir()
    write(parts=[mechanism])
    assert not (tmp_path / ".training/aside").exists()
    assert not (tmp_path / MINE / ".unfinished").exists()
    assert files(tmp_path / MINE) == numbers(PLAN) | {"mechanism/distances.csv"}


TRACED = "cell,task,seeds,others\nmine-f20,1,1,1e-07\nnone,1,2,0.50\ntwin,1,1,\n"


def mechanism(study, fresh):
    """A part that stands in for tables of traces."""
    (fresh / "mechanism").mkdir(exist_ok=True)
    (fresh / "mechanism/distances.csv").write_text(TRACED)


def test_what_no_plan_declares_is_not_written(write, tmp_path):
    with pytest.raises(ValueError, match=r"mine\.txt is written, but no plan declares it"):
        write(parts=[lambda study, fresh: (fresh / "mine.txt").write_text("x")])
    assert not files(tmp_path / MINE)


# ---------------------------------------------------------------- made again from what Git keeps


def test_a_folder_is_made_again_from_itself_and_nothing_around_it_is_touched(write, tmp_path):
    def part(study, fresh):
        (fresh / "report.html").write_text(f"{len(study.runs)} {sorted(study.plan.grids)}")

    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT, parts=[mechanism, part])
    before = contents(tmp_path / MINE)
    for name in ("report.html", "tables/g.md", "plots/learning.csv", "provenance/g.csv"):  # not in Git
        (tmp_path / MINE / name).unlink()
    around = [tmp_path / "results/runs", tmp_path / "results/timings", tmp_path / "params.yaml"]
    for place in around:
        place.rename(place.with_name(f"{place.name}.gone"))
    (tmp_path / "results/focus.json").write_text("another study's")
    assert rewrite_study(tmp_path / MINE, [part]) == []
    assert contents(tmp_path / MINE) == before
    assert (tmp_path / "results/focus.json").read_text() == "another study's"


AS_A_FILE_HAS_IT = planned(json.loads(json.dumps(MADE, sort_keys=True)))


def number_records(place):
    """Give every record the seed that its run's name has, from which a plan is read."""
    for run in RUNS:
        (place / f"results/runs/{run}/record.json").write_text(json.dumps(record(seed=int(run[3]))))


def test_what_came_out_otherwise_is_named(write, tmp_path):
    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT)
    (tmp_path / MINE / "runs.csv").write_text("by hand")
    (tmp_path / MINE / "tables/g.md").write_text("by hand, and not in Git")
    assert rewrite_study(tmp_path / MINE, ()) == [f"{tmp_path}/{MINE}/runs.csv"]
    assert (tmp_path / MINE / "runs.csv").read_text() != "by hand"


@pytest.mark.parametrize(
    ("head", "raised", "named"),
    [
        ("of today", "", "of today"),
        (None, "", "of long ago"),  # in a folder that Git knows nothing of
        ("of today", "core 2, none 1", "of long ago"),  # today's code would make other runs
        ("of today", UserError("no such method"), "of long ago"),  # one of somebody else's own
    ],
)
def test_a_folder_that_comes_out_otherwise_names_the_commit_that_makes_all_of_it(
    write, tmp_path, monkeypatch, capsys, head, raised, named
):
    """Code and params.yaml of a study must fit: the commit is that of both, and that of the runs."""
    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT)
    path, here = tmp_path / MINE / "provenance.json", {"commit": head, "modified": "", "no_commit": None}
    write_json(path, {**json.loads(path.read_text()), "commit": "of long ago"})
    monkeypatch.setattr("exaggerated_replay.publishing.study.commit_here", lambda: here)
    (code,) = {run.settings.code for run in open_study(tmp_path / MINE).plan.runs}

    def version(method):
        if isinstance(raised, UserError):
            raise raised
        return raised or code

    monkeypatch.setattr("exaggerated_replay.planning.versions.method_version", version)
    assert rewrite_study(tmp_path / MINE, ()) == []
    assert json.loads(path.read_text())["commit"] == "of long ago"
    (tmp_path / MINE / "runs.csv").write_text("by other code")
    changed = ["provenance.json", "runs.csv"] if named == "of today" else ["runs.csv"]
    assert rewrite_study(tmp_path / MINE, ()) == [f"{tmp_path}/{MINE}/{name}" for name in changed]
    assert json.loads(path.read_text())["commit"] == named
    assert ("goes on naming the commit of its runs" in capsys.readouterr().err) == bool(raised)


def test_an_error_leaves_everything_as_it_was(write, tmp_path):
    def breaks(study, folder):
        raise UserError("no ink")

    with pytest.raises(UserError, match="no ink"):
        write(parts=[breaks])
    assert not files(tmp_path / "results/mine")


NAMES = ("a", "deep/b", "deep/c", "deep/old", "gone/old", "d", "plan.json")


def put(folder, content):
    """Write files together: name -> text."""
    with folders.written_together(folder, NAMES) as fresh:
        for name, text in content.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_text(text)


@pytest.mark.parametrize("step", range(7))  # two are removed, and five replaced
def test_interrupted_anywhere_the_next_writing_ends_the_same(tmp_path, monkeypatch, step):
    before = {"a": "1", "deep/b": "2", "deep/old": "3", "gone/old": "4", "plan.json": "before"}
    after = {"a": "1", "deep/b": "new", "deep/c": "5", "d": "6", "plan.json": "after"}
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
        patched.setattr(folders, "_remove", stop(lambda *path: path[1].exists() and folders_remove(*path)))
        with pytest.raises(KeyboardInterrupt):
            put(tmp_path, after)
    # As long as anything of the earlier plan is left, the plan that declares it is.
    left = {"deep/old", "gone/old"} & files(tmp_path)
    assert not left or (tmp_path / "plan.json").read_text() == "before"
    for content in (after, before):
        put(tmp_path, content)
        assert files(tmp_path) == {*content, "gone/mine"}
        assert {name: (tmp_path / name).read_text() for name in content} == content


folders_remove = folders._remove


def test_what_cannot_be_made_again_stays(write, tmp_path):
    """Tables of mechanism come from traces, which a clone without them does not have."""
    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT, parts=[mechanism])
    (tmp_path / MINE / "mechanism/my-own.csv").write_text("a\n")
    write(AS_A_FILE_HAS_IT)
    assert (tmp_path / MINE / "mechanism/distances.csv").read_text() == TRACED
    assert (tmp_path / MINE / "mechanism/my-own.csv").read_text() == "a\n"


def test_a_table_of_mechanism_that_is_no_text_does_not_stay(write, tmp_path):
    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT, parts=[mechanism])
    (tmp_path / MINE / "mechanism/distances.csv").write_bytes(b"cell,seeds\n\xff,2\n")
    write(AS_A_FILE_HAS_IT)
    assert not (tmp_path / MINE / "mechanism").exists()


@pytest.mark.parametrize(
    ("run", "left"),
    [
        ("x-s0-000000000c", TRACED),  # of a cell that no table speaks of
        ("x-s0-000000000d", "cell,task,seeds,others\nnone,1,2,0.50\n"),  # of two cells
        ("x-s0-12345e6789", "cell,task,seeds,others\ntwin,1,1,\n"),  # of the baseline of one, which goes with it
    ],
)
def test_of_a_cell_whose_runs_or_baseline_are_others_nothing_stays(write, tmp_path, run, left):
    number_records(tmp_path)
    write(AS_A_FILE_HAS_IT, parts=[mechanism])
    changed = sealed({**record(seed=int(run[3])), "environment": {"device": "cpu", "torch": "another"}})
    (tmp_path / "results/runs" / run / "record.json").write_text(json.dumps(changed))
    write(AS_A_FILE_HAS_IT, made_from="that")
    assert (tmp_path / MINE / "mechanism/distances.csv").read_text() == left


def test_parts_write_into_the_same_folder(write, tmp_path):
    def part(study, folder):
        (folder / "figures").mkdir()
        (folder / "figures/g.png").write_text(str(len(study.runs)))

    write(parts=[part])
    assert (tmp_path / MINE / "figures/g.png").read_text() == "5"
    write()
    assert not (tmp_path / MINE / "figures").exists()


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
    assert yaml.safe_load(without_places(text)) == {"dataset": {key: kept, "name": "npz"}}
    assert (without_places(text) == text) == (kept == path)


def test_paths_are_cut_wherever_they_stand():
    text = "composed_with:\n- dataset.source=/home/me/x.npz\n"
    text += "mirrors: [/srv/me/cifar, 'https://a.b/c']\nw: ~/me's/y # mine\n"
    cut = {"composed_with": ["dataset.source=x.npz"], "mirrors": ["cifar", "https://a.b/c"], "w": "y"}
    assert yaml.safe_load(without_places(text)) == cut


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('dataset.source="/home/me/a=b.npz"', 'dataset.source="a=b.npz"'),
        ("++methods.mine='/home/me/x(1).py'", "++methods.mine='x(1).py'"),
        ("arms.my-arm.file=/home/me/w.pt", "arms.my-arm.file=w.pt"),
        ("/home/me/a=b.npz", "a=b.npz"),
        ("study.grids.g=[{arm: [er]}]", "study.grids.g=[{arm: [er]}]"),
        ("note=[/home/me", "note=[/home/me"),  # no list
        (
            "+study.grids={g: [{arm: [er], dataset.tasks: [5, '/home/me/a b.yaml', ../t.yaml, own/t.yaml]}]}",
            "+study.grids={g: [{arm: [er], dataset.tasks: [5, 'a b.yaml', 't.yaml', 'own/t.yaml']}]}",
        ),
    ],
)
def test_paths_are_cut_in_quotes_and_with_equals_signs(given, kept):
    text = yaml.safe_dump({"composed_with": [given], "dataset": {"source": given}})
    assert yaml.safe_load(without_places(text)) == {"composed_with": [kept], "dataset": {"source": kept}}


def test_a_study_counts_as_made_by_all_the_code_that_writes_it():
    """Every layer above the training of which `write_study` imports something is in the digest of what made it.

    So are the plan and the settings below it, by which a study is read.
    """
    graph = grimp.build_graph("exaggerated_replay", include_external_packages=False)
    used = {module.split(".")[1] for module in graph.find_upstream_modules("exaggerated_replay.publishing.study")}
    told = {"workflow", "cli", "commands", "report", "figures", "analysis", "planning", "settings"}
    assert used & told | {"publishing"} == {part for part in CODE if not part.endswith(".py")}


def test_dvc_makes_a_study_again_where_the_workflow_does():
    root = Path(__file__).parents[2]
    deps = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]["metrics"]["deps"]
    assert {dep for dep in deps if dep.startswith("src")} == {f"src/exaggerated_replay/{part}" for part in CODE}
    assert all((root / "src/exaggerated_replay" / part).exists() for part in CODE)
