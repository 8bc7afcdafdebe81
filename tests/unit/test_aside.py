"""Which files in a study's folder are moved aside: what is somebody's, and in the way."""

import errno
import os

import pytest

from exaggerated_replay.aside import make_room, move_aside

NAMES = ("README.md", "plan.json", "tables/a.csv")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine"


def put(place, *names):
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)


def moved(place):
    """Return what make_room says, and what lies aside then."""
    lines = [*make_room(place, NAMES)]
    aside = place.parent / ".training/aside"
    return lines, {str(path.relative_to(aside)) for path in aside.rglob("*") if path.is_file()}


def test_where_nothing_is_in_the_way_nothing_is_said(place):
    assert moved(place) == ([], set())
    put(place, "notes.txt", "tables/mine.csv", "README.txt")
    assert moved(place) == ([], set())


def test_a_single_file_of_somebodys_is_named_and_a_second_time_goes_beside_the_first(place):
    put(place, "README.md")
    said, aside = moved(place)
    assert said == [f"{place}/README.md was not written by the workflow: moved to .training/aside/mine.1"]
    assert aside == {"mine.1/README.md"}
    put(place, "README.md", "tables/a.csv")
    said, aside = moved(place)
    assert said == [f"{place}/README.md and 1 more that the workflow did not write: moved to .training/aside/mine.2"]
    assert aside == {"mine.1/README.md", "mine.2/README.md", "mine.2/tables/a.csv"}


@pytest.mark.parametrize("mark", ["plan.json", "records.jsonl", "provenance.json", "sha256.json"])
def test_with_a_mark_everything_is_the_workflows(place, mark):
    put(place, *NAMES[:1], NAMES[2], mark)
    assert moved(place) == ([], set())


def test_a_link_to_nowhere_is_in_the_way_of_a_first_writing_alone(place):
    place.mkdir()
    (place / "README.md").symlink_to("nowhere")
    put(place, "sha256.json")
    assert moved(place)[0] == []
    (place / "sha256.json").unlink()
    assert len(moved(place)[0]) == 1
    assert not (place / "README.md").is_symlink()


def test_a_file_in_place_of_a_folder_is_moved_once_whatever_lies_there(place):
    put(place, "plan.json", "tables")
    said, aside = moved(place)
    assert said == [f"{place}/tables was not written by the workflow: moved to .training/aside/mine.1"]
    assert aside == {"mine.1/tables"}
    assert (place / "plan.json").exists()


@pytest.mark.parametrize("kind", ["files", "folders"])
def test_of_two_jobs_that_move_what_has_one_name_neither_takes_the_others(place, monkeypatch, kind):
    """As when torch is another one: every job that resumes moves its state.safetensors. The second comes in between."""
    first, second = place / "a/state", place / "b/state"
    for path in (first, second):
        put(path.parent, "state/inside" if kind == "folders" else "state")
        (path / "inside" if kind == "folders" else path).write_text(str(path))
    rename, others = os.rename, [second]

    def late(path, target):
        if others:
            move_aside(others.pop())
        rename(path, target)

    monkeypatch.setattr(os, "rename", late)
    move_aside(first)
    aside = place.parent / ".training/aside"
    found = {path.read_text() for path in aside.rglob("*") if path.is_file()}
    assert found == {str(first), str(second)}


@pytest.mark.parametrize("name", ["state", "folder/state"])
def test_what_lies_on_another_file_system_is_moved_too(place, monkeypatch, name):
    put(place, name)

    def elsewhere(path, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", elsewhere)
    top = place / name.partition("/")[0]
    moved_to = move_aside(top)
    assert not top.exists()
    assert (moved_to / "state" if "/" in name else moved_to).read_text() == name
