"""Files appear whole or not at all, and say the same in the same bytes."""

import errno
import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, link, read_json, replacing, write_json, write_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def backwards(value):
    """The same value, its keys in reverse order."""
    if isinstance(value, dict):
        return {key: backwards(inner) for key, inner in reversed(value.items())}
    return [backwards(inner) for inner in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- replacing


def test_the_target_is_untouched_until_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.stat().st_dev == target.stat().st_dev  # one file system: renaming is one step
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_goes_and_what_a_living_or_a_stranger_has_stays(tmp_path):
    target, beside = tmp_path / "a.txt", tmp_path / ".a.txt.part"
    gone = subprocess.Popen(["true"])
    gone.wait()
    for name in (str(gone.pid), str(os.getppid()), "mine"):
        (beside / name).mkdir(parents=True)
        (beside / name / ".tmp1x").write_text("half")
    write_text(target, "whole")
    assert {path.name for path in beside.iterdir()} == {str(os.getppid()), "mine"}
    assert target.read_text() == "whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_gets_the_permissions_that_the_umask_leaves_whoever_wrote_it(tmp_path):
    code = f"""
import os
from pathlib import Path
os.umask(0o027)
from exaggerated_replay.files import replacing
with replacing(Path({str(tmp_path / "a.txt")!r})) as temporary:
    os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_what_is_not_a_regular_file_is_left_as_it_is(tmp_path):
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(tmp_path / "nowhere")
    for target in (pipe, folder, link):
        with pytest.raises(UserError, match=f"{target.name} is not a regular file, and is left as it is"):
            write_text(target, "x")
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == sorted([pipe, folder, link])


def test_an_error_of_writing_names_the_file(tmp_path):
    """As on a full disk, where the system names none."""
    target = tmp_path / "a.txt"
    with pytest.raises(OSError) as caught, replacing(target) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(target)
    assert list(tmp_path.iterdir()) == []


def test_no_room_under_safetensors_is_an_error_that_names_the_file(tmp_path):
    """What it raises by itself says neither the file nor that the disk is full."""
    code = f"""
import resource, torch
from pathlib import Path
from safetensors.torch import save_file
from exaggerated_replay.files import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    with replacing(Path({str(tmp_path / "a.safetensors")!r})) as temporary:
        save_file({{"x": torch.zeros(10_000)}}, temporary)
except OSError as error:
    print(error.errno, error.filename)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [str(errno.EFBIG), str(tmp_path / "a.safetensors")]
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made_and_a_first_failure_leaves_no_file(tmp_path):
    target = tmp_path / "x" / "y" / "a.txt"
    with pytest.raises(ValueError), replacing(target) as temporary:
        temporary.write_text("half")
        raise ValueError
    assert list(target.parent.iterdir()) == []
    write_text(target, "whole")
    assert target.read_text() == "whole"


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(target):
        pass
    assert target.read_text() == "old"


# ---------------------------------------------------------------- text and JSON


def test_text_is_written_in_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a", "naïve\nλ\n")
    assert (tmp_path / "a").read_bytes() == b"na\xc3\xafve\n\xce\xbb\n"


def test_json_is_sorted_and_indented(tmp_path):
    write_json(tmp_path / "a", {"b": [1, 2.5], "a": None})
    assert (tmp_path / "a").read_text() == '{\n "a": null,\n "b": [\n  1,\n  2.5\n ]\n}\n'


@given(VALUES)
def test_json_comes_back_and_is_the_same_bytes_whatever_the_order_of_keys(value):
    with TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        write_json(one, value)
        write_json(other, backwards(value))
        assert one.read_bytes() == other.read_bytes()
        assert read_json(one) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, {1, 2}, object()])
def test_what_json_cannot_say_is_not_written(tmp_path, value):
    target = tmp_path / "a.json"
    write_json(target, "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(target, value)
    assert read_json(target) == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"plan\.json is missing: run the workflow"):
        read_json(tmp_path / "plan.json")


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1} x', b"\xff\xfe"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(UserError, match=r"plan\.json is not valid JSON: delete it"):
        read_json(tmp_path / "plan.json")


# ---------------------------------------------------------------- digests


def test_the_digest_of_a_value_is_that_of_its_shortest_json():
    assert digest_of({"b": [1, 2.0, "x"], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,2.0,"x"]}').hexdigest()


@given(VALUES)
def test_the_order_of_keys_does_not_count_in_a_digest(value):
    assert digest_of(backwards(value)) == digest_of(value)


@given(VALUES, VALUES)
def test_different_values_have_different_digests(one, other):
    canonical = [json.dumps(value, sort_keys=True) for value in (one, other)]
    assert (digest_of(one) == digest_of(other)) == (canonical[0] == canonical[1])


def test_no_digest_of_what_json_cannot_say():
    with pytest.raises(ValueError):
        digest_of({"f": math.nan})


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180's example
    assert file_digest(tmp_path / "a") == expected


def test_a_second_name_is_the_same_file_and_takes_the_place_of_what_had_it(tmp_path):
    (tmp_path / "here").write_bytes(b"content")
    (tmp_path / "here").chmod(0o444)  # as a file of DVC's cache
    (tmp_path / "there").write_bytes(b"other")
    link(tmp_path / "here", tmp_path / "there")
    link(tmp_path / "here", tmp_path / "deeper" / "there")
    assert (tmp_path / "there").samefile(tmp_path / "here")
    assert (tmp_path / "deeper/there").samefile(tmp_path / "here")
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o444
    assert {path.name for path in tmp_path.rglob("*")} == {"here", "there", "deeper"}


def test_a_link_gives_its_target_a_second_name(tmp_path):
    (tmp_path / "cache").write_bytes(b"content")
    (tmp_path / "here").symlink_to("cache")
    link(tmp_path / "here", tmp_path / "there")
    assert not (tmp_path / "there").is_symlink()
    assert (tmp_path / "there").samefile(tmp_path / "cache")


def test_where_no_second_name_can_be_given_a_file_is_copied(tmp_path, monkeypatch):
    def refused(*names):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    (tmp_path / "here").write_bytes(b"content")
    monkeypatch.setattr(os, "link", refused)
    link(tmp_path / "here", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"content"
    assert not (tmp_path / "there").samefile(tmp_path / "here")
    assert {path.name for path in tmp_path.iterdir()} == {"here", "there"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_that_lets_nobody_set_permissions_gets_its_files(tmp_path, monkeypatch, number):
    def refuse(path, *_args, **_options):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    write_text(tmp_path / "here.txt", "all of it")
    assert (tmp_path / "here.txt").read_text() == "all of it"
    assert [path.name for path in tmp_path.iterdir()] == ["here.txt"]
