"""What changes the digest of a method's code, tried on a copy of the package; and the digest of the data."""

import ast
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning import fingerprint
from exaggerated_replay.planning.fingerprint import code_digest, method_digest, skeleton
from exaggerated_replay.settings.methods import method_names

METHODS = method_names()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that may be edited."""
    root = tmp_path / "exaggerated_replay"
    shutil.copytree(fingerprint.ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "ROOT", root)
    code_digest.cache_clear()
    yield root
    code_digest.cache_clear()


def digests(methods=METHODS):
    code_digest.cache_clear()
    return {method: method_digest(method) for method in methods}


def changed_by(edit, methods=METHODS):
    """Those of the methods whose digest an edit changes."""
    before = digests(methods)
    edit()
    after = digests(methods)
    return {method for method in methods if before[method] != after[method]}


def edit_of(path, old, new):
    """An edit that must find what it replaces, or the test would prove nothing."""

    def edit():
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new))

    return edit


def appended(path, text):
    return lambda: path.write_text(path.read_text() + text)


def test_every_method_has_a_digest_of_its_own(package):
    assert len(set(digests().values())) == len(METHODS) > 5


def test_the_digest_does_not_depend_on_where_the_package_lies(package):
    in_copy = [method_digest(method) for method in ("er", "bir")]
    code_digest.cache_clear()
    with pytest.MonkeyPatch.context() as back:
        back.setattr(fingerprint, "ROOT", Path(fingerprint.__file__).parents[1])
        assert [method_digest(method) for method in ("er", "bir")] == in_copy


def test_comments_docstrings_and_formatting_change_nothing(package):
    def edit():
        for path in package.rglob("*.py"):
            source = path.read_text()
            # What the syntax tree says, in another format and without a single comment; then new ones.
            path.write_text(f'"""Another docstring."""\n\n\n{ast.unparse(ast.parse(source))}\n# the end\n')

    assert changed_by(edit) == set()


def test_another_docstring_of_a_function_changes_nothing(package):
    edit = edit_of(
        package / "methods/er/method.py", '"""Store samples of the task\'s classes."""', '"""Other words."""'
    )
    assert changed_by(edit, ["er"]) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("learning/trainer.py", "(schedule.learning_rate)", "(2 * schedule.learning_rate)"),
        ("streams.py", ">> 1", ">> 2"),
        ("learning/method.py", "1 / self.task", "2 / self.task"),
        ("learning/networks.py", "math.sqrt", "math.exp"),
        ("learning/likelihoods.py", "0.5", "0.25"),
        ("learning/experiment.py", "image_values=settings.image_values", "image_values=1"),
        ("data/prepared.py", "np.argsort", "np.sort"),
    ],
)
def test_a_change_of_what_all_share_changes_all(package, file, old, new):
    some = ("none", "er", "exaggeration")
    assert changed_by(edit_of(package / file, old, new), some) == set(some)


def test_a_change_of_a_loss_changes_those_who_use_it(package):
    changed = changed_by(edit_of(package / "learning/losses.py", "1e-40", "1e-30"))
    assert changed == {"bir", "exaggeration", "dgr", "generative_classifier"}


def test_a_change_of_what_two_share_changes_these_two(package):
    assert changed_by(appended(package / "learning/consolidation.py", "\nX = 1\n")) >= {"si", "ewc", "bir"}
    assert changed_by(appended(package / "learning/competition.py", "\nX = 1\n")) == {"exaggeration"}


def test_a_change_of_a_method_changes_it_and_those_built_on_it(package):
    assert changed_by(appended(package / "methods/er/method.py", "\nX = 1\n")) == {"er"}
    assert changed_by(appended(package / "methods/exaggeration/method.py", "\nX = 1\n")) == {"exaggeration"}
    assert changed_by(appended(package / "methods/bir/method.py", "\nX = 1\n")) == {"bir", "exaggeration"}


def test_a_change_of_what_computes_no_result_changes_nothing(package):
    houses = ["settings", "planning", "store", "analysis", "figures", "data/readers"]
    paths = [path for house in houses for path in package.glob(f"{house}/*.py")]
    paths += [*package.glob("methods/*/__init__.py"), package / "devices.py", package / "learning/progress.py"]
    assert len(paths) > 40

    def edit():
        for path in paths:
            path.write_text(path.read_text() + "\nX = 1\n")

    assert changed_by(edit) == set()


def test_a_new_file_changes_nothing_until_it_is_imported(package):
    new, some = package / "learning/extra.py", ("er", "si")
    assert changed_by(lambda: new.write_text("X = 1\n"), some) == set()
    uses = appended(package / "methods/er/method.py", "\nfrom exaggerated_replay.learning.extra import X\n")
    assert changed_by(uses, some) == {"er"}
    assert changed_by(lambda: new.write_text("X = 2\n"), some) == {"er"}


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
    appended(package / "methods/er/method.py", f"\n{statement}\n")()
    assert changed_by(lambda: (package / "learning/extra.py").write_text("X = 2\n"), ("er", "si")) == {"er"}


def test_a_method_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"there is no method 'magic': methods/magic/method\.py is missing"):
        method_digest("magic")


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


def test_how_data_are_fetched_prepared_and_divided_is_no_code_of_a_run(package):
    edits = [appended(package / f"data/{file}.py", "\nX = 1\n") for file in ("fetch", "prepare", "tasks", "facts")]
    assert changed_by(lambda: [edit() for edit in edits]) == set()


def test_what_an_error_says_is_no_code_but_its_kind_is():
    raising = "def f(a):\n    if a:\n        raise {}\n"
    assert shape_of(raising.format("ValueError('one')")) == shape_of(raising.format("ValueError(f'{a}') from None"))
    assert shape_of(raising.format("ValueError('one')")) != shape_of(raising.format("KeyError('one')"))
    assert shape_of(raising.format("ValueError('one')")) != shape_of("def f(a):\n    if a:\n        pass\n")
