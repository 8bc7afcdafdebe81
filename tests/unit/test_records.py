"""A run counts as finished only with its record and the very weights that the record names."""

import hashlib
import json
import shutil

import pytest
from studies import whole

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RECORD, WEIGHTS
from exaggerated_replay.store.records import Record, is_complete, read_record, sealed

CONTENT = bytes(range(100))


@pytest.fixture
def finished(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / WEIGHTS).write_bytes(CONTENT)
    digests = {WEIGHTS: hashlib.sha256(CONTENT).hexdigest()}
    record = {"counts": {"correct": [[3, 2], [1, 2]]}, "instruments": {"loss": [0.5]}, "sha256": digests}
    (run / RECORD).write_text(json.dumps(whole(record)))
    return run


def test_a_record_with_its_weights_is_complete(finished):
    assert is_complete(finished)


def test_moving_a_run_does_not_matter(finished, tmp_path):
    assert is_complete(shutil.move(finished, tmp_path / "elsewhere"))


@pytest.mark.parametrize("name", [RECORD, WEIGHTS])
def test_a_missing_file_is_not_complete(finished, name):
    (finished / name).unlink()
    assert not is_complete(finished)


def test_a_missing_folder_is_not_complete(tmp_path):
    assert not is_complete(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff", b"[]", b"null", b"{}"),
        *(b'{"sha256": {}}', b'{"sha256": "x"}', b'{"a": NaN, "sha256": {}}', b'{"settings": {}}'),
    ],
)
def test_a_broken_record_is_not_complete(finished, content):
    (finished / RECORD).write_bytes(content)
    assert not is_complete(finished)


@pytest.mark.parametrize("place", [0, 50, 99])
def test_a_flipped_byte_is_not_complete(finished, place):
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= 1
    (finished / WEIGHTS).write_bytes(spoilt)
    assert not is_complete(finished)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0"])
def test_weights_of_another_length_are_not_complete(finished, content):
    (finished / WEIGHTS).write_bytes(content)
    assert not is_complete(finished)


@pytest.mark.parametrize(
    ("old", "new"),
    [("[[3, 2]", "[[2, 2]"), ("[1, 2]]", "[1, 1]]"), ("0.5", "0.51"), ("[1, 2]]", "[true, 2]]"), ("0.5", "null")],
)
def test_a_record_in_which_one_digit_was_changed_is_not_complete(finished, old, new):
    text = (finished / RECORD).read_text()
    assert text.count(old) == 1
    (finished / RECORD).write_text(text.replace(old, new))
    with pytest.raises(UserError, match="not as its run wrote it"):
        read_record(finished / RECORD)
    assert not is_complete(finished)


def test_the_order_of_keys_and_white_space_do_not_matter(finished):
    record = json.loads((finished / RECORD).read_text())
    (finished / RECORD).write_text(json.dumps(dict(reversed(record.items())), indent=7) + "\n\n")
    assert is_complete(finished)


def test_a_seal_is_of_all_else_and_sealing_again_changes_nothing(finished):
    record = json.loads((finished / RECORD).read_text())
    assert sealed(record) == record
    unsealed = {**record, "sha256": {WEIGHTS: record["sha256"][WEIGHTS]}}
    assert not Record.of(unsealed).is_sealed
    assert sealed(unsealed) == record
