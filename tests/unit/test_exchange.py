"""Records come back from a packed file as they were; whatever is wrong in one, nothing is imported."""

import copy
import gzip
import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.planning.plan import run_name
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.store.exchange import import_records, pack_records
from exaggerated_replay.store.verify import verify_record


def settings(seed):
    return RunSettings(
        data="d" * 64,
        code="c" * 64,
        image_values=6,
        tasks=[[2, 0], [1, 3]],
        seed=seed,
        model=ModelSettings(units=5, latent=2),
        training=TrainingSettings(iterations=10, batch=4, replay_batch=4, learning_rate=0.001),
        method=ERArm(method="er", memory_per_class=3),
        threads=1,
        precision="fp32",
    )


def record(seed=0):
    return {
        "settings": asdict(settings(seed)),
        "environment": {"device": "cpu", "torch": "2.0"},
        "problem": {"inputs": 6, "classes": 4, "bounded": True},
        "counts": {"correct": [[3, 2, 0, 0], [1, 2, 2, 3]], "tested": [3, 3, 3, 3], "predicted": [2, 4, 3, 3]},
        "instruments": {"classification": [0.5, 0.25]},
        "example": None,
        "sha256": {"model.safetensors": "a" * 64},
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
    pack_records(place / "runs", place / "timings", place / "records.gz")
    return place / "records.gz"


def repack(place, edit):
    """The packed file after an edit of its first record (as a dictionary)."""
    content = json.loads(gzip.decompress(pack(place).read_bytes()))
    edit(content["runs"])
    (place / "records.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    return place / "records.gz"


def test_there_and_back_again(place):
    packed = pack(place)
    assert import_records(packed, place / "new" / "runs", place / "new" / "timings") == (2, 0)
    assert files(place / "new" / "runs") == files(place / "runs")
    assert files(place / "new" / "timings") == files(place / "timings")
    assert import_records(packed, place / "new" / "runs", place / "new" / "timings") == (0, 2)
    assert pack_records(place / "new" / "runs", place / "new" / "timings", place / "again.gz") == 2
    assert (place / "again.gz").read_bytes() == packed.read_bytes()


def test_only_what_is_new_is_written(place):
    packed = pack(place)
    kept = place / "runs" / run_name(settings(0)) / "record.json"
    (place / "runs" / run_name(settings(1)) / "record.json").unlink()
    before = kept.stat().st_mtime_ns
    assert import_records(packed, place / "runs", place / "timings") == (1, 1)
    assert kept.stat().st_mtime_ns == before


def test_nothing_finished_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no finished run"):
        pack_records(tmp_path / "runs", tmp_path, tmp_path / "records.gz")
    assert not (tmp_path / "records.gz").exists()


def test_another_record_of_the_same_run_is_not_overwritten(place):
    name = run_name(settings(1))
    packed = repack(place, lambda runs: runs[name]["record"]["environment"].update(device="cuda"))
    (place / "runs" / run_name(settings(0)) / "record.json").unlink()
    before = files(place / "runs")
    with pytest.raises(UserError, match=rf"{name}.*cpu, torch 2.0 here, cuda, torch 2.0 there"):
        import_records(packed, place / "runs", place / "timings")
    assert files(place / "runs") == before


def edited(*path, value):
    def edit(runs):
        target = runs[run_name(settings(1))]["record"]
        for key in path[:-1]:
            target = target[key]
        if value is None:
            del target[path[-1]]
        else:
            target[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["settings", "training", "iterations"], 11, "its settings belong to er-s1-"),
        (["settings", "seed"], 2, "its settings belong to er-s2-"),
        (["settings", "method", "memory_per_class"], 0, "memory_per_class must be at least 1"),
        (["settings", "method", "method"], "magic", "'magic', which is no method"),
        (["settings"], None, "no whole record"),
        (["settings", "extra"], 1, "extra is no setting"),
        (["counts", "correct"], [[3, 2, 0, 0]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [4, 2, 2, 3]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [-1, 2, 2, 3]], "make no sense"),
        (["counts", "correct"], [[3, 2, 0, 0], [1, 2]], "no whole record"),
        (["counts", "correct"], [[3, 2, 0, 0], [3, 2, 2, 3]], "make no sense"),  # more right ones than were assigned
        (["counts", "predicted"], [2, 4, 3, 4], "make no sense"),
        (["counts", "predicted"], "many", "make no sense"),
        (["counts", "tested"], None, "no whole record"),
        (["environment", "device"], None, "make no sense"),
        (["instruments"], None, "no whole record"),
        (["sha256", "model.safetensors"], "abc", "make no sense"),
        (["sha256"], None, "no whole record"),
    ],
)
def test_whatever_is_wrong_in_one_record_nothing_is_imported(place, path, value, told):
    packed = repack(place, edited(*path, value=value))
    with pytest.raises(UserError, match=told) as error:
        import_records(packed, place / "new", place / "new")
    assert run_name(settings(1)) in str(error.value)
    assert not (place / "new").exists()


def test_a_run_under_a_name_of_anothers_is_refused(place):
    def swap(runs):
        runs["../../elsewhere"] = runs.pop(run_name(settings(0)))

    with pytest.raises(UserError, match="is not the run that its name says"):
        import_records(repack(place, swap), place / "new", place / "new")
    assert not (place / "new").exists()


# Without mtime=0, gzip writes the second into its header, and parallel test processes disagree on the tests' names.
@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"{}", mtime=0), gzip.compress(b'{"runs": 3}', mtime=0)]
)
def test_files_that_hold_no_records(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match="holds no packed records, or is damaged"):
        import_records(tmp_path / "file", tmp_path / "new", tmp_path / "new")
    with pytest.raises(UserError, match="there is no file"):
        import_records(tmp_path / "other", tmp_path / "new", tmp_path / "new")


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
        import_records(packed, place / "new", place / "new")
    except UserError:
        assert not (place / "new").exists()
    else:
        assert files(place / "new") == files(place / "runs")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["settings", "environment", "counts", "instruments", "sha256"]), JSON)
def test_any_other_value_in_a_record_is_refused_in_one_sentence(key, value):
    changed = copy.deepcopy(record())
    changed[key] = value
    if key == "instruments" and isinstance(value, dict):
        return
    with pytest.raises(UserError) as error:
        verify_record(run_name(settings(0)), changed)
    assert "\n" not in str(error.value)
