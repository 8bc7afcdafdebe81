"""Which commit a study names: this repository's, and no other's; where there is none, the reason."""

import shutil
import subprocess
from pathlib import Path

import pytest
from studies import made

from exaggerated_replay import git as gits
from exaggerated_replay.places import RUNS, STORE, TIMINGS, WORKSPACE
from exaggerated_replay.publishing.origin import origin

REPOSITORY = Path(__file__).parents[2]
STUDY = made({}, records={"a": {}})


@pytest.fixture
def repository(tmp_path):
    """A repository with a commit and a tracked source file."""

    def make(name):
        place = tmp_path / name
        (place / "src").mkdir(parents=True)
        (place / "src/a.py").write_text("1\n")
        for command in (
            ["init", "-q"],
            ["add", "-A"],
            ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", name],
        ):
            subprocess.run(["git", *command], cwd=place, check=True)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, check=True)
        return place, done.stdout.strip()

    return make


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Return what stands in provenance of a study made in a folder, and what was said."""

    def ask(place):
        monkeypatch.chdir(place)
        found = origin(STUDY, place / "timings", place / "provenance.json", "m")
        return (found["commit"], found["modified"], found["no_commit"]), capsys.readouterr().err

    return ask


def test_the_commit_of_this_repository_and_what_was_changed_since(repository, told):
    place, commit = repository("own")
    assert told(place) == ((commit, "", None), "")
    (place / "src/a.py").write_text("2\n")
    assert told(place) == ((commit, "M src/a.py", None), "")


def test_the_repository_around_an_unpacked_archive_is_not_believed(repository, told):
    place, _ = repository("around")
    (place / "unpacked").mkdir()
    found, said = told(place / "unpacked")
    assert found == (None, None, "this folder is not a Git repository, but lies inside another one")
    assert said.count("\n") == 1 and "not known: this folder is not a Git repository, but" in said


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_a_repository_that_the_environment_names_is_not_believed(variable, repository, told, monkeypatch):
    (place, commit), (other, _) = repository("own"), repository("other")
    monkeypatch.setenv(variable, str(other / ".git") if variable != "GIT_WORK_TREE" else str(other))
    assert told(place) == ((commit, "", None), "")
    (place.parent / "plain").mkdir()
    assert told(place.parent / "plain")[0] == (None, None, "this folder is not a Git repository")


def test_a_folder_of_somebody_elses_is_said(repository, told, monkeypatch):
    place, _ = repository("own")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (commit, _, reason), said = told(place)
    assert commit is None
    assert reason.startswith("Git does not trust this folder, because it belongs to somebody else")
    assert "safe.directory" in said and str(place) not in said


def test_without_a_commit_or_without_git(tmp_path, told, monkeypatch):
    subprocess.run(["git", "init", "-q", "new"], cwd=tmp_path, check=True)
    assert told(tmp_path / "new")[0][2] == "this Git repository has no commit"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told(tmp_path / "new")[0] == (None, None, "Git is not installed")


def test_git_is_asked_where_it_is_said(repository, monkeypatch):
    place, commit = repository("own")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert gits.git("rev-parse", "HEAD", at=place).stdout.strip() == commit


@pytest.mark.parametrize(("attributes", "ends"), [(False, b"\r\n"), (True, b"\n")])
def test_files_keep_their_bytes_where_git_is_to_change_the_ends_of_lines(attributes, ends, repository, tmp_path):
    """By other bytes DVC would take every file for changed, and train everything again."""
    place, _ = repository("own")
    if attributes:
        shutil.copy(REPOSITORY / ".gitattributes", place)
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        for command in (["add", "-A"], [*author, "commit", "-qm", "attributes"]):
            subprocess.run(["git", *command], cwd=place, check=True)
    clone = ["git", "-c", "core.autocrlf=true", "clone", "-q", str(place), str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    assert (tmp_path / "clone/src/a.py").read_bytes() == b"1" + ends


@pytest.mark.parametrize(
    "name", [*map(str, (RUNS, STORE, TIMINGS, WORKSPACE)), ".venv", ".snakemake", "logs", "data/raw"]
)
def test_what_git_is_not_to_keep_may_be_a_link_to_another_disk(name, repository):
    place, _ = repository("own")
    shutil.copy(REPOSITORY / ".gitignore", place)
    (place.parent / "disk").mkdir()
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).symlink_to(place.parent / "disk")
    assert gits.git("check-ignore", name, at=place).stdout.strip() == name
    assert gits.git("status", "--porcelain", at=place).stdout == "?? .gitignore\n"
