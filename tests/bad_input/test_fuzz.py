"""Valid files changed at random: read as they are, or refused in one sentence; nothing else ever comes of them."""

import copy
import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_exchange import record, run_name
from test_exchange import settings as settings_of_seed

from exaggerated_replay.data.arrays import ARRAYS, read_npz
from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.data.prepared import load
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.exchange import import_records
from exaggerated_replay.store.verify import verify_record
from exaggerated_replay.strict_yaml import parse_yaml
from tests.bad_input.place import REPOSITORY, arrays, resealed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${a}", "../x", "a\0b", "x2", "0-3", "~", "1e999", "\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
VALID = compose_values(REPOSITORY / "conf", ["dataset=digits", "study.seeds=1"])


def leaves(value, path=()):
    """Every place in nested values."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from leaves(part, (*path, key))


def changed(values, path, value):
    values = copy.deepcopy(values)
    holder = values
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return values


def in_one_sentence(error):
    assert str(error) and "\n" not in str(error).strip()


PLACES = list(leaves(VALID))


@settings(max_examples=150)
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_anywhere_in_params_is_planned_or_refused(path, value):
    try:
        plan = make_plan(check_params(changed(VALID, path, value)))
    except UserError as error:
        in_one_sentence(error)
    else:
        assert all(run.directory.name for run in plan.runs)


@given(st.sampled_from([path for path in PLACES if len(path) > 1]))
def test_params_without_one_key_are_planned_or_refused(path):
    values = changed(VALID, path, None)
    holder = values
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    try:
        make_plan(check_params(values))
    except UserError as error:
        in_one_sentence(error)


TEXT = yaml.safe_dump(VALID, sort_keys=False)


@given(
    st.integers(0, len(TEXT)), st.integers(0, 12), st.text("abc \n\t:-[]{}\"'#&*!|>%@`,0\0\x85\u2028\ufeff", max_size=6)
)
def test_a_text_that_was_cut_and_pasted_is_read_or_refused(at, length, new):
    try:
        make_plan(check_params(parse_yaml(TEXT[:at] + new + TEXT[at + length :], "params.yaml")))
    except UserError as error:
        in_one_sentence(error)


@given(st.binary(max_size=200))
def test_no_text_at_all_makes_the_reader_of_yaml_stumble(content):
    try:
        parse_yaml(content.decode("latin-1"), "params.yaml")
    except UserError as error:
        in_one_sentence(error)


def npz():
    stream = io.BytesIO()
    np.savez(stream, **arrays())
    return stream.getvalue()


NPZ = npz()


@given(st.lists(st.tuples(st.integers(0, len(NPZ) - 1), st.integers(1, 255)), min_size=1, max_size=4), st.booleans())
def test_an_npz_with_other_bytes_holds_the_same_values_or_is_refused(tmp_path_factory, places, cut):
    path = tmp_path_factory.mktemp("npz") / "mine.npz"
    content = bytearray(NPZ)
    for at, by in places:
        content[at] ^= by
    path.write_bytes(content[: places[0][0]] if cut else content)
    try:
        found = read_npz(path)
    except UserError as error:
        in_one_sentence(error)
        return
    assert all(np.array_equal(found[name], arrays()[name]) for name in ARRAYS)  # each array has a checksum in the file


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    np.savez(folder / "mine.npz", **arrays())
    prepare("npz", {"mine.npz": folder / "mine.npz"}, folder / "prepared.npz", made_from="a")
    return folder / "prepared.npz"


@given(st.data())
def test_prepared_data_with_other_bytes_are_the_same_or_refused(prepared, tmp_path_factory, data):
    content = bytearray(prepared.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("other") / "prepared.npz"
    path.write_bytes(content)
    try:
        found = load(path, "a")
    except UserError as error:
        in_one_sentence(error)
        return
    assert found.content == load(prepared, "a").content


NAME, RECORD = run_name(settings_of_seed(0)), record(0)


@given(st.sampled_from(list(leaves(RECORD))), VALUES)
def test_any_value_anywhere_in_a_record_is_right_or_refused(path, value):
    other = changed(RECORD, path, value)
    for told, same in ((other, RECORD), (resealed(other), {"settings": RECORD["settings"]})):  # the name is its digest
        try:
            verify_record(NAME, told)
        except UserError as error:
            in_one_sentence(error)
            continue
        assert {key: told[key] for key in same} == same


@given(st.sampled_from(list(leaves({"record": RECORD, "timing": None}))), VALUES, st.booleans())
def test_an_archive_with_any_value_anywhere_brings_the_record_or_nothing(tmp_path_factory, path, value, seal):
    place = tmp_path_factory.mktemp("archive")
    entry = changed({"record": RECORD, "timing": None}, path, value)
    line = {**entry, "record": resealed(entry["record"])} if seal and "record" in entry else entry
    (place / "records.jsonl").write_text(json.dumps({**line, "run": NAME}) + "\n")
    try:
        done = import_records(place / "records.jsonl", place / "runs", place / "timings", place / "store")
    except UserError as error:
        in_one_sentence(error)
        assert not (place / "runs").exists()
        return
    kept = {str(path.relative_to(place)) for path in Path(place).rglob("*") if path.is_file()} - {"records.jsonl"}
    assert (f"runs/{NAME}/record.json" in kept) == bool(done.new)
    assert len(done.new) + len(done.refused) == 1
    for sentence in done.refused:
        in_one_sentence(sentence)
        assert not kept
