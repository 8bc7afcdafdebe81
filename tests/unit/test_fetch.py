"""Fetching raw files from real servers on this machine: mirrors that are away, lie, or hang up half-way."""

import hashlib
import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from raw_files import only_files

from exaggerated_replay.data import fetch as fetching
from exaggerated_replay.data.fetch import fetch, verify
from exaggerated_replay.errors import UserError

DIGITS = {"digits.csv.gz": "sha256:09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"}
SKLEARN = ["package:sklearn/datasets/data"]
A, B = b"aaa" * 1000, b"bbb" * 1000


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


FILES = {"a.gz": sha256(A), "b.gz": "md5:" + hashlib.md5(B).hexdigest()}


class Mirror(ThreadingHTTPServer):
    """Serves pages by name; a page is its content, or a list of what it says each time it is asked.

    A content in a tuple is announced in its full length, of which only the first part is sent.
    """

    def __init__(self, pages):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = pages
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/files/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.removeprefix("/files/")
        self.server.asked.append(name)
        page = self.server.pages.get(name)
        if isinstance(page, list):
            page = page.pop(0)
        if page is None:
            self.send_error(404)
            return
        content, sent = (page[0], page[1]) if isinstance(page, tuple) else (page, len(page))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:sent])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No pause between two tries."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def mirror():
    running = []

    def start(**pages):
        server = Mirror({name.replace("_", "."): page for name, page in pages.items()})
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nobody():
    """The address of a machine that answers nothing: a port that was just given back."""
    server = Mirror({})
    server.server_close()
    return server.url


def test_files_come_from_the_first_mirror_that_has_them(mirror, nobody, tmp_path):
    empty, full = mirror(), mirror(a_gz=A, b_gz=B)
    fetch("mine", tmp_path / "raw" / "mine", FILES, [nobody, empty.url.rstrip("/"), full.url])
    assert only_files(tmp_path) == ["raw", "raw/mine", "raw/mine/a.gz", "raw/mine/b.gz"]
    assert (tmp_path / "raw/mine/a.gz").read_bytes() == A
    assert (tmp_path / "raw/mine/b.gz").read_bytes() == B
    assert full.asked == ["a.gz", "b.gz"]
    verify(tmp_path / "raw/mine", FILES)


def test_a_connection_that_is_cut_is_tried_again(mirror, tmp_path):
    flaky = mirror(a_gz=[(A, 1700), (A, 0), A])
    fetch("mine", tmp_path / "mine", {"a.gz": FILES["a.gz"]}, [flaky.url])
    assert (tmp_path / "mine/a.gz").read_bytes() == A
    assert flaky.asked == ["a.gz"] * 3


def test_a_mirror_with_another_file_is_passed_over(mirror, tmp_path):
    lying, honest = mirror(a_gz=B), mirror(a_gz=A)
    fetch("mine", tmp_path / "mine", {"a.gz": FILES["a.gz"]}, [lying.url, honest.url])
    assert (tmp_path / "mine/a.gz").read_bytes() == A
    assert Counter(lying.asked) == {"a.gz": fetching.TRIES}


@pytest.mark.parametrize("page", [(A, 2999), (A, 10), B, None, b""])
def test_what_is_not_whole_never_has_its_name(mirror, page, tmp_path):
    """Not even the file that did arrive, as the data set is there as a whole or not at all."""
    bad = mirror(a_gz=page, b_gz=B)
    folder = tmp_path / "raw" / "mine"
    with pytest.raises(UserError) as error:
        fetch("data set mine", folder, dict(reversed(FILES.items())), [bad.url])
    assert bad.asked[0] == "b.gz"
    assert only_files(tmp_path) == ["raw"]
    for part in (
        "data set mine: could not get a.gz",
        FILES["a.gz"],
        bad.url,
        "place the raw files by hand in",
        "`encoder.images.source`",
    ):
        assert part in str(error.value)
    assert f"by hand in {folder}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_file_stays_until_a_whole_one_is_there(mirror, tmp_path):
    (tmp_path / "a.gz").write_bytes(A)
    (tmp_path / "b.gz").write_bytes(b"damaged")
    empty, full = mirror(), mirror(b_gz=B)
    with pytest.raises(UserError, match=r"the b\.gz there has another checksum"):
        fetch("mine", tmp_path, FILES, [empty.url])
    assert (tmp_path / "b.gz").read_bytes() == b"damaged"
    fetch("mine", tmp_path, FILES, [full.url])
    assert (tmp_path / "b.gz").read_bytes() == B
    assert full.asked == ["b.gz"]  # what is right is not fetched again
    fetch("mine", tmp_path, FILES, [full.url])
    assert full.asked == ["b.gz"]


def test_files_placed_by_hand_need_no_mirror(tmp_path):
    (tmp_path / "a.gz").write_bytes(A)
    fetch("mine", tmp_path, {"a.gz": FILES["a.gz"]}, [])
    with pytest.raises(UserError, match="from no mirror at all"):
        fetch("mine", tmp_path, FILES, [])


@pytest.mark.parametrize("url", ["ftp://nowhere.example/", "nonsense://x", "http://"])
def test_an_address_that_cannot_be_asked_is_named(url, tmp_path):
    with pytest.raises(UserError, match=rf"could not get a\.gz .* from {url} \("):
        fetch("mine", tmp_path / "mine", FILES, [url])
    assert only_files(tmp_path) == []


def test_files_are_copied_from_a_folder_or_from_the_file_itself(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "a.gz").write_bytes(A)
    fetch("mine", tmp_path / "one", {"a.gz": FILES["a.gz"]}, [str(there)])
    fetch("mine", tmp_path / "two", {"a.gz": FILES["a.gz"]}, [str(there / "a.gz")])
    assert (tmp_path / "one/a.gz").read_bytes() == (tmp_path / "two/a.gz").read_bytes() == A
    with pytest.raises(UserError, match=r"there is no file .*there/b\.gz"):
        fetch("mine", tmp_path / "three", FILES, [str(there)])
    (there / "a.gz").write_bytes(B)
    with pytest.raises(UserError, match=f"has {sha256(B)}"):
        fetch("mine", tmp_path / "three", {"a.gz": FILES["a.gz"]}, [str(there)])
    assert not (tmp_path / "three").exists()


def test_digits_come_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("used the network"))
    fetch("digits", tmp_path / "raw" / "digits", DIGITS, SKLEARN)
    assert only_files(tmp_path) == ["raw", "raw/digits", "raw/digits/digits.csv.gz"]
    assert sha256((tmp_path / "raw/digits/digits.csv.gz").read_bytes()) == DIGITS["digits.csv.gz"]
    verify(tmp_path / "raw/digits", DIGITS)


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({"digits.csv.gz": "sha256:" + "0" * 64}, SKLEARN, r"digits\.csv\.gz has sha256:09f66e6d"),
        ({"absent.csv": "md5:" + "0" * 32}, SKLEARN, r"there is no file .*absent\.csv"),
        (DIGITS, ["package:nowhere/data"], "the Python package nowhere is not installed"),
    ],
)
def test_another_package_is_noticed(files, place, message, tmp_path):
    with pytest.raises(UserError, match=message):
        fetch("digits", tmp_path / "digits", files, place)
    assert only_files(tmp_path) == []


def test_verify_names_the_file_and_both_digests(tmp_path):
    (tmp_path / "a.gz").write_bytes(A)
    with pytest.raises(UserError, match=r"b\.gz is missing.*fetch") as error:
        verify(tmp_path, FILES)
    assert str(tmp_path / "b.gz") in str(error.value)
    (tmp_path / "b.gz").write_bytes(B)
    verify(tmp_path, FILES)
    in_capitals = {name: f"{kind}:{digest.upper()}" for name, (kind, _, digest) in
                   ((name, checksum.partition(":")) for name, checksum in FILES.items())}  # fmt: skip
    verify(tmp_path, in_capitals)
    (tmp_path / "a.gz").write_bytes(A + b"a")
    with pytest.raises(UserError, match="delete it and fetch") as error:
        verify(tmp_path, FILES)
    for part in (str(tmp_path / "a.gz"), FILES["a.gz"], sha256(A + b"a")):
        assert part in str(error.value)


@pytest.mark.parametrize("checksum", ["sha1:00", "abc", ""])
def test_a_malformed_checksum_is_refused(checksum, tmp_path):
    (tmp_path / "a.gz").write_bytes(A)
    with pytest.raises(UserError, match=r"a\.gz must read sha256:<hex> or md5:<hex>"):
        verify(tmp_path, {"a.gz": checksum})


def test_a_file_system_that_refuses_leaves_what_was_there(mirror, tmp_path, monkeypatch):
    (tmp_path / "a.gz").write_bytes(b"old")
    full = mirror(a_gz=A)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        fetch("mine", tmp_path, {"a.gz": FILES["a.gz"]}, [full.url])
    assert only_files(tmp_path) == ["a.gz"]
    assert (tmp_path / "a.gz").read_bytes() == b"old"
