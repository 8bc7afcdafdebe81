"""The versions that code states, which code they stand for, tried on copies of the package, and what is refused."""

import ast
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning import versions as planning_versions
from exaggerated_replay.planning.versions import (
    SHARED,
    extraction_version,
    method_version,
    pretraining_version,
    reader_version,
    stated,
)
from exaggerated_replay.settings.data import reader_names
from exaggerated_replay.settings.methods import method_names
from tools.versions import (
    CORE,
    LOCK,
    SOURCE,
    Unit,
    closure,
    lock_text,
    main,
    moved,
    places,
    raised,
    read_lock,
    skeleton,
    units_of,
)

METHODS = {f"methods/{method}" for method in method_names()}
LEARNING = {f"learning/{module}" for module in SHARED}
READERS = {f"readers/{reader}" for reader in reader_names()}
ENCODER = {"pretraining", "extraction"}
ALL = {"core", "preparing"} | METHODS | LEARNING | READERS | ENCODER


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that may be edited, in the working directory, under a lock that fits it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(planning_versions.PACKAGE, SOURCE, ignore=shutil.ignore_patterns("__pycache__"))
    LOCK.write_text(lock_text(units_of()))
    return SOURCE


def changed_by(edit):
    """The units whose code an edit changes."""
    before = units_of()
    edit()
    after = units_of()
    return {unit for unit in before if before[unit].code != after[unit].code}


def edit_of(path, *replacements):
    """An edit that must find what it replaces, or the test would prove nothing."""

    def edit():
        source = path.read_text()
        for old, new in replacements:
            assert old in source
            source = source.replace(old, new)
        path.write_text(source)

    return edit


def appended(path, text):
    return lambda: path.write_text(path.read_text() + text)


def refusal(*arguments):
    with pytest.raises(SystemExit) as refused:
        main([*arguments])
    return str(refused.value)


# ---------------------------------------------------------------- what is stated


def test_versions_are_those_that_the_files_state(package, monkeypatch):
    monkeypatch.setattr(planning_versions, "PACKAGE", package)
    monkeypatch.setattr(planning_versions.stated, "__defaults__", ("VERSION", package))
    (package / "learning/__init__.py").write_text("VERSION = 12\n")
    edit_of(package / "methods/bir/__init__.py", ("VERSION = 1", "VERSION = 3  # a remark"))()
    edit_of(package / "data/readers/idx.py", ("VERSION = 1", "VERSION = 4"))()
    (package / "features/__init__.py").write_text("PRETRAINING = 5\nEXTRACTION = 6\n")
    assert method_version("bir") == "core 12, bir 3"
    assert reader_version.__wrapped__("idx") == "idx 4"
    assert (pretraining_version(), extraction_version()) == ("pretraining 5", "extraction 6")


@pytest.mark.parametrize(
    "text", ["", "VERSION = 0\n", "VERSION = 1.5\n", "VERSION = -1\n", "VERSION = 1\nVERSION = 2\n"]
)
def test_a_file_that_states_no_version_is_named(tmp_path, text):
    (tmp_path / "some.py").write_text(text)
    with pytest.raises(UserError, match=r"some\.py states no version: write a line `VERSION = 1` there"):
        stated("some.py", package=tmp_path)


def test_a_method_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"methods/magic/__init__\.py is missing"):
        method_version("magic")


def test_every_part_of_the_code_has_a_version_in_the_lock():
    locked = read_lock((planning_versions.PACKAGE.parents[1] / LOCK).read_text())
    assert locked.keys() == ALL


def test_a_module_of_learning_is_in_the_core_or_has_a_version_of_its_own(package):
    core = closure(package, places(package)[CORE].entries)
    modules = {path.stem for path in package.glob("learning/[!_]*.py")}
    assert {module for module in modules if f"exaggerated_replay.learning.{module}" not in core} == {*SHARED}


# ---------------------------------------------------------------- which code it is


def test_the_code_is_the_same_wherever_it_lies(package):
    assert units_of() == units_of(planning_versions.PACKAGE)
    assert len({unit.code for unit in units_of().values()}) == len(ALL)


def test_comments_docstrings_and_formatting_change_nothing(package):
    def edit():
        for path in package.rglob("*.py"):
            # What the syntax tree says, in another format and without a single comment; then new ones.
            path.write_text(f'"""Other words."""\n\n\n{ast.unparse(ast.parse(path.read_text()))}\n# the end\n')

    assert changed_by(edit) == set()


def test_names_of_modules_change_nothing(package):
    """A module of the core, one that makes data, one that an import names, and a whole subpackage of the ground."""

    def edit():
        moves = {"learning.run": "learning.parts", "data.checks": "data.zebra", "streams": "learning.draws"}
        for path in package.rglob("*.py"):
            text = path.read_text()
            for old, new in {**moves, "errors": "sentences"}.items():
                text = text.replace(f"from exaggerated_replay.{old} import", f"from exaggerated_replay.{new} import")
            lines = text.splitlines(True)
            places = [
                n for n, line in enumerate(lines) if line.startswith("from exaggerated_replay.") and "(" not in line
            ]
            own = dict(zip(places, sorted(lines[n] for n in places), strict=True))  # where the linter sorts them to
            path.write_text("".join(own.get(n, line) for n, line in enumerate(lines)))
        for old, new in moves.items():
            source, target = (package / f"{name.replace('.', '/')}.py" for name in (old, new))
            source.rename(target)

    assert changed_by(edit) == set()


def test_the_same_name_from_another_module_is_other_code(package):
    (package / "learning/one.py").write_text("def scale(x):\n    return x\n")
    (package / "learning/two.py").write_text("def scale(x):\n    return 2 * x\n")
    path = package / "methods/er/method.py"
    imports = (
        "from exaggerated_replay.learning.{} import scale\nfrom exaggerated_replay.learning.{} import scale as other\n"
    )
    appended(path, imports.format("one", "two"))()
    swap = edit_of(path, (imports.format("one", "two"), imports.format("two", "one")))
    assert changed_by(swap) == {"methods/er"}


@pytest.mark.parametrize(
    ("file", "old", "new", "units"),
    [
        ("learning/trainer.py", "(schedule.learning_rate)", "(2 * schedule.learning_rate)", {"core"}),
        ("learning/method.py", "iterations: int) -> int", "iterations: int, more: int = 0) -> int", {"core"}),
        ("learning/networks.py", "math.sqrt", "math.exp", {"core"}),
        ("streams.py", ">> 1", ">> 2", {"core", *ENCODER}),
        (
            "data/arrays.py",
            "(OSError, ",
            "(OSError, BufferError, ",
            {"core", "preparing", "extraction", *READERS} - {"readers/digits"},
        ),
        ("data/prepare.py", "own[-held_out(", "own[: held_out(", {"preparing"}),
        ("data/checks.py", "round(share * samples)", "int(share * samples)", {"preparing", "extraction"}),
        ("data/values.py", "array * np.float32", "array / np.float32", {"preparing", "extraction"}),
        ("data/readers/digits.py", "[4::5]", "[3::5]", {"readers/digits"}),
        ("features/augmentation.py", "padding: int = 4", "padding: int = 5", {"pretraining"}),
        ("features/encoder.py", "(3, 16, ", "(3, 18, ", ENCODER),
        ("features/extraction.py", "CHUNK = 500", "CHUNK = 400", {"extraction"}),
        (
            "learning/losses.py",
            "return ",
            "return 2 * ",
            {"learning/losses"}
            | {f"methods/{name}" for name in ("bir", "exaggeration", "dgr", "generative_classifier", "lwf")},
        ),
        (
            "learning/competition.py",
            "probabilities > top / f",
            "probabilities >= top / f",
            {"learning/competition", "methods/exaggeration"},
        ),
        ("methods/er/method.py", "import", "import math\nimport", {"methods/er"}),
        (
            "methods/bir/method.py",
            "class BrainInspiredReplay",
            "X = 1\n\n\nclass BrainInspiredReplay",
            {"methods/bir", "methods/exaggeration"},
        ),
    ],
)
def test_a_change_concerns_the_units_that_execute_it(package, file, old, new, units):
    assert changed_by(edit_of(package / file, (old, new))) == units


def test_a_change_of_what_computes_no_result_changes_nothing(package):
    houses = ["settings", "planning", "store", "analysis", "figures", "training/observation"]
    paths = [path for house in houses for path in package.glob(f"{house}/*.py")]
    paths += [
        *package.glob("methods/*/__init__.py"),
        package / "devices.py",
        package / "gpus.py",
        package / "training/progress.py",
    ]
    paths += [package / f"data/{file}.py" for file in ("fetch", "tasks", "facts")]
    assert len(paths) > 40
    assert changed_by(lambda: [appended(path, "\nX = 1\n")() for path in paths]) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import exaggerated_replay.learning.extra",
        "import exaggerated_replay.learning.extra as extra",
        "from exaggerated_replay.learning import extra",
        "from ...learning.extra import X",
        "from ...learning import extra",
    ],
)
def test_code_counts_however_it_is_imported(package, statement):
    """Else a changed loss would leave old results standing under the same name."""
    (package / "learning/extra.py").write_text("X = 1\n")
    assert changed_by(appended(package / "methods/er/method.py", f"\n{statement}\n")) == {"methods/er"}
    assert changed_by(lambda: (package / "learning/extra.py").write_text("X = 2\n")) == {"methods/er"}


# ---------------------------------------------------------------- the lock


def test_a_lock_says_what_it_was_given_one_unit_a_line():
    units = {"b": Unit(2, "y"), "a": Unit(1, "x")}
    text = lock_text(units)
    assert json.loads(text) == {"a": {"version": 1, "code": "x"}, "b": {"version": 2, "code": "y"}}
    assert [line[:4] for line in text.splitlines()] == ["{", ' "a"', ' "b"', "}"]
    assert read_lock(text) == units


def test_code_that_moved_under_its_version_is_refused_by_check_and_renew(package):
    main(["check"])
    before = LOCK.read_text()
    edit_of(package / "learning/losses.py", ("1e-40", "1e-30"))()
    edit_of(package / "methods/dgr/__init__.py", ("VERSION = 1", "VERSION = 2"))()
    for told in (refusal("check"), refusal("renew")):
        assert told.startswith(
            "The code of learning/losses, methods/bir, methods/exaggeration, methods/generative_classifier, "
            "methods/lwf is not"
        )
        assert "methods/bir/__init__.py" in told
        assert "`make lock-versions`" in told and "`make equivalent`" in told
    assert LOCK.read_text() == before


def test_a_raised_version_is_asked_for_in_the_lock_and_taken_into_it(package):
    before = read_lock(LOCK.read_text())
    edit_of(package / "learning/competition.py", ("top / f", "top * f"), ("VERSION = 1", "VERSION = 2"))()
    edit_of(package / "methods/exaggeration/__init__.py", ("VERSION = 1", "VERSION = 2"))()
    assert refusal("check").startswith(
        "versions.lock does not say yet what the code states of learning/competition, methods/exaggeration:"
    )
    main(["renew"])
    main(["check"])
    after = read_lock(LOCK.read_text())
    assert {unit for unit in after if after[unit] != before[unit]} == {"learning/competition", "methods/exaggeration"}
    assert after["methods/exaggeration"].version == 2


def test_the_cores_version_is_that_of_every_run(package):
    edit_of(package / "learning/losses.py", ("1e-40", "1e-30"))()
    edit_of(package / "learning/__init__.py", ("VERSION = 1", "VERSION = 2"))()
    locked = read_lock(LOCK.read_text())
    assert raised(units_of(), locked) == {"core"} | METHODS | LEARNING
    assert moved(units_of(), locked) == []
    main(["renew"])


def test_a_version_never_goes_down(package):
    edit_of(package / "methods/er/__init__.py", ("VERSION = 1", "VERSION = 2"))()
    main(["renew"])
    edit_of(package / "methods/er/__init__.py", ("VERSION = 2", "VERSION = 1"))()
    for command in ("check", "renew"):
        assert "higher versions of methods/er" in refusal(command)


def test_a_new_method_is_asked_for_and_one_that_is_gone_leaves_the_lock(package):
    shutil.copytree(package / "methods/er", package / "methods/scaled")
    shutil.rmtree(package / "methods/dgr")
    assert "states of methods/dgr, methods/scaled:" in refusal("check")
    main(["renew"])
    assert read_lock(LOCK.read_text()).keys() == (ALL | {"methods/scaled"}) - {"methods/dgr"}


def test_a_lock_with_the_marks_of_a_merge_and_a_method_without_a_version_are_told(package):
    LOCK.write_text(f"<<<<<<< HEAD\n{LOCK.read_text()}")
    assert "versions.lock cannot be read" in refusal("check")
    edit_of(package / "methods/er/__init__.py", ("VERSION = 1\n", ""))()
    assert "methods/er/__init__.py states no version" in refusal("check")
    assert "python -m tools.versions" in refusal("chek")


# ---------------------------------------------------------------- the skeleton

STATEMENTS = ["x = 1", "y = [a for a in b if a]", "def f(a, *, k=None):\n    return a", "class A(B):\n    z: int = 0"]
NOISE = st.sampled_from(["", "\n\n", "# a comment\n", '"a string that does nothing"\n'])


def shape_of(source):
    return skeleton(ast.parse(source))


@given(st.lists(st.tuples(NOISE, st.sampled_from(STATEMENTS)), min_size=1, max_size=6))
def test_the_skeleton_does_not_depend_on_positions_or_remarks(program):
    plain = "".join(f"{statement}\n" for _, statement in program)
    noisy = "".join(f"{noise}{statement}  # remark\n" for noise, statement in program)
    assert shape_of(noisy) == shape_of(plain)


@given(*[st.lists(st.sampled_from(STATEMENTS), max_size=5)] * 2)
def test_different_programs_have_different_skeletons(one, other):
    assert (shape_of("\n".join(one)) == shape_of("\n".join(other))) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0", "x = None"),
        ("x = ''", "x = None"),
        ("x = a + b", "x = b + a"),
        ("x = a[1:]", "x = a[:1]"),
        ("x = a[:, None]", "x = a[None, :]"),
        ("f(a, b)", "f(a, b=b)"),
        ("return_ = None", "return_ = ()"),
        ("x = {**a}", "x = {a: a}"),
        ("def f(a, b=1): g()", "def f(a=1, *, b): g()"),
        ("def f(*, a=1, b): g()", "def f(*, a, b=1): g()"),
    ],
)
def test_programs_that_do_different_things_have_different_skeletons(one, other):
    assert repr(shape_of(one)) != repr(shape_of(other))


def test_an_empty_field_of_a_later_python_changes_nothing():
    tree = ast.parse("def f(a): return a")
    before = skeleton(tree)
    tree.body[0]._fields = (*tree.body[0]._fields, "added_later")
    tree.body[0].added_later = []
    assert skeleton(tree) == before
    tree.body[0].added_later = ["used"]
    assert skeleton(tree) != before


def test_what_an_error_says_is_no_code_but_its_kind_is():
    raising = "def f(a):\n    if a:\n        raise {}\n"
    assert shape_of(raising.format("ValueError('one')")) == shape_of(raising.format("ValueError(f'{a}') from None"))
    assert shape_of(raising.format("ValueError('one')")) != shape_of(raising.format("KeyError('one')"))
    assert shape_of(raising.format("ValueError('one')")) != shape_of("def f(a):\n    if a:\n        pass\n")
