"""Records come back from a file as they were; one that is wrong is named, and the others are taken."""

import copy
import json
import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.planning.runs import values_of
from exaggerated_replay.planning.study_plan import name_of_values
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.store.exchange import Imported, export_records, import_records
from exaggerated_replay.store.lines import Line, read_records, write_lines
from exaggerated_replay.store.records import sealed
from exaggerated_replay.store.verify import verify_record
from tests.bad_input.place import resealed


def settings(seed):
    return RunSettings(
        data="d" * 64,
        code="core 1, er 1",
        image_values=6,
        tasks=[[2, 0], [1, 3]],
        seed=seed,
        model=ModelSettings(units=5, latent=2),
        training=TrainingSettings(iterations=10, batch=4, replay_batch=4, learning_rate=0.001),
        method=ERArm(method="er", memory_per_class=3),
        threads=1,
        precision="fp32",
    )


def run_name(run):
    return name_of_values(values_of(run))


def record(seed=0):
    return sealed(unsealed(seed))


def unsealed(seed):
    return {
        "settings": asdict(settings(seed)),
        "environment": {"device": "cpu", "torch": "2.0"},
        "problem": {"inputs": 6, "classes": 4, "bounded": True},
        "counts": {"correct": [[3, 2, 0, 0], [1, 2, 2, 3]], "tested": [3, 3, 3, 3], "predicted": [2, 4, 3, 3]},
        "instruments": {"classification": [0.5, 0.25]},
        "diverged": None,
        "sha256": {"model.safetensors": "a" * 64, "data": "b" * 64},
    }


@pytest.fixture
def place(tmp_path):
    """Two finished runs, one of them timed, and where they would be imported."""
    for seed in (0, 1):
        write_json(tmp_path / "runs" / run_name(settings(seed)) / "record.json", record(seed))
    write_json(tmp_path / "timings" / f"{run_name(settings(0))}.json", {"seconds": 1.5, "hardware": "a CPU"})
    return tmp_path


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def pack(place):
    export_records(place / "runs", place / "timings", place / "records.jsonl")
    return place / "records.jsonl"


def repack(place, edit):
    """The file after an edit of its lines, as a dictionary by name of the run."""
    lines = {line["run"]: line for line in map(json.loads, pack(place).read_text().splitlines())}
    edit(lines)
    text = "".join(json.dumps({**line, "run": run}) + "\n" for run, line in lines.items())
    (place / "records.jsonl").write_text(text)
    return place / "records.jsonl"


def taken(source, place):
    """How many records an import took, how many were there, and what it said of the others."""
    done: Imported = import_records(source, place / "runs", place / "timings", place / "store")
    return len(done.new), len(done.known), done.refused


def test_there_and_back_again(place):
    packed = pack(place)
    assert taken(packed, place / "new") == (2, 0, [])
    assert files(place / "new" / "runs") == files(place / "runs")
    assert files(place / "new" / "timings") == files(place / "timings")
    assert taken(packed, place / "new") == (0, 2, [])
    assert export_records(place / "new" / "runs", place / "new" / "timings", place / "again.jsonl") == 2
    assert (place / "again.jsonl").read_bytes() == packed.read_bytes()


def test_runs_that_lie_in_the_store_alone_are_exported_too(place):
    for seed, torch in ((0, "of the store"), (2, "2.0")):
        kept = unsealed(seed)
        kept["environment"]["torch"] = torch
        write_json(place / "store" / run_name(settings(seed)) / "record.json", sealed(kept))
    write_json(place / "store" / run_name(settings(3)) / "record.json", unsealed(3))  # not as its run wrote it
    assert export_records(place / "runs", place / "timings", place / "all.jsonl", place / "store") == 3
    found = read_records(place / "all.jsonl")
    assert {name: record.torch for name, record in found.items()} == {run_name(settings(n)): "2.0" for n in range(3)}


def test_a_line_is_canonical_json_and_lines_are_sorted_by_name(place):
    one, two = sorted((run_name(settings(seed)), seed) for seed in (0, 1))
    timing = {0: ',"timing":{"hardware":"a CPU","seconds":1.5}', 1: ""}
    expected = [
        f'{{"record":{json.dumps(record(seed), sort_keys=True, separators=(",", ":"))},"run":"{name}"{timing[seed]}}}\n'
        for name, seed in (one, two)
    ]
    assert pack(place).read_text() == "".join(expected)


def test_only_what_is_new_is_written(place):
    packed = pack(place)
    kept = place / "runs" / run_name(settings(0)) / "record.json"
    (place / "runs" / run_name(settings(1)) / "record.json").unlink()
    before = kept.stat().st_mtime_ns
    assert taken(packed, place) == (1, 1, [])
    assert kept.stat().st_mtime_ns == before


def test_nothing_finished_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no finished run"):
        export_records(tmp_path / "runs", tmp_path, tmp_path / "records.jsonl")
    assert not (tmp_path / "records.jsonl").exists()


def test_another_record_of_the_same_run_is_not_overwritten(place):
    name = run_name(settings(1))
    elsewhere = record(1)
    elsewhere["environment"]["device"] = "cuda"
    packed = repack(place, lambda runs: runs[name].update(record=sealed(elsewhere)))
    (place / "runs" / run_name(settings(0)) / "record.json").unlink()
    before = files(place / "runs")
    new, known, (refused,) = taken(packed, place)
    assert (new, known) == (1, 0)
    assert re.search(rf"{name}.*cpu, torch 2.0 here, cuda, torch 2.0 there", refused)
    assert {**files(place / "runs"), **before} == files(place / "runs")


def edited(*path, value):
    def edit(runs):
        entry = runs[run_name(settings(1))]
        target = entry["record"]
        for key in path[:-1]:
            target = target[key]
        if value is None:
            del target[path[-1]]
        else:
            target[path[-1]] = value
        entry["record"] = resealed(entry["record"])

    return edit


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["settings", "training", "iterations"], 11, "its settings belong to er-s1-"),
        (["settings", "seed"], 2, "its settings belong to er-s2-"),
        (
            ["settings", "method", "memory_per_class"],
            0,
            "memory_per_class is 0: .* at least 1|memory_per_class is 0: .* equal to 1",
        ),
        (["settings", "method", "method"], "magic", "'magic', which is not a method"),
        (["settings"], None, "no valid record"),
        (["settings", "extra"], 1, "extra is not a setting"),
        (["counts", "correct"], [[3, 2, 0, 0]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [4, 2, 2, 3]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [-1, 2, 2, 3]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [1, 2]], "no valid record"),
        (["counts", "correct"], [[3, 2, 0, 0], [3, 2, 2, 3]], "make no sense"),  # more right ones than were assigned
        (["counts", "predicted"], [2, 4, 3, 4], "make no sense"),
        (["counts", "predicted"], "many", "make no sense"),
        (["counts", "tested"], None, "no valid record"),
        (["environment", "device"], None, "no valid record"),
        (["instruments"], None, "no valid record"),
        (["sha256", "model.safetensors"], "abc", "make no sense"),
        (["sha256", "data"], "abc", "make no sense"),
        (["sha256"], None, "no valid record"),
        (["diverged"], {"task": 1}, "no valid record"),
        (["diverged"], {"task": 1, "iteration": 2, "term": "reconstruction", "loss": None}, "no valid record"),
        (["counts"], None, "no valid record"),
    ],
)
def test_a_record_that_is_wrong_is_named_and_the_others_are_taken(place, path, value, told):
    new, known, (refused,) = taken(repack(place, edited(*path, value=value)), place / "new")
    assert (new, known) == (1, 0)
    assert re.search(told, refused) and run_name(settings(1)) in refused
    assert [path.parent.name for path in (place / "new/runs").rglob("record.json")] == [run_name(settings(0))]


def test_a_run_that_diverged_has_no_counts_and_travels_all_the_same(place):
    def diverge(runs):
        lost = {"task": 2, "iteration": 5, "term": "reconstruction", "loss": None}
        runs[run_name(settings(1))]["record"] = sealed({**record(1), "counts": None, "diverged": lost})

    assert taken(repack(place, diverge), place / "new") == (2, 0, [])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("counts", "correct", 0, 1), 1),
        (("counts", "correct"), [[3, 2, 0, 0], [1, 2, 2, 2]]),
        (("counts", "predicted"), [3, 3, 3, 3]),
        (("instruments", "classification", 1), 0.26),
        (("environment", "torch"), "2.1"),
        (("problem", "bounded"), 1),
        (("sha256", "data"), "c" * 64),
        (("sha256", "record.json"), "c" * 64),
    ],
)
def test_a_digit_that_was_changed_in_a_record_that_still_fits_is_refused(place, path, value):
    def edit(runs):
        target = runs[run_name(settings(1))]["record"]
        for key in path[:-1]:
            target = target[key]
        assert target[path[-1]] != value or type(target[path[-1]]) is not type(value)
        target[path[-1]] = value

    new, known, (refused,) = taken(repack(place, edit), place / "new")
    assert (new, known) == (1, 0)
    assert f"{run_name(settings(1))} has a record that was changed after its run" in refused
    assert [path.parent.name for path in (place / "new/runs").rglob("record.json")] == [run_name(settings(0))]


def test_a_record_without_a_seal_is_refused(place):
    new, _, (refused,) = taken(
        repack(place, lambda runs: runs[run_name(settings(1))].update(record=unsealed(1))), place / "new"
    )
    assert new == 1 and "its checksum make no sense" in refused


@pytest.mark.parametrize("timing", [3, {}, *({"seconds": seconds, "hardware": "x"} for seconds in ("1", -1, 10**400))])
def test_seconds_that_make_no_sense_are_refused(place, timing):
    name = run_name(settings(1))
    new, _, (refused,) = taken(repack(place, lambda runs: runs[name].update(timing=timing)), place / "new")
    assert new == 1 and "seconds or hardware" in refused and name in refused


def test_a_studys_folder_is_a_source_and_is_exported(place):
    write_lines(place / "study/records.jsonl", [Line(run_name(settings(seed)), record(seed)) for seed in (0, 1)])
    assert taken(place / "study", place / "new") == (2, 0, [])
    assert files(place / "new" / "runs") == files(place / "runs")
    assert export_records(place / "study", place / "timings", place / "study.jsonl") == 2
    assert (place / "study.jsonl").read_bytes() == pack(place).read_bytes()
    with pytest.raises(UserError, match="holds no records"):
        import_records(place / "timings", place / "new", place / "new", place / "store")


@pytest.mark.parametrize(
    "line",
    [
        "<<<<<<< HEAD",
        "{",
        "[]",
        '"a"',
        '{"record": {}}',
        '{"record": {}, "run": 3}',
        '{"record": {}, "run": "a", "x": 1}',
    ],
)
def test_a_line_that_is_no_run_is_named_and_the_others_are_taken(place, line):
    packed = pack(place)
    first, second = packed.read_text().splitlines()
    packed.write_text(f"{first}\n{line}\n{second}\n")
    new, known, (refused,) = taken(packed, place / "new")
    assert (new, known) == (2, 0)
    assert "line 2 is not the record of a run" in refused
    with pytest.raises(UserError, match=r"records\.jsonl is not as it was written \(record 2\)"):
        read_records(packed)


def test_a_run_that_stands_twice_is_not_read(place):
    packed = pack(place)
    packed.write_text(packed.read_text() + packed.read_text().splitlines()[0])
    with pytest.raises(UserError, match=r"not as it was written \(record 3\)"):
        read_records(packed)


def test_a_run_under_a_name_of_anothers_is_refused(place):
    def swap(runs):
        runs["../../elsewhere"] = runs.pop(run_name(settings(0)))

    new, _, (refused,) = taken(repack(place, swap), place / "new")
    assert new == 1 and "is not the run that its name says" in refused
    assert not (place / "elsewhere").exists()
    assert [path.parent.name for path in (place / "new/runs").rglob("record.json")] == [run_name(settings(1))]


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b\x00", b"{}", b'{"runs": 3}', b"[]\n3\n"])
def test_files_that_hold_no_records(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match="holds no records, or is damaged"):
        import_records(tmp_path / "file", tmp_path / "new", tmp_path / "new", tmp_path / "new")
    with pytest.raises(UserError, match="there is no file"):
        import_records(tmp_path / "other", tmp_path / "new", tmp_path / "new", tmp_path / "new")


@given(st.data())
def test_a_damaged_file_is_refused_or_says_the_same(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("damaged")
    write_json(place / "runs" / run_name(settings(0)) / "record.json", record(0))
    packed = pack(place)
    content = bytearray(packed.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    packed.write_bytes(content)
    try:
        refused = import_records(packed, place / "new", place / "new", place / "store").refused
    except UserError:
        refused = ["all of it"]
    assert files(place / "new") == ({} if refused else files(place / "runs"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["settings", "environment", "counts", "instruments", "sha256"]), JSON)
def test_any_other_value_in_a_record_is_refused_in_one_sentence(key, value):
    changed = copy.deepcopy(record())
    changed[key] = value
    told = [changed, resealed(changed)]
    if key == "instruments" and isinstance(value, dict):
        told.pop()  # what is noted is up to the method
    for other in told:
        with pytest.raises(UserError) as error:
            verify_record(run_name(settings(0)), other)
        assert "\n" not in str(error.value)


def test_a_record_that_was_changed_is_not_exported(place):
    path = place / "runs" / run_name(settings(1)) / "record.json"
    changed = record(1)
    changed["counts"]["correct"][0][0] -= 1
    write_json(path, changed)
    with pytest.raises(UserError, match=r"record\.json is not as its run wrote it"):
        pack(place)
    assert not (place / "records.jsonl").exists()
