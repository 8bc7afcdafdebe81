"""Checkpoints too large to be read at every start: their headers show what is cut short."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from exaggerated_replay.errors import UserError
from exaggerated_replay.store.survey import check_weights


def with_header(header):
    content = json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": np.ones((3, 4), np.float32), "b": np.zeros(5, np.int64)}, path, metadata={"of": "a test"})
    return path


def test_a_whole_checkpoint_passes(checkpoint):
    check_weights(checkpoint.parent, whole=False)


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\0"])
def test_a_cut_or_lengthened_one_is_not(checkpoint, change):
    checkpoint.write_bytes(change(checkpoint.read_bytes()))
    with pytest.raises(UserError, match="is not a whole checkpoint"):
        check_weights(checkpoint.parent, whole=False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"some other file",
        with_header([]),
        with_header({"a": {}}),
        with_header({"a": {"data_offsets": []}}),
        with_header({"a": {"data_offsets": ["0", "9"]}}),
        with_header({"a": {"data_offsets": None}}),
    ],
)
def test_anything_else_is_none(checkpoint, content):
    checkpoint.write_bytes(content)
    with pytest.raises(UserError, match="is not a whole checkpoint"):
        check_weights(checkpoint.parent, whole=False)
