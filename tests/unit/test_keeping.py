"""The store: what comes into it, what it gives back, and what it never uses."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from test_exchange import record, run_name, settings
from test_verify import plan_of

from exaggerated_replay import cli
from exaggerated_replay.commands.explain import explain
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.places import checkout, store_folder, workspace_folder
from exaggerated_replay.store.exchange import export_records, import_records
from exaggerated_replay.store.keeping import bring_back, clear, sealed_records, set_aside, take_in
from exaggerated_replay.store.lines import Line, read_records, write_lines
from exaggerated_replay.store.records import is_complete, sealed
from exaggerated_replay.store.start import anew

FIRST, SECOND = NAMES = [run_name(settings(seed)) for seed in (0, 1)]
RUNS, STORE, ASIDE = Path("results/runs"), Path(".store"), Path(".training/aside")
WHOLE = {"record.json", "model.safetensors"}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Two finished runs of two seeds, and an empty store."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(NAMES):
        write_run(RUNS / name, seed, b"weights")
    return tmp_path


def write_run(directory, seed, weights):
    whole = record(seed)
    whole["sha256"]["model.safetensors"] = hashlib.sha256(weights).hexdigest()
    write_json(directory / "record.json", sealed(whole))
    (directory / "model.safetensors").write_bytes(weights)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_anew(path, content):
    """Write a file as whatever writes one does: another file under the same name."""
    path.unlink()
    path.write_bytes(content)


def test_what_is_kept_survives_whatever_empties_the_folder_of_runs_and_takes_no_room_of_its_own():
    before = content(RUNS)
    take_in(RUNS, STORE)
    assert content(STORE) == before
    for name in before:
        assert (STORE / name).samefile(RUNS / name)
    shutil.rmtree(RUNS)
    assert bring_back(NAMES, RUNS, STORE) == NAMES
    assert content(RUNS) == before
    for name in before:
        assert (STORE / name).samefile(RUNS / name)
    assert bring_back(NAMES, RUNS, STORE) == []


def test_only_what_is_asked_for_comes_back():
    take_in(RUNS, STORE)
    shutil.rmtree(RUNS)
    assert bring_back([SECOND, "er-s5-0123456789"], RUNS, STORE) == [SECOND]
    assert {path.name for path in RUNS.iterdir()} == {SECOND}


def test_after_dvc_put_copies_in_the_place_of_links_the_store_has_the_copies():
    take_in(RUNS, STORE)
    before = content(RUNS)
    for name, text in before.items():
        put_anew(RUNS / name, text)
    take_in(RUNS, STORE)
    assert content(STORE) == before
    for name in before:
        assert (STORE / name).samefile(RUNS / name)


def test_of_links_into_dvcs_cache_the_store_has_the_files_themselves():
    cache = Path("cache")
    shutil.move(RUNS / FIRST, cache)
    (RUNS / FIRST).mkdir()
    for path in cache.iterdir():
        path.chmod(0o444)
        (RUNS / FIRST / path.name).symlink_to(path.resolve())
    take_in(RUNS, STORE)
    assert {path.stat().st_mode & 0o777 for path in cache.iterdir()} == {0o444}
    shutil.rmtree(cache)  # `dvc gc`
    assert is_complete(STORE / FIRST)
    assert bring_back([FIRST], RUNS, STORE) == [FIRST]
    assert is_complete(RUNS / FIRST)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_is_damaged_is_not_kept_and_what_is_damaged_in_the_store_is_not_used(name):
    put_anew(RUNS / FIRST / name, b"{}")
    take_in(RUNS, STORE)
    assert {path.name for path in STORE.iterdir()} == {SECOND}

    put_anew(STORE / SECOND / name, b"{}")
    shutil.rmtree(RUNS / SECOND)
    assert bring_back(NAMES, RUNS, STORE) == []
    assert not (RUNS / SECOND).exists()


def test_what_is_damaged_in_the_store_and_right_among_the_runs_is_kept_anew():
    take_in(RUNS, STORE)
    put_anew(STORE / FIRST / "model.safetensors", b"damaged")
    take_in(RUNS, STORE)
    assert content(STORE) == content(RUNS)


def test_of_two_right_records_of_a_run_both_stay_where_they_are():
    """As trained on two machines."""
    take_in(RUNS, STORE)
    kept = content(STORE / FIRST)
    shutil.rmtree(RUNS / FIRST)
    write_run(RUNS / FIRST, 0, b"weights of another machine")
    here = content(RUNS / FIRST)
    take_in(RUNS, STORE)
    assert bring_back(NAMES, RUNS, STORE) == []
    assert (content(STORE / FIRST), content(RUNS / FIRST)) == (kept, here)
    out, (line,) = set_aside([SECOND], RUNS, STORE)
    assert out == [FIRST]
    assert line == f"{RUNS / FIRST} is not as .store keeps this run: moved to {ASIDE / FIRST}.1"
    assert (content(STORE / FIRST), content(Path(f"{ASIDE / FIRST}.1"))) == (kept, here)


def test_a_record_alone_is_kept_and_given_its_checkpoint_when_there_is_one():
    (RUNS / FIRST / "model.safetensors").rename("weights")
    take_in(RUNS, STORE)
    assert {path.name for path in (STORE / FIRST).iterdir()} == {"record.json"}
    shutil.rmtree(RUNS / FIRST)
    assert bring_back([FIRST], RUNS, STORE) == [FIRST]
    assert {path.name for path in (RUNS / FIRST).iterdir()} == {"record.json"}

    Path("weights").rename(STORE / FIRST / "model.safetensors")
    assert bring_back([FIRST], RUNS, STORE) == [FIRST]
    assert is_complete(RUNS / FIRST)


def test_runs_that_the_plan_does_not_name_are_set_aside_whole_and_the_others_stay():
    before = content(RUNS)
    (RUNS / SECOND / "mine.txt").write_text("mine")
    assert set_aside([FIRST], RUNS, STORE) == ([SECOND], [])
    assert {*content(RUNS)} == {f"{FIRST}/{name}" for name in WHOLE} | {f"{SECOND}/mine.txt"}
    assert content(STORE) == before
    assert set_aside([FIRST], RUNS, STORE) == ([], [])
    write_run(RUNS / SECOND, 1, b"weights")  # brought back by Git or DVC
    assert set_aside([FIRST], RUNS, STORE) == ([SECOND], [])
    assert content(STORE) == before


def test_a_damaged_run_that_the_plan_does_not_name_is_set_aside_where_nobody_takes_it_for_a_run():
    put_anew(RUNS / SECOND / "model.safetensors", b"damaged")
    out, told = set_aside([FIRST], RUNS, STORE)
    assert (out, len(told)) == ([SECOND], 1)
    assert {path.name for path in STORE.iterdir()} == {FIRST}
    assert {path.name for path in Path(f"{ASIDE / SECOND}.1").iterdir()} == WHOLE


def test_what_lies_in_the_store_under_the_name_of_another_run_or_is_none_is_moved_away():
    take_in(RUNS, STORE)
    shutil.rmtree(STORE / FIRST)
    shutil.copytree(STORE / SECOND, STORE / FIRST)
    (STORE / "er-s5-0123456789").write_text("mine")
    first, second = clear([FIRST, SECOND, "er-s5-0123456789"], STORE)
    assert first.startswith(f".store/{FIRST}: {FIRST} is not the run that its name says")
    assert first.endswith(f"moved to {ASIDE / FIRST}.1")
    assert second == f".store/er-s5-0123456789 is not a run: moved to {ASIDE}/er-s5-0123456789.1"
    assert [*clear([FIRST, SECOND, "er-s5-0123456789"], STORE)] == []
    assert {path.name for path in STORE.iterdir()} == {SECOND}


def test_a_folder_in_the_place_of_a_file_of_the_store_is_left_until_the_run_is_asked_for():
    take_in(RUNS, STORE)
    (STORE / FIRST / "model.safetensors").unlink()
    (STORE / FIRST / "model.safetensors").mkdir()
    (STORE / FIRST / "model.safetensors/mine.txt").write_text("mine")
    take_in(RUNS, STORE)
    assert len([*clear(NAMES, STORE)]) == 1
    assert Path(f"{ASIDE / FIRST}.1/model.safetensors/mine.txt").read_text() == "mine"
    take_in(RUNS, STORE)
    assert is_complete(STORE / FIRST)


def test_records_are_imported_into_the_store_as_well_and_one_that_it_has_otherwise_is_refused():
    export_records(RUNS, Path("timings"), Path("records.jsonl"))
    shutil.rmtree(RUNS)
    assert import_records(Path("records.jsonl"), RUNS, Path("timings"), STORE).new == sorted(NAMES)
    assert {*content(STORE)} == {*content(RUNS)} == {f"{name}/record.json" for name in NAMES}
    shutil.rmtree(RUNS)
    assert import_records(Path("records.jsonl"), RUNS, Path("timings"), STORE).known == sorted(NAMES)

    shutil.rmtree(STORE / FIRST)
    write_run(STORE / FIRST, 0, b"weights of another machine")
    (refused,) = import_records(Path("records.jsonl"), RUNS, Path("timings"), STORE).refused
    assert f".store/{FIRST}/record.json says something else" in refused
    assert f"delete the one you do not want, here results/runs/{FIRST} and .store/{FIRST}" in refused


def test_what_was_set_aside_is_explained_and_a_damaged_record_of_the_store_is_not_read():
    set_aside([], RUNS, STORE)
    plan = plan_of(settings(0), settings(1))
    assert "finished, with its checkpoint" in explain(plan, FIRST, Path("results"), STORE)
    assert "not trained yet" not in explain(plan, "er", Path("results"), STORE)
    put_anew(STORE / FIRST / "record.json", b"{")
    assert "not trained yet" in explain(plan, "er", Path("results"), STORE)
    assert [*sealed_records(STORE)] == [SECOND]
    assert [*sealed_records(STORE, NAMES)] == [SECOND]
    with pytest.raises(UserError, match="neither a cell of the plan nor a run"):
        explain(plan_of(settings(1)), FIRST, Path("results"), STORE)


def test_all_runs_are_exported_wherever_they_lie(capsys):
    assert set_aside([FIRST], RUNS, STORE) == ([SECOND], [])
    assert cli.main(["export", "mine.jsonl"]) == 0
    assert capsys.readouterr().out == "2 records in mine.jsonl\n"
    assert [*read_records(Path("mine.jsonl"))] == sorted(NAMES)
    write_lines(Path("results/one/records.jsonl"), [Line(FIRST, record(0))])
    assert cli.main(["export", "one.jsonl", "--study", "one"]) == 0
    assert [*read_records(Path("one.jsonl"))] == [FIRST]


def test_a_copy_that_dvc_makes_for_an_experiment_has_the_store_and_the_unfinished_work_of_the_checkout(
    place, monkeypatch
):
    def folders():
        return store_folder(), workspace_folder()

    own = (STORE, Path(".training"))
    assert (checkout(), folders()) == (Path(), own)
    monkeypatch.setenv("DVC_ROOT", str(place.parent))  # as in every stage
    assert folders() == own
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")  # in an experiment
    assert folders() == (place.parent / ".store", place.parent / ".training")
    monkeypatch.setenv("DVC_ROOT", str(place))
    assert folders() == own


def test_what_an_experiment_in_a_copy_moves_aside_outlives_the_copy(place, monkeypatch):
    take_in(RUNS, STORE)
    copy = place / "copy"
    copy.mkdir()
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(place))
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123456789")
    kept = (place / STORE / FIRST / "record.json").read_bytes()
    (told,) = anew([FIRST])
    assert told.endswith(f"moved to {place / ASIDE / FIRST}.1")
    shutil.rmtree(copy)
    assert (place / f"{ASIDE / FIRST}.1/record.json").read_bytes() == kept


def test_a_record_says_what_it_said_when_it_comes_back():
    take_in(RUNS, STORE)
    shutil.rmtree(RUNS)
    bring_back(NAMES, RUNS, STORE)
    assert [json.loads((RUNS / name / "record.json").read_text())["settings"]["seed"] for name in NAMES] == [0, 1]
