"""The command `select`: what it writes into params.yaml round by round, and what it refuses; the workflow is played."""

import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from plans import values_with

from exaggerated_replay.commands import selection
from exaggerated_replay.commands.selection import candidates_of, seeds_of, select
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning import compose
from exaggerated_replay.planning.compose import spelt, write_params
from exaggerated_replay.planning.drift import drift
from exaggerated_replay.planning.params import check_params

CONF = Path(__file__).parents[2] / "conf"
SWEEP = ["arm=er", "method.memory_per_class=1,20", "training.iterations=30,60"]
WORSE = {"er-memory_per_class1-iterations30": -30, "er-memory_per_class1": -20, "er-iterations30": -9}


@pytest.fixture
def played(tmp_path, monkeypatch):
    """A folder with params.yaml, in which a workflow is only pretended; what it would have been given is noted."""
    monkeypatch.chdir(tmp_path)
    write_params(CONF, ["dataset=digits", "study=one", "study.seeds=3", "compute=cpu"], Path("params.yaml"))
    noted = []

    def scored(plan, runs, store):
        cells = [(cell.name, run.seed) for cell in plan.cells.values() for run in cell.runs]
        table = pd.DataFrame(cells, columns=["cell", "seed"])
        noise = np.random.default_rng(len(cells)).normal(size=len(table))
        return SimpleNamespace(
            runs=table.assign(overall=80 + table["cell"].map(WORSE).fillna(0) + table["seed"] / 9 + noise),
            one_image={"overall": 0.01},
        )

    def started(command):
        noted.append((command, yaml.safe_load(Path("params.yaml").read_text())))

    monkeypatch.setattr(selection, "finished_so_far", scored)
    monkeypatch.setattr(selection, "run_workflow", started)
    monkeypatch.setattr(selection, "open_study", lambda folder: folder)
    monkeypatch.setattr(selection, "compare", lambda study, baseline, cell: f"{study}: {baseline} and {cell}")
    return noted


def chosen(sweep=SWEEP, seeds="100-119", test_seeds="5", metric="overall"):
    return select(sweep, seeds, test_seeds, metric, 0.2, ["work", "hard"], CONF)


def test_the_winner_of_the_validation_data_is_tried_on_test_data_with_other_seeds(played):
    said = chosen()
    *rounds, (last, final) = played
    assert all(command == ["work", "hard", "models"] for command, _ in rounds)
    assert last == ["work", "hard", "metrics"]
    first = rounds[0][1]
    assert first["dataset"]["validation"] == 0.2
    assert first["study"]["name"] == "selection"
    assert len(first["study"]["grids"]["sweep"]) == 4
    assert all(values["study"]["seeds"].startswith("100-") for _, values in rounds)
    assert final["dataset"]["validation"] is None
    assert (final["study"]["name"], final["study"]["seeds"], final["focus"]) == ("selected", 5, "er")
    assert len(final["study"]["grids"]["sweep"]) == 1
    assert "er is chosen by its mean overall on validation data (no other is shown to be better" in said
    assert said.endswith("results/selected: bir-si and er")
    table = pd.read_csv("results/selected/selection.csv")
    assert table["cell"].tolist()[0] == "er"
    assert set(table["cell"]) == {"er", *WORSE}
    assert table["dropped"].notna().sum() == 3
    assert table["seeds"].max() < 20  # stopped early


def test_losers_are_trained_no_further(played, monkeypatch):
    monkeypatch.setitem(WORSE, "er-iterations30", 0)  # so alike that more rounds are needed
    chosen()
    rounds = [values["study"]["grids"]["sweep"] for _, values in played[:-1]]
    assert len(rounds[0]) == 4
    assert all(len(rows) == 2 for rows in rounds[1:])
    assert len(rounds) > 1


def test_the_same_command_again_does_the_same(played):
    chosen()
    first = [values for _, values in played]
    played.clear()
    chosen()
    assert [values for _, values in played] == first


def test_a_winner_stands_beside_the_baseline_as_that_is(played):
    chosen(["arm=er", "training.iterations=15,30", "method.memory_per_class=20"], "100-105")
    (row,) = played[-1][1]["study"]["grids"]["sweep"]
    assert row["against"] == {"arm": "bir-si", "training.iterations": 60}  # its own, and it has no memory


def test_a_winner_may_have_a_list_or_no_part_of_its_arm(played):
    chosen(["arm=bir-si", "dataset.tasks=5,[4,2,2,2]", "method.si=null,{strength:1}"], "100-105", metric="overall")
    values = played[-1][1]
    (row,) = values["study"]["grids"]["sweep"]
    assert row["against"]["method.si"] == values["arms"]["bir-si"]["si"]


def test_what_was_set_by_hand_stays_in_every_round_and_is_written_down(played):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["model"]["units"] = 17
    values["arms"]["er"]["label"] = "it's mine"
    del values["arms"]["lwf"]
    values["study"]["seeds"] = 9  # a selection has seeds of its own
    Path("params.yaml").write_text(yaml.safe_dump({**values, "composed_with": None}))  # as by `dvc exp run -S`
    chosen()
    for _, asked in played:
        assert asked["model"] == {**values["model"], "units": 17}
        assert asked["arms"] == values["arms"]
        assert "++model.units=17" in asked["composed_with"]
        assert drift(CONF, asked) == []
    assert played[-1][1]["study"]["seeds"] == 5


def test_seeds_that_something_was_chosen_on_are_refused(played):
    with pytest.raises(UserError, match="seed 104 is among --seeds and --test-seeds"):
        chosen(seeds="100-104", test_seeds="104-106")
    assert played == []


@pytest.mark.parametrize(
    ("sweep", "sentence"),
    [
        (["method.memory_per_class=1,2"], "name an arm, as in arm=er"),
        (["arm=er"], "there is one candidate and nothing to choose"),
        (
            ["arm=er", "method.memory_per_class=1,1"],
            "two candidates are both er-memory_per_class1: name each value once",
        ),
        (["arm=er", "method.memory=1,2"], r"method\.memory is not a setting of the arm er"),
        (["arm=eer", "model.units=1,2"], "arm is 'eer', which is not an arm"),
        (["arm=er", "model.units=(1,2"], "is not a sweep: write it as"),
    ],
)
def test_what_is_no_choice_is_refused(sweep, sentence, played):
    with pytest.raises(UserError, match=sentence):
        chosen(sweep)
    assert played == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x", "seeds is 'x', but must be a number, a list, or a range such as 100-119"),
        ("1,2", "seeds is '1,2', but must be a number"),
        ("5-3", "seeds is '5-3', which is not a range of 1 to 10000 seeds"),
        ("0", "seeds is 0: it must be at least 1"),
        ("[1,-1]", "seeds is [1, -1]: it must be"),
        ("[4,4]", "seeds is [4, 4], which names a seed twice"),
        ("[]", "seeds is empty: name at least one"),
        ("[1", "seeds is not valid YAML"),
    ],
)
def test_seeds_that_no_study_can_have_are_refused_with_the_name_of_the_option(text, sentence):
    study = check_params(values_with()).study
    with pytest.raises(UserError, match=f"^--seeds: {re.escape(sentence)}"):
        seeds_of(study, text, "--seeds")


def test_test_seeds_that_no_study_can_have_are_refused_before_anything_is_trained(played):
    with pytest.raises(UserError, match=r"^--test-seeds: seeds is '5-3', which is not a range"):
        chosen(test_seeds="5-3")
    assert played == []


@pytest.mark.parametrize(("text", "seeds"), [("3", [0, 1, 2]), ("[4, 1]", [4, 1]), ("100-102", [100, 101, 102])])
def test_seeds_are_a_number_a_list_or_a_range(text, seeds):
    assert seeds_of(check_params(values_with()).study, text, "--seeds") == seeds


def test_conf_is_composed_once_to_compare_once_for_all_candidates_and_once_for_every_params(played, monkeypatch):
    composed = []
    for module in (selection, compose, import_module("exaggerated_replay.planning.drift")):
        original = module.compose_values
        monkeypatch.setattr(
            module, "compose_values", lambda *given, made=original: [composed.append(1), made(*given)][1]
        )
    chosen()
    assert len(composed) == 2 + len(played)


def test_a_metric_that_does_not_exist_is_named(played):
    with pytest.raises(UserError, match="--metric is 'accuracy': choose one of first20, first50, overall"):
        chosen(metric="accuracy")


def test_candidates_are_all_combinations_in_hydras_syntax():
    found = candidates_of(["arm=er,joint", "training.iterations=range(10,40,10)"])
    assert [(one.arm, one.settings["training.iterations"]) for one in found] == [
        (arm, str(length)) for arm in ("er", "joint") for length in (10, 20, 30)
    ]


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.5, "er", "er-tasks-[4, 2, 2, 2]", "it's", {"strength": 1.5, "damping": None}, [1, "x y"]],
)
def test_a_value_is_spelt_as_hydra_reads_it(value):
    assert OverridesParser.create().parse_override(f"key={spelt(value)}").value() == value
