"""docs/reference/: written from the code, current, and complete."""

from fnmatch import fnmatch
from pathlib import Path

import pandas as pd
import pytest

from exaggerated_replay.analysis.study.outputs import more_files, study_files
from exaggerated_replay.files import read_json
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.study import ComputeSettings, Params, StudySettings
from tools.reference.__main__ import FOLDER, PAGES
from tools.reference.arms import read_arms
from tools.reference.comments import comment_after, header, leaves
from tools.reference.settings import described, type_of
from tools.reference.tables import FILES, TABLES, meaning

ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.parent for path in ROOT.glob("results/*/plan.json"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), f"{FOLDER / name} is stale: `make reference` writes it again"


def test_nothing_else_lies_beside_the_pages():
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == set(PAGES)


def test_every_setting_says_what_it_means():
    kinds = [Params, *(settings_of(method) for method in method_names())]
    missing = [(kind, name) for kind in kinds for name, words in described(kind).items() if not words[2]]
    assert [(kind, name) for kind, name in missing if name != "method"] == []


def test_a_setting_is_described_by_its_type_bounds_default_and_comment():
    study = described(StudySettings)
    assert study["baseline"] == ("text", "required", "Arm that others are compared with.")
    assert study["seeds"][0] == "whole number from 1 to 10,000 or list of (whole number at least 0) or text"
    compute = described(ComputeSettings)
    assert compute["precision"][:2] == ("`fp32`, `tf32`, `bf16`", "`fp32`")
    assert compute["save_minutes"][:2] == ("number above 0", "`10.0`")
    assert type_of(dict[str, list[int]]) == "mapping from text to list of (whole number)"


def test_comments_are_read_with_the_settings_that_they_stand_beside(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text(
        "# @package _global_\n# What it is.\n#   an example\nmodel:\n  units: 3 # of layers\n"
        "  inner: {a: 1, b: [1, 2]} # both\nname: x\n"
    )
    assert header(file) == "What it is."
    assert [tuple(leaf) for leaf in leaves(file)] == [
        ("model.units", "3", "of layers"),
        ("model.inner.a", "1", "both"),
        ("model.inner.b", "[1, 2]", "both"),
        ("name", "x", ""),
    ]
    assert comment_after("a: b#c\n# d", 3) == ""


def test_arms_are_described_by_what_differs_from_the_arm_that_they_repeat(tmp_path):
    file = tmp_path / "arms.yaml"
    file.write_text(
        "arms:\n  # First.\n"
        '  a: &a {label: A a, colour: "#000000", method: m, x: "???", y: 2}\n'
        "  b: {<<: *a, label: B, y: 3}\n  # Second.\n  c: {method: n}\n"
    )
    assert [tuple(arm) for arm in read_arms(file)] == [
        ("a", "A a", "#000000", "m", "`x: by hyper`, `y: 2`", "First."),
        ("b", "B", "#000000", "m", "those of `a`, but `y: 3`", "First."),
        ("c", "", "", "n", "", "Second."),
    ]


# ---------------------------------------------------------------- files and columns


def kind_of(file):
    return next(kind for kind in TABLES if fnmatch(file, kind.file))


def committed():
    """Return every committed CSV of a study: kind -> columns that occur. The cell in focus has some of its own."""
    found = {}
    for folder in [*STUDIES, ROOT / "results/focus"]:
        for path in folder.rglob("*.csv"):
            kind = kind_of(path.relative_to(folder).as_posix())
            found.setdefault(kind.file, set()).update(pd.read_csv(path, nrows=0).columns)
    return found


def test_every_column_of_every_committed_table_has_a_meaning():
    undocumented = {
        f"{file}: {column}"
        for file, columns in committed().items()
        for column in columns
        if meaning(kind_of(file), column) is None
    }
    assert undocumented == set()


def test_every_meaning_is_that_of_a_column():
    found = committed()
    for kind in TABLES:
        if kind.file in found:
            known = {said for column in found[kind.file] if (said := meaning(kind, column))}
            assert set(kind.columns.values()) == known, kind.file


def test_only_tables_that_git_does_not_keep_are_never_seen():
    assert {kind.file for kind in TABLES} - set(committed()) <= {"learning.csv", "provenance/*.csv"}


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_every_file_of_a_study_is_listed(folder):
    plan = StudyPlan.from_dict(read_json(folder / "plan.json"), None, folder / "plan.json")
    listed = [*FILES, *(kind.file for kind in TABLES)]
    for file in [*study_files(plan), *more_files(plan)]:
        assert any(fnmatch(file, pattern) for pattern in listed), file
