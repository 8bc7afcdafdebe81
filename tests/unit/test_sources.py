"""What decides the identity of a data set, and what does not."""

import hashlib

import pytest

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.sources import data_digest
from exaggerated_replay.settings.data import SourceSettings


def published(**changes):
    return SourceSettings(**{"name": "digits", "reader": "digits", "files": {"a": "md5:1"}, **changes})


def test_published_data_are_known_by_their_checksums_and_the_version_of_their_reader(monkeypatch):
    digest = data_digest(published())
    content = '{"code":"digits 1","files":{"a":"md5:1"}}'
    assert digest == hashlib.sha256(content.encode()).hexdigest()
    assert digest == data_digest(published(name="mine", mirrors=["https://elsewhere.example/"]))
    assert digest != data_digest(published(reader="idx"))
    assert digest != data_digest(published(files={"a": "md5:2"}))
    monkeypatch.setattr("exaggerated_replay.planning.sources.reader_version", lambda reader: f"{reader} 2")
    assert digest != data_digest(published())


def test_own_data_are_known_by_content_alone(tmp_path):
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).write_bytes(b"abc")
        found = data_digest(SourceSettings(name="own", reader="npz", source=str(tmp_path / name)))
        assert found == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180's example


def test_what_is_held_out_for_validation_makes_other_data():
    digests = {data_digest(published(validation=share)) for share in (None, 0.1, 0.2)}
    assert len(digests) == 3


@pytest.mark.parametrize("source", ["missing.npz", "."])
def test_a_file_of_ones_own_that_is_no_file_is_named(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^dataset\.source: there is no file"):
        data_digest(SourceSettings(name="own", reader="npz", source=source))
