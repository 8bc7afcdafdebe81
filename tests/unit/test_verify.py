"""What is wrong with a run is named; what is right passes."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from studies import planned
from test_exchange import record, run_name, settings

from exaggerated_replay.commands.explain import explain
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, write_json
from exaggerated_replay.planning.study_plan import name_of_values
from exaggerated_replay.settings.nested import flat
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import sealed
from exaggerated_replay.store.verify import verify_record, verify_runs

WEIGHTS = b"weights"
STORE = Path("nowhere")  # what is explained from the store: test_keeping.py
NAMES = [run_name(settings(seed)) for seed in (0, 1)]


@pytest.fixture
def results(tmp_path):
    """Two finished runs of two seeds."""
    for seed, name in enumerate(NAMES):
        whole = record(seed)
        whole["sha256"]["model.safetensors"] = hashlib.sha256(WEIGHTS).hexdigest()
        write_json(tmp_path / "runs" / name / "record.json", sealed(whole))
        (tmp_path / "runs" / name / "model.safetensors").write_bytes(WEIGHTS)
    return tmp_path


def verified(results, *names):
    return verify_runs([results / "runs" / name for name in names or NAMES])


def test_what_is_right_passes(results):
    assert verified(results) == ([], [])


def test_a_flipped_bit_in_a_checkpoint_is_named(results):
    path = results / "runs" / NAMES[1] / "model.safetensors"
    path.write_bytes(b"weightt")
    (problem,), without = verified(results)
    assert str(path) in problem
    assert without == []


@pytest.mark.parametrize("put", [Path.mkdir, lambda path: path.symlink_to("gone")], ids=["a folder", "a broken link"])
def test_what_is_no_file_is_no_checkpoint(results, put):
    path = results / "runs" / NAMES[1] / "model.safetensors"
    path.unlink()
    put(path)
    problems, without = verified(results)
    assert [problem.partition(" is not ")[0] for problem in problems] == [str(path)]
    assert without == []


def test_a_record_without_checkpoint_is_right_but_told(results):
    (results / "runs" / NAMES[0] / "model.safetensors").unlink()
    assert verified(results) == ([], [results / "runs" / NAMES[0]])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"settings": 3})])
def test_a_broken_record_is_named(results, text):
    (results / "runs" / NAMES[0] / "record.json").write_text(text)
    (problem,), _ = verified(results)
    assert NAMES[0] in problem


def test_a_changed_setting_in_a_record_is_named(results):
    changed = record(0)
    changed["settings"]["training"]["iterations"] = 11
    write_json(results / "runs" / NAMES[0] / "record.json", sealed(changed))
    (problem,), _ = verified(results)
    assert "is not the run that its name says" in problem


def test_a_count_that_does_not_fit_is_named_even_under_a_seal(results):
    changed = record(0)
    changed["counts"]["predicted"][0] += 1
    write_json(results / "runs" / NAMES[0] / "record.json", sealed(changed))
    (problem,), _ = verified(results)
    assert "make no sense" in problem


def test_counts_of_other_classes_than_the_tasks_have_are_named(results):
    changed = record(0)
    for name in ("correct", "tested", "predicted"):
        changed["counts"][name] = np.delete(changed["counts"][name], -1, axis=-1).tolist()
    tested, predicted = changed["counts"]["tested"], changed["counts"]["predicted"]
    predicted[0] += sum(tested) - sum(predicted)
    with pytest.raises(UserError, match="its counts or its checksum make no sense"):
        verify_record(NAMES[0], sealed(changed))


@pytest.mark.parametrize("by", [-1, 1])
def test_a_count_that_still_fits_but_was_changed_is_named(results, by):
    changed = read_json(results / "runs" / NAMES[0] / "record.json")
    changed["counts"]["correct"][0][1] += by
    verify_record(NAMES[0], sealed(changed))  # it fits
    with pytest.raises(UserError, match=f"{NAMES[0]} has a record that was changed after its run"):
        verify_record(NAMES[0], changed)
    write_json(results / "runs" / NAMES[0] / "record.json", changed)
    (problem,), _ = verified(results)
    assert NAMES[0] in problem and "was changed after its run" in problem


def test_the_order_of_keys_and_white_space_in_a_record_do_not_matter(results):
    path = results / "runs" / NAMES[0] / "record.json"
    path.write_text(json.dumps(dict(reversed(read_json(path).items())), separators=(" ,  ", " :\n")))
    assert verified(results) == ([], [])


def test_a_record_older_than_a_setting_is_right_under_the_name_that_it_had(results):
    older = record(0)
    del older["settings"]["training"]["optimiser_state"]  # its default is what was done before there was a choice
    older["sha256"]["model.safetensors"] = hashlib.sha256(WEIGHTS).hexdigest()
    older = sealed(older)
    name = name_of_values(older["settings"])
    assert name != NAMES[0]
    for path in (results / "runs" / name, results / "runs" / NAMES[0]):
        write_json(path / "record.json", older)
    assert verified(results, name) == ([], [results / "runs" / name])
    (problem,), _ = verified(results, NAMES[0])
    assert f"its settings belong to {name}" in problem


def test_a_run_that_learned_from_other_arrays_than_the_others_is_named(results):
    for seed in (2, 3):
        shutil.copytree(results / "runs" / NAMES[0], results / "runs" / run_name(settings(seed)))
        changed = json.loads((results / "runs" / NAMES[0] / "record.json").read_text())
        changed["settings"]["seed"] = seed
        if seed == 3:
            changed["sha256"]["data"] = "e" * 64
        write_json(results / "runs" / run_name(settings(seed)) / "record.json", sealed(changed))
    (problem,), _ = verified(results, *NAMES, run_name(settings(2)), run_name(settings(3)))
    assert problem.startswith(f"{run_name(settings(3))} learned from other arrays")


def test_traces_are_checked_like_checkpoints(results):
    path = results / "runs" / NAMES[0]
    whole = json.loads((path / "record.json").read_text())
    whole["sha256"]["traces.safetensors"] = hashlib.sha256(b"traces").hexdigest()
    write_json(path / "record.json", sealed(whole))
    (path / "traces.safetensors").write_bytes(b"traces")
    assert verified(results) == ([], [])
    (path / "traces.safetensors").write_bytes(b"trace")
    (problem,), _ = verified(results)
    assert str(path / "traces.safetensors") in problem


def test_an_unfinished_run_is_named(results):
    (problem,), _ = verified(results, "er-s5-0123456789")
    assert "er-s5-0123456789 is not finished" in problem


# ---------------------------------------------------------------- explaining


def plan_of(*runs):
    """A plan with one cell, whose runs these settings are."""
    named = {run_name(run): run for run in runs}
    cell = {
        "arm": "er",
        "config": {"training": asdict(runs[0].training), "method": asdict(runs[0].method)},
        "runs": [{"seed": run.seed, "directory": f"results/runs/{name}"} for name, run in named.items()],
    }
    runs = {name: vars(run) for name, run in named.items()}
    return planned({"cells": {"er": cell}, "grids": {"g": [{"cell": "er"}]}, "runs": runs})


def test_a_cell_leads_to_its_settings_and_its_runs_with_their_scores(results):
    text = explain(plan_of(settings(0), settings(7)), "er", results, STORE)
    assert "    method.memory_per_class = 3" in text
    assert f"    {NAMES[0]}  first20 33.33 %  first50 50.00 %  overall 66.67 %" in text
    assert f"    {run_name(settings(7))}  not trained yet" in text


@pytest.mark.parametrize("form", ["{}", "results/runs/{}", "digest"])
def test_a_run_is_found_by_name_path_and_digest(results, form):
    name = NAMES[0].rpartition("-")[2] if form == "digest" else form.format(NAMES[0])
    write_json(results / "timings" / f"{NAMES[0]}.json", {"seconds": 12.34, "hardware": "a CPU"})
    text = explain(plan_of(settings(0)), name, results, STORE)
    assert text.startswith(f"{NAMES[0]}: of the cells er\n")
    assert "    training.iterations = 10" in text
    assert "  computed  12.3 s, cpu, torch 2.0, a CPU" in text
    assert "finished, with its checkpoint" in text


def test_a_damaged_or_missing_checkpoint_is_said(results):
    weights = results / "runs" / NAMES[0] / "model.safetensors"
    weights.write_bytes(b"weightt")
    assert f"damaged: {weights} is not the checkpoint" in explain(
        plan_of(settings(0)), NAMES[0], results, results / "store"
    )
    weights.unlink()
    assert "finished, without its checkpoint" in explain(plan_of(settings(0)), NAMES[0], results, STORE)


def test_the_record_in_a_studys_folder_is_enough(results):
    directory = results / "runs" / NAMES[0]
    whole = read_json(directory / "record.json")
    shutil.rmtree(directory)
    (results / "mine").mkdir()
    write_lines(results / "mine" / "records.jsonl", [Line(NAMES[0], whole)])
    assert "overall 66.67 %" in explain(plan_of(settings(0)), "er", results, STORE)
    assert "finished, without its checkpoint" in explain(plan_of(settings(0)), NAMES[0], results, STORE)


def test_a_run_that_diverged_has_no_scores(results):
    path = results / "runs" / NAMES[0] / "record.json"
    lost = {"task": 2, "iteration": 3, "term": "repulsion", "loss": 1e9}
    write_json(path, sealed({**read_json(path), "counts": None, "diverged": lost}))
    assert f"{NAMES[0]}  diverged in task 2" in explain(plan_of(settings(0)), "er", results, STORE)


def test_a_run_that_only_lies_there_is_said_not_to_be_named(results):
    assert explain(plan_of(settings(0)), NAMES[1], results, STORE).startswith(f"{NAMES[1]}: not named by the plan")


def test_a_run_to_be_trained_is_compared_with_the_nearest_finished_one(results):
    changed = replace(settings(0), code="core 2, er 1", training=replace(settings(0).training, iterations=20))
    text = explain(plan_of(changed), run_name(changed), results, STORE)
    assert f"the nearest finished run is {NAMES[0]}; it differs in" in text
    told = [line.strip() for line in text.partition("differs in")[2].splitlines() if line.strip()]
    assert told == ["code: core 1, er 1 there, core 2, er 1 here", "training.iterations: 10 there, 20 here"]


def test_a_cell_tells_of_its_first_run_to_be_trained_what_sets_it_apart(results):
    changed = [replace(settings(seed), training=replace(settings(seed).training, iterations=20)) for seed in (0, 1)]
    text = explain(plan_of(*changed), "er", results, STORE)
    *_, first, nearest, differs = text.splitlines()
    assert first == f"  {run_name(changed[0])} is not trained yet"
    assert nearest == f"  the nearest finished run is {NAMES[0]}; it differs in"
    assert differs == "    training.iterations: 10 there, 20 here"
    assert "nearest" not in explain(plan_of(settings(0), settings(1)), "er", results, STORE)


def test_a_study_that_cannot_be_read_is_named_and_hides_nothing_of_others(results, capsys):
    write_lines(results / "right" / "records.jsonl", [Line(run_name(settings(2)), record(2))])
    for name in ("broken", "worse"):
        (results / name).mkdir()
        (results / name / "records.jsonl").write_text("<<<<<<< HEAD\n")
    text = explain(plan_of(settings(0), settings(2)), "er", results, STORE)
    assert "not trained yet" not in text
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" is not as it was written")[0] for line in said] == [
        str(results / name / "records.jsonl") for name in ("broken", "worse")
    ]


def test_what_is_neither_cell_nor_run_is_refused_with_a_suggestion(results):
    with pytest.raises(UserError, match=f"did you mean {NAMES[0]}"):
        explain(plan_of(settings(0)), NAMES[0][:-1], results, STORE)
    with pytest.raises(UserError, match="the cells are er"):
        explain(plan_of(settings(0)), "xyz", results, STORE)


def test_nested_settings_get_dotted_keys():
    assert flat({"a": {"b": {"c": 1}, "d": None}, "e": [1]}) == {"a.b.c": 1, "a.d": None, "e": [1]}
