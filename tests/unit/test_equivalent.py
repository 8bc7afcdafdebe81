"""What small runs before and after a change are compared by, and what follows; with made-up results."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from safetensors.numpy import save_file

from exaggerated_replay.planning.versions import PACKAGE
from exaggerated_replay.settings.reading import ReadingSettings
from tools.equivalent import SWITCHES, compare, content, counterpart, judge, locked_tree, overrides_of
from tools.versions import LOCK, SOURCE, Unit, lock_text, units_of

REPOSITORY = Path(__file__).parents[2]


def test_every_reading_of_the_paper_is_tried():
    arms = (REPOSITORY / "conf/arms.yaml").read_text()
    for key, hint in get_type_hints(ReadingSettings).items():
        tried = {
            word for row in SWITCHES if row.startswith(f"method.reading.{key}:") for word in re.findall(r"\w+", row)
        }
        for option in get_args(hint)[1:]:  # the first is the default
            assert option in tried or f"{key}: {option}" in arms, f"{key}: {option}"


def write_run(side, study, name, method, weights=1.0, correct=5, **more):
    folder = side / study / "results/runs" / name
    folder.mkdir(parents=True)
    settings = {"method": {"method": method, **more}, "seed": 0, "code": str(side), "data": str(side)}
    record = {"settings": settings, "counts": {"correct": [correct]}, "instruments": {}, "diverged": None}
    (folder / "record.json").write_text(json.dumps(record))
    save_file({"w": np.array([weights])}, folder / "model.safetensors")


def write_made(side, value=1):
    """All that is made on the way to runs; `value` is that of the digits alone."""
    for study, name, pixel in (
        ("digits", "digits", value),
        ("bytes", "mnist", 1),
        ("features", "npz", 1),
        ("features", "cifar10", 1),
        ("held", "npz", 1),
    ):
        folder = side / study / "data/prepared"
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"{name}-{side.name}.npz", x_train=np.array([pixel]), made_from=side.name)
    encoder = side / "features/data/encoders" / f"cpu-{side.name}"
    encoder.mkdir(parents=True)
    (encoder / "record.json").write_text(json.dumps({"curve": [1]}))
    save_file({"w": np.array([1.0])}, encoder / "encoder.safetensors")
    (side / "features/data/features").mkdir()
    save_file({"x": np.array([1.0])}, side / f"features/data/features/npz-{side.name}.safetensors", {"a": side.name})


@pytest.fixture
def sides(tmp_path):
    return tmp_path / "before", tmp_path / "after"


ALL_MADE = {
    *("readers/digits", "readers/idx", "readers/npz", "readers/cifar"),
    *("preparing", "pretraining", "extraction"),
}


def test_runs_are_matched_whatever_they_are_called_and_compared_byte_for_byte(sides):
    for side in sides:
        write_made(side)
        write_run(side, "digits", f"bir-{side.name}", "bir", si=None)
        write_run(side, "digits", f"er-{side.name}", "er", correct=5 if side is sides[0] else 6)
        write_run(side, "features", f"er-{side.name}", "er")
    write_run(sides[0], "digits", "bir-x", "bir", weights=1.0, si={"c": 1})
    write_run(sides[1], "digits", "bir-y", "bir", weights=1.0, si={"c": 1}, added=3)
    same, differing = compare(*sides)
    assert same == ALL_MADE | {"methods/bir"}
    assert differing == {"methods/er": {"counts": 1}}


def test_weights_of_another_byte_and_a_run_that_is_missing_are_differences(sides):
    for side in sides:
        write_made(side)
        write_run(side, "digits", "si", "si", weights=1.0 if side is sides[0] else np.nextafter(1.0, 2.0))
    write_run(sides[0], "digits", "er", "er")
    _, differing = compare(*sides)
    assert differing["methods/si"] == {"model.safetensors": 1}
    assert differing["methods/er"] == {"no counterpart": 1}


def test_what_starts_from_other_data_is_not_compared(sides):
    for side in sides:
        write_made(side, value=1 if side is sides[0] else 2)
        write_run(side, "digits", "er", "er", weights=1.0 if side is sides[0] else 2.0)
        write_run(side, "features", "si", "si")
    same, differing = compare(*sides)
    assert same == (ALL_MADE - {"readers/digits"}) | {"methods/si"}
    assert differing == {"readers/digits": {"x_train": 1}}


def test_a_trace_that_is_new_is_no_difference_and_one_that_changed_is(sides):
    for side, traces in zip(sides, ({"a": 1.0}, {"a": 1.0, "b": 2.0}), strict=True):
        write_made(side)
        for method, factor in (("er", 1.0), ("si", 1.0 if side is sides[0] else 3.0)):
            write_run(side, "digits", method, method)
            arrays = {name: np.array([factor * value]) for name, value in traces.items()}
            save_file(arrays, side / f"digits/results/runs/{method}/traces.safetensors")
    same, differing = compare(*sides)
    assert "methods/er" in same
    assert differing == {"methods/si": {"traces.safetensors": 1}}


def test_types_and_shapes_count_as_well_as_values(tmp_path):
    for name, array in {"a": np.zeros(4, "f4"), "b": np.zeros((2, 2), "f4"), "c": np.zeros(4, "i4")}.items():
        np.savez(tmp_path / f"{name}.npz", x=array)
    found = [content(tmp_path / f"{name}.npz")["x"] for name in "abc"]
    assert len(set(found)) == 3


def test_of_two_runs_that_could_both_be_meant_none_is_taken():
    assert counterpart({"a": 1}, [({"a": 1, "b": 1}, {"x": 1}), ({"a": 1, "b": 2}, {"x": 2})]) == {}
    assert counterpart({"a": 1, "b": 2}, [({"a": 1, "b": 1}, {"x": 1}), ({"a": 1, "b": 2}, {"x": 2})]) == {"x": 2}
    assert counterpart({"a": 1}, []) == {}


def units(**versions):
    return {name.replace("_", "/"): Unit(*unit) for name, unit in versions.items()}


LOCKED = units(core=(1, "a"), methods_er=(1, "b"), methods_si=(1, "c"), readers_idx=(1, "d"), learning_losses=(1, "e"))


@pytest.mark.parametrize(
    ("now", "same", "differing", "told"),
    [
        (units(core=(1, "x")), {"methods/er", "methods/si"}, {}, None),
        (units(core=(1, "x")), {"methods/si"}, {"methods/er": {"counts": 2}}, "Other results come out of methods/er:"),
        (units(core=(1, "x")), {"readers/idx"}, {}, "The code of core is another"),
        (units(methods_er=(1, "x")), {"methods/si"}, {}, "The code of methods/er is another"),
        (units(methods_er=(1, "x"), learning_losses=(1, "x")), {"methods/er"}, {}, None),
        (units(methods_er=(1, "x"), learning_losses=(1, "x")), {"methods/si"}, {}, "The code of methods/er is another"),
        (units(learning_losses=(1, "x")), {"readers/idx"}, {}, "The code of learning/losses is another"),
        (units(methods_er=(2, "x")), {"methods/si"}, {"methods/er": {"counts": 2}}, None),
        (units(core=(2, "x"), methods_er=(1, "x")), set(), {"methods/er": {"counts": 1}}, None),
        (units(core=(2, "x"), readers_idx=(1, "x")), set(), {}, "The code of readers/idx is another"),
    ],
)
def test_a_lock_is_renewed_where_all_that_moved_was_compared_and_is_the_same(now, same, differing, told):
    if told is None:
        judge(LOCKED | now, LOCKED, same, differing)
    else:
        with pytest.raises(SystemExit) as refused:
            judge(LOCKED | now, LOCKED, same, differing)
        assert str(refused.value).startswith(told)


def test_only_the_arms_of_the_methods_asked_about_are_trained_and_one_where_none_is(tmp_path):
    def grids(*asked):
        overrides = overrides_of(REPOSITORY, tmp_path, ["bir", "er", "exaggeration", "lwf"], asked)
        found = {study: [word for word in words if "grids.one" in word] for study, words in overrides.items()}
        return [found[study][0].removeprefix("study.grids.one=") for study in ("digits", "features")]

    assert grids("er") == ["[{arm: [er]}]", "[{arm: [er]}]"]
    assert grids("lwf") == ["[{arm: [lwf]}]", "[{arm: [lwf]}]"]  # none of those that learn from features otherwise
    digits, features = grids("exaggeration")
    assert digits.count("{arm: [rr-ra-acting], ") == len(SWITCHES)
    assert features == "[{arm: [rr-ra-acting]}]"
    assert grids() == ["[{arm: [er]}]", "[{arm: [er]}]"]  # the first arm that is left


def test_the_locked_code_is_that_of_the_last_commit_that_changed_the_lock(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.name=test' 'user.email=test@example.org'")

    def git(*command):
        return subprocess.run(["git", *command], check=True, capture_output=True, text=True).stdout.strip()

    def locked(name):
        (tmp_path / name).mkdir()
        return locked_tree(tmp_path / name)

    def refused(name):
        with pytest.raises(SystemExit) as told:
            locked(name)
        return str(told.value)

    for part in (SOURCE, "tools"):
        source = PACKAGE if part is SOURCE else PACKAGE.parents[1] / part
        shutil.copytree(source, repository / part, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(repository)
    git("init", "-q", ".")
    git("add", "-A")
    git("commit", "-qm", "no lock yet")
    assert refused("none").startswith("No commit of this history has versions.lock")

    LOCK.write_text(lock_text(units_of()))
    git("add", "-A")
    git("commit", "-qm", "lock")
    first = git("rev-parse", "HEAD")
    trainer = SOURCE / "learning/trainer.py"
    trainer.write_text(trainer.read_text().replace("// 20", "// 25"))
    git("commit", "-qam", "other code")
    assert locked("first") == first
    assert "// 20" in (tmp_path / "first" / trainer).read_text()

    git("clone", "-q", "--depth", "1", f"file://{repository}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert refused("lacking").startswith("This clone is shallow and lacks the commit")
    monkeypatch.chdir(repository)
    LOCK.write_text(LOCK.read_text() + "\n")
    git("commit", "-qam", "a lock that does not fit")
    assert "was the last to change versions.lock, but its code is not what it says there: The code of core" in refused(
        "x"
    )
