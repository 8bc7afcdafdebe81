"""A method in a file of one's own: found, known by its version, refused where it is none; A-GEM is the example."""

import dataclasses
import hashlib
import json
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from exaggerated_replay.cli import main
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.remarks import remarks_on_samples
from exaggerated_replay.planning.runs import values_of
from exaggerated_replay.planning.study_plan import name_of_values
from exaggerated_replay.planning.versions import method_version, own_versions
from exaggerated_replay.settings.methods import BUILT_IN, method_names, own_method, settings_of, use_own
from exaggerated_replay.store.lines import Line, write_lines
from exaggerated_replay.store.records import sealed
from exaggerated_replay.store.verify import agree
from exaggerated_replay.strict_yaml import dump_yaml
from exaggerated_replay.training.trial import try_method

ROOT = Path(__file__).parents[2]
AGEM = ROOT / "docs/examples/agem.py"
ARM = ["+arms.agem={method: agem, memory_per_class: 3}", "study=one", "focus=agem", "study.seeds=1"]


@pytest.fixture(autouse=True)
def tidy():
    yield
    use_own({})


def planned(file, *more):
    values = compose_values(ROOT / "conf", ["dataset=digits", f"+methods.agem={file}", *ARM, *more])
    return make_plan(check_params(values))


def copied(tmp_path, more=""):
    file = tmp_path / "mine.py"
    file.write_text(AGEM.read_text() + more)
    return file


def named(plan):
    return {run.directory.name for run in plan.runs}


# ---------------------------------------------------------------- found


def test_a_file_is_a_method_like_any_other(tmp_path):
    plan = planned(copied(tmp_path))
    assert method_names() == tuple(sorted([*BUILT_IN, "agem"]))
    (own,) = {run.settings.method for run in plan.runs if run.settings.method.method == "agem"}
    assert type(own) is settings_of("agem")
    assert own.memory_per_class == 3
    assert {run.settings.method.method for run in plan.runs} == {"agem", "bir"}
    assert plan.places["methods/agem"] == str(tmp_path / "mine.py")
    assert str(tmp_path) not in str(plan.to_dict())


def test_its_place_decides_nothing_and_its_content_does(tmp_path):
    digest = hashlib.sha256(AGEM.read_bytes()).hexdigest()
    (tmp_path / "exaggerated_replay").mkdir()
    (tmp_path / "exaggerated_replay/__init__.py").touch()  # as in src/
    here, there = planned(AGEM), planned(copied(tmp_path))
    assert named(here) == named(there)
    assert {run.settings.code for run in here.runs} == {f"core 1, agem sha256:{digest[:16]}", "core 1, bir 1"}
    edited = planned(copied(tmp_path, "# another word\n"))
    assert [name.partition("-")[0] for name in named(edited) & named(here)] == ["bir"]


def test_a_version_that_it_states_takes_the_place_of_its_digest(tmp_path):
    first = planned(copied(tmp_path, "VERSION = 4\n"))
    assert method_version("agem") == "core 1, agem own 4"
    assert named(planned(copied(tmp_path, "VERSION = 4\n# tidied\n"))) == named(first)
    assert named(planned(copied(tmp_path, "VERSION = 5\n"))) != named(first)


def test_what_dvc_looks_at_changes_where_runs_do(tmp_path):
    planned(copied(tmp_path))
    before = own_versions(["agem", "bir"])
    assert before == {"agem": f"sha256:{hashlib.sha256(AGEM.read_bytes()).hexdigest()[:16]}"}
    planned(copied(tmp_path, "# another word\n"))
    assert own_versions(["agem"]) != before
    planned(copied(tmp_path, "VERSION = 4\n# another word\n"))
    assert own_versions(["agem"]) == {"agem": "own 4"}
    assert own_versions([]) == {}


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("from exaggerated_replay.methods.bir.method import METHOD as BIR", ", bir 1"),
        ("import exaggerated_replay.methods.bir", ", bir 1"),
        ("import os, exaggerated_replay.methods.slda.method as base", ", slda 2"),
        ("from exaggerated_replay.methods import er, si", ", er 1, si 1"),
        ("from exaggerated_replay.methods import (\n    si as other,\n)", ", si 1"),
        ("from ..er.method import METHOD", ", er 1"),
        ("def late():\n    from exaggerated_replay.methods.er.method import METHOD", ", er 1"),
        ("from exaggerated_replay.learning.losses import distillation", ", losses 1"),
        ("from exaggerated_replay.learning import competition, consolidation", ", competition 1, consolidation 1"),
        ("from exaggerated_replay.learning.method import Method", ""),
        ("# as exaggerated_replay.methods.bir does\nfrom er import si", ""),
    ],
)
def test_a_method_that_builds_on_code_of_the_package_has_its_versions_too(line, more, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(f"{line}\nVERSION = 4\n")
    use_own({"mine": str(own)})
    assert method_version("mine") == f"core 1, mine own 4{more}"


@pytest.mark.parametrize("line", ["VERSION=3", "VERSION: int = 3", "VERSION  =  3  # a remark", "VERSION = 0x3"])
def test_a_version_is_read_however_it_is_written(line, tmp_path):
    planned(copied(tmp_path, f"{line}\n"))
    assert method_version("agem") == "core 1, agem own 3"


@pytest.mark.parametrize(
    "line",
    [
        *("VERSION = '3'", "VERSION = True", "VERSION = 0", "VERSION = -1", "VERSION = 1 + 2", "VERSION: int"),
        *("VERSION = OTHER = 3", "VERSION = 3\nVERSION = 4", "VERSION = 3\nVERSION += 1", "VERSION, other = 3, 4"),
        *("if torch:\n    VERSION = 3", "from somewhere import VERSION", "import somewhere as VERSION"),
    ],
)
def test_a_version_that_cannot_be_read_is_refused(line, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(f"{line}\n")
    use_own({"mine": str(own)})
    for told in (lambda: method_version("mine"), lambda: own_versions(["mine"])):
        with pytest.raises(UserError, match=r"own\.py gives VERSION something else than one whole number: write one"):
            told()


def test_a_name_within_a_class_or_a_function_is_no_version(tmp_path):
    planned(copied(tmp_path, "class Inner:\n    VERSION = 3\n\n\ndef late():\n    VERSION = 4\n    return VERSION\n"))
    assert method_version("agem").startswith("core 1, agem sha256:")


def test_a_file_of_which_no_arm_is_made_is_refused_where_it_is_not_python(tmp_path):
    (tmp_path / "own.py").write_text("METHOD = (\n")
    use_own({"mine": str(tmp_path / "own.py")})
    with pytest.raises(UserError, match=r"own\.py cannot be read as Python: '\(' was never closed"):
        own_versions(["mine"])


LISTS = "\n\n@dataclass(frozen=True, kw_only=True)\nclass Settings(Settings):\n    hidden: {kind}\n"


@pytest.mark.parametrize(
    ("kind", "given"), [("list[int]", "[100,50]"), ("tuple[int, ...]", "[100,50]"), ("dict[str, int]", "{a: 1}")]
)
def test_a_setting_may_be_a_list_or_a_mapping(kind, given, tmp_path):
    file = copied(tmp_path, LISTS.format(kind=kind))
    plan = planned(file, f"++arms.agem.hidden={given}")
    (run,) = [run for run in plan.runs if run.settings.method.method == "agem"]
    values = json.loads(json.dumps(plan.to_dict()["runs"][run.name]))
    assert run.name == name_of_values(values)
    assert agree(values, dataclasses.asdict(run.settings))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("where: __import__('pathlib').Path = __import__('pathlib').Path('a')", r"where is PosixPath\('a'\)"),
        ("some: __import__('typing').Any = frozenset({1})", r"some is frozenset\(\{1\}\)"),
        ("kind: __import__('typing').Any = __import__('enum').Enum('Kind', 'A').A", "kind is <Kind.A: 1>"),
        ("limit: float = float('inf')", "limit is inf"),
        ("limits: __import__('typing').Any = (1.0, float('nan'))", r"limits is \(1\.0, nan\)"),
    ],
)
def test_a_setting_that_no_record_can_hold_is_named(field, told, tmp_path):
    file = copied(tmp_path, LISTS.format(kind="int = 1").replace("hidden: int = 1", field))
    with pytest.raises(
        UserError, match=rf"^params\.yaml: \S*\.{told}, which a run's record cannot hold: give it a type"
    ):
        planned(file)


@pytest.mark.parametrize(
    "field", ["kind: torch.dtype = torch.float32", "kind: 'Nowhere' = 1", "kind: __import__('numpy').float32 = 1"]
)
def test_a_setting_whose_type_params_yaml_cannot_hold_is_the_files_mistake(field, tmp_path):
    file = copied(tmp_path, LISTS.format(kind="int = 1").replace("hidden: int = 1", field))
    with pytest.raises(UserError, match=r"^methods\.agem: .*mine\.py|^methods\.agem: Settings has a type that params"):
        planned(file)


BASE = "from exaggerated_replay.methods.{base} import Settings\nfrom exaggerated_replay.methods.{base}.method import *"
DERIVED = (
    "from dataclasses import dataclass\n@dataclass(frozen=True, kw_only=True)\nclass Settings(Settings):\n    {line}"
)


@pytest.mark.parametrize(
    ("base", "more"),
    [
        ("exaggeration", ""),  # under the package's own name, arms would learn by its own method
        ("joint", ""),
        ("er", DERIVED.format(line="more: int = 1")),
        ("joint", "del Settings"),  # batches would come from the current task alone
        ("er", "from exaggerated_replay.settings.run import MethodSettings as Settings"),
        ("none", "from exaggerated_replay.methods.er import Settings"),
    ],
)
def test_a_method_on_top_of_another_must_have_its_settings_under_its_own_name(base, more, tmp_path):
    (tmp_path / "mine.py").write_text(f"{BASE.format(base=base)}\n{more}\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    named = "er" if base == "none" else base
    told = (
        rf"mine\.py builds on the method {named} .* derives from the one in exaggerated_replay\.methods\.{named}, with"
    )
    with pytest.raises(UserError, match=rf"^methods\.mine: .*{told} a line `method: str`"):
        settings_of("mine")


@pytest.mark.parametrize("line", ["method: str", "method: __import__('typing').Literal['mine']"])
def test_a_method_on_top_of_joint_draws_from_all_tasks_so_far(line, tmp_path, new_problem):
    (tmp_path / "mine.py").write_text(f"{BASE.format(base='joint')}\n{DERIVED.format(line=line)}\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    method = build_method("mine", new_problem(), settings_of("mine")(method="mine"))
    assert method.pool(3) == range(1, 4)


def test_layers_that_nobody_initialises_depend_on_the_seed_alone(tmp_path, new_problem):
    body = "build_network = lambda self: torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.Embedding(3, 2))"
    base = "import torch\nfrom exaggerated_replay.learning.method import Method"
    (tmp_path / "mine.py").write_text(f"{base}\nclass Mine(Method):\n    {body}\nMETHOD = Mine\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    made = []
    for seed in (0, 0, 1):
        before = torch.get_rng_state()
        method = build_method("mine", new_problem(seed=seed), settings_of("mine")(method="mine"))
        assert torch.equal(torch.get_rng_state(), before)
        made.append(torch.cat([weight.flatten() for weight in method.parameters()]).tolist())
        torch.rand(3)  # as an earlier run of the same job might
    assert made[0] == made[1]
    assert not {*made[0]} & {*made[2]}


@pytest.mark.parametrize("helper", ["helper.py", "helper/__init__.py"])
@pytest.mark.parametrize("line", ["import helper", "from helper import absent", "from .helper import absent"])
def test_a_file_that_imports_one_beside_it_must_state_a_version(helper, line, tmp_path):
    """An edit of that one would change what its runs are, and not their names."""
    (tmp_path / helper).parent.mkdir(exist_ok=True)
    (tmp_path / helper).write_text("")
    (tmp_path / "mine.py").write_text(f"{line}\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    with pytest.raises(
        UserError, match=r"mine\.py imports .*helper.*\.py, .* does not cover that file: write a line `VER"
    ):
        method_version("mine")
    (tmp_path / "mine.py").write_text(f"{line}\nVERSION = 2\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    assert method_version("mine") == "core 1, mine own 2"
    if "from helper" not in line:
        with pytest.raises(UserError, match=rf"No module named .*helper.*own name, put {tmp_path}.* into PYTHONPATH$"):
            settings_of("mine")


def test_of_a_method_of_ones_own_it_is_said_too_where_it_asks_for_more_samples_than_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr("exaggerated_replay.planning.remarks.training_samples_of", lambda *_: [6, *[9] * 9])
    none = LISTS.format(kind="int | None = None\n    of_each_task = ('hidden',)")
    assert remarks_on_samples(planned(copied(tmp_path, none), "arms.agem.memory_per_class=6")) == []
    (said,) = remarks_on_samples(planned(copied(tmp_path, none), "arms.agem.memory_per_class=7"))
    assert said == "Of agem, memory_per_class is 7, but some class has only 6 training samples, and all are taken."


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("rate: float = 0.1", r"is no dataclass: write @dataclass\(frozen=True, kw_only=True\) above it"),
        (
            "draws_from = 'tasks_so_far'",
            "has draws_from = 'tasks_so_far': choose one of 'task', 'tasks so far', 'nothing'",
        ),
        ("of_each_class = ('memory',)", "names 'memory' in of_each_class or of_each_task, and has no such setting"),
        ("draws_from = 'nothing'", None),
    ],
)
def test_settings_that_would_be_ignored_are_refused(settings, told, tmp_path):
    base = "from exaggerated_replay.learning.method import Method as METHOD"
    run = "from exaggerated_replay.settings.run import MethodSettings"
    (tmp_path / "mine.py").write_text(f"{base}\n{run}\nclass Settings(MethodSettings):\n    {settings}\n")
    use_own({"mine": str(tmp_path / "mine.py")})
    with pytest.raises(UserError, match=rf"mine\.py {told}") if told else nullcontext():
        assert settings_of("mine").draws_from == "nothing"


@pytest.mark.parametrize("name", ["label", "colour"])
def test_a_setting_of_the_name_of_an_arms_look_is_refused(name, tmp_path):
    file = copied(tmp_path, LISTS.format(kind="int = 1").replace("hidden", name))
    with pytest.raises(
        UserError, match=rf"^methods\.agem: Settings in .*mine\.py has {name}, which says how an arm looks"
    ):
        planned(file)


def test_an_edited_file_is_read_again_and_a_dropped_one_forgotten(tmp_path):
    planned(copied(tmp_path))
    before = settings_of("agem")
    planned(copied(tmp_path))
    assert settings_of("agem") is before
    planned(copied(tmp_path, "Settings.note = 'new'\n"))
    assert settings_of("agem").note == "new"
    check_params(compose_values(ROOT / "conf", ["dataset=digits"]))
    assert own_method("agem") is None
    assert not [name for name in sys.modules if name.startswith("exaggerated_replay.methods.agem")]


def test_a_method_without_settings_of_its_own_needs_no_more_than_a_class(tmp_path):
    file = tmp_path / "plain.py"
    file.write_text(
        "from exaggerated_replay.learning.method import Method\nclass Plain(Method):\n  pass\nMETHOD = Plain\n"
    )
    use_own({"plain": str(file)})
    assert [field.name for field in dataclasses.fields(settings_of("plain"))] == ["method"]
    assert len(list(try_method(settings_of("plain")(method="plain")))) == 10


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("bir", "", "methods.bir: 'bir' is the name of a method that is there already"),
        ("my-own", "", "methods.my-own: 'my-own' cannot be a method's name"),
        ("mine", None, "methods.mine: there is no file"),
        ("mine", "x = 1\n", "does not say which class learns: end it with METHOD = CLASS"),
        ("mine", "METHOD = (\n", "cannot be imported: SyntaxError"),
        ("mine", "METHOD = int\nclass Settings: pass\n", "must be a class that derives from MethodSettings"),
        (
            "mine",
            "import nowhere_at_all\n",
            "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
    ],
)
def test_what_is_no_method_is_refused_in_one_sentence(name, text, sentence, tmp_path):
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=sentence.replace("(", r"\(")):
        use_own({name: str(file)})
        settings_of(name)
    assert not [module for module in sys.modules if module.startswith("exaggerated_replay.methods.mine")]


def test_a_file_that_is_not_python_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("METHOD = 1\n")
    use_own({"mine": str(tmp_path / "mine.txt")})
    with pytest.raises(UserError, match=r"mine\.txt is not a file of Python: its name must end in \.py"):
        settings_of("mine")


def test_a_setting_that_the_file_does_not_have_is_named(tmp_path):
    with pytest.raises(UserError, match=r"arms\.agem\.memory_per_clas is not a setting: did you mean memory_per_class"):
        planned(AGEM, "+arms.agem.memory_per_clas=3")


# ---------------------------------------------------------------- A-GEM


@pytest.fixture
def agem(new_problem, learn):
    """Two tasks learned, the third begun."""
    use_own({"agem": str(AGEM)})
    settings = settings_of("agem")(method="agem", memory_per_class=3)
    method = build_method("agem", new_problem(), settings)
    learn(method, tasks=2, iterations=4)
    method.begin_task(3)
    return method


def projected(agem, gradient, reference):
    """What is left of a gradient of the first weights, where that of the memory is given; all others are zero."""
    weights = [*agem.parameters()]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    weights[0].grad.view(-1)[:3] = torch.tensor(gradient)
    given = torch.zeros_like(weights[0])
    given.view(-1)[:3] = torch.tensor(reference)
    agem.loss_on_memory = lambda: (weights[0] * given).sum() + 0 * sum(weight.sum() for weight in weights)
    agem.project()
    assert all(not weight.grad.any() for weight in weights[1:])
    return weights[0].grad.view(-1)[:4].tolist()


def test_a_gradient_that_would_raise_the_loss_on_the_memory_loses_that_part(agem):
    # g = (3, -1, 2), g_ref = (-1, 1, 1): g'g_ref = -2, g_ref'g_ref = 3; g + 2/3 g_ref = (7/3, -1/3, 8/3)
    found = projected(agem, [3.0, -1.0, 2.0], [-1.0, 1.0, 1.0])
    assert found == pytest.approx([7 / 3, -1 / 3, 8 / 3, 0])
    assert np.dot(found[:3], [-1, 1, 1]) == pytest.approx(0, abs=1e-6)


def test_one_that_does_not_stays(agem):
    assert projected(agem, [3.0, -1.0, 2.0], [1.0, 1.0, 1.0]) == [3, -1, 2, 0]
    assert projected(agem, [3.0, -1.0, 2.0], [0.0, 2.0, 1.0]) == [3, -1, 2, 0]  # at a right angle


def test_it_comes_between_gradient_and_step(agem, batch):
    optimiser = agem.optimiser(0.1)
    agem.loss(*batch(True, 3)).backward()
    plain = [weight.grad.clone() for weight in agem.parameters()]
    order = agem.order.get_state()
    reference = torch.autograd.grad(agem.loss_on_memory(), [*agem.parameters()])
    agem.order.set_state(order)
    optimiser.step()
    g, r = (np.concatenate([part.double().numpy().ravel() for part in parts]) for parts in (plain, reference))
    expected = g - min(g @ r, 0) / (r @ r) * r
    found = np.concatenate([weight.grad.double().numpy().ravel() for weight in agem.parameters()])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_the_memory_has_as_many_samples_of_each_class_as_it_says(agem):
    assert torch.bincount(agem.stored_y).tolist() == [3, 3, 3, 3]


def test_it_passes_what_every_method_must():
    use_own({"agem": str(AGEM)})
    said = list(try_method(settings_of("agem")(method="agem", memory_per_class=3)))
    assert said[-1] == "features: shapes of a step do not depend on data, so that a GPU may record it"


def test_a_file_that_changes_torchs_defaults_trains_nothing(tmp_path, monkeypatch, capsys):
    """Every run of its job would be computed in double precision, under the name of one in single."""
    monkeypatch.chdir(tmp_path)
    file = copied(tmp_path, "\ntorch.set_default_dtype(torch.float64)\n")
    values = compose_values(ROOT / "conf", ["dataset=digits", f"+methods.agem={file}", *ARM])
    write_text(tmp_path / "params.yaml", dump_yaml(values))
    try:
        assert main(["check", "agem"]) == 2
    finally:
        torch.set_default_dtype(torch.float32)
    assert "torch.set_default_dtype was called by a method in a file of your own" in capsys.readouterr().err


def test_a_mistake_in_the_file_is_not_called_one_of_the_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.py"
    file.write_text(AGEM.read_text().replace("return F.cross_entropy(", "return F.cross_entropy(absent + "))
    (line,) = (number for number, text in enumerate(file.read_text().splitlines(), 1) if "absent" in text)
    values = compose_values(ROOT / "conf", ["dataset=digits", "+methods.agem=mine.py", *ARM])
    write_text(tmp_path / "params.yaml", dump_yaml(values))
    assert main(["check", "agem"]) == 2
    said = f"mine.py, line {line}: NameError: name 'absent' is not defined; --traceback shows how it came to that"
    assert capsys.readouterr().err == f"exaggerated-replay: {said}\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("loss = lambda self, x, y: self.network(x)", "RuntimeError: grad can be implicitly created only for scalar"),
        ("__init__ = lambda self, problem: None", "TypeError: "),
    ],
)
def test_what_fails_outside_of_the_file_is_the_files_mistake_too(body, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    base = "from exaggerated_replay.learning.method import Method"
    Path("mine.py").write_text(f"{base}\nclass Mine(Method):\n    {body}\nMETHOD = Mine\n")
    ways = ["+methods.mine=mine.py", "+arms.mine={method: mine}", "study=one", "focus=mine", "study.seeds=1"]
    write_text(tmp_path / "params.yaml", dump_yaml(compose_values(ROOT / "conf", ["dataset=digits", *ways])))
    assert main(["check", "mine"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("exaggerated-replay: mine.py: a run of mine fails with ") and said in line


@pytest.mark.parametrize(
    ("given", "sentence"),
    [(None, "methods is null: it must be a mapping"), ({"agem": 3}, r"methods\.agem is 3: it must be text")],
)
def test_what_names_no_files_is_refused(given, sentence):
    values = compose_values(ROOT / "conf", ["dataset=digits"])
    with pytest.raises(UserError, match=sentence):
        check_params({**values, "methods": given})


def test_records_of_a_method_that_params_yaml_names_are_imported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = copied(tmp_path)
    (run,) = [run for run in planned(file).runs if run.settings.method.method == "agem"]
    classes = len(run.settings.class_order)
    correct = np.tril(np.ones((len(run.settings.tasks), 1), dtype=int)).repeat(classes, axis=1)
    made = {
        "settings": values_of(run.settings),
        "environment": {"device": "cpu", "torch": "2.0"},
        "problem": {"inputs": 64, "classes": classes, "bounded": True},
        "counts": {"correct": correct.tolist(), "tested": [2] * classes, "predicted": [2] * classes},
        "instruments": {},
        "diverged": None,
        "sha256": {"model.safetensors": "a" * 64, "data": "b" * 64},
    }
    write_lines(tmp_path / "records.jsonl", [Line(run.name, sealed(made))])
    use_own({})
    assert main(["import", "records.jsonl"]) == 2
    assert "method.method is 'agem', which is not a method" in capsys.readouterr().err
    values = compose_values(ROOT / "conf", ["dataset=digits", f"+methods.agem={file}", *ARM])
    write_text(tmp_path / "params.yaml", dump_yaml(values))
    assert main(["import", "records.jsonl"]) == 0
    assert "1 records imported" in capsys.readouterr().out
