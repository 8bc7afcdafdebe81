"""What a plan holds: its file, its jobs, its seeds and tasks; and what does not fit the data."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import CONF, PLAIN, REFERENCE, both, plan_with

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, write_json
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import Plan, make_plan
from exaggerated_replay.planning.questions import question_of, sizes
from exaggerated_replay.planning.runs import packs_of
from exaggerated_replay.planning.sources import features_digest
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.run import RunSettings

# ---------------------------------------------------------------- the file


def test_what_the_file_holds_and_under_which_names():
    plan = plan_with(grids={"g": PLAIN})
    values, digest = plan.to_dict(), plan.source.digest
    assert list(values) == [
        *("dataset", "data", "encoder", "model", "training", "study", "rules", "focus", "order", "grids", "cells"),
        *("arms", "sources", "images", "compute", "runs"),
    ]
    assert {key: values["dataset"][key] for key in ("name", "classes", "image_values", "sha256")} == {
        "name": "digits",
        "classes": 10,
        "image_values": 64,
        "sha256": digest,
    }
    assert values["sources"].keys() == plan.places.keys() == {f"digits-{digest[:10]}"}
    assert values["sources"][plan.source.name]["sha256"] == values["data"] == digest
    assert values["sources"][plan.source.name]["files"] == REFERENCE["dataset"]["files"]
    assert plan.source.prepared == plan.learned_from == Path(f"data/prepared/digits-{digest[:10]}.npz")
    assert values["encoder"] is None
    for part in ("model", "training", "rules", "compute", "focus"):
        assert values[part] == REFERENCE[part]
    assert values["study"] == {key: value for key, value in REFERENCE["study"].items() if key != "grids"} | {
        "seeds": [0, 1]
    }
    assert values["grids"] == {
        "g": [
            {"cell": "bir-si", "settings": {}, "baseline": None},
            {"cell": "rr-ra", "settings": {}, "baseline": "bir-si"},
        ]
    }
    for name, cell in values["cells"].items():
        assert list(cell) == ["arm", "config", "runs"]
        assert (cell["arm"], list(cell["config"])) == (name, ["model", "training", "method", "dataset", "compute"])
    assert plan.splits.keys() == {
        Path(f"data/splits/digits/seed{run['seed']}-{digest_of([digest, run['seed'], run['tasks']])[:10]}.json")
        for run in values["runs"].values()
    }
    assert {run.seed for run in plan.splits.values()} == {0, 1}


def test_grids_are_in_the_order_of_params_yaml_whatever_their_names():
    grids = {"z": PLAIN, "a": [{"arm": ["bir-si"]}]}
    assert plan_with({"study.figures": {"a": "convergence"}}, grids=grids).to_dict()["order"] == ["z", "a"]


def test_a_cell_that_two_grids_hold_is_compared_with_what_the_first_in_params_yaml_says(tmp_path):
    """Its file sorts grids by name: `z`, which comes first, must stay the one that counts."""
    grids = {"z": [*PLAIN, {"arm": ["ra"]}], "a": [{"arm": ["rr-ra"], "against": {"arm": "ra"}}]}
    plan = plan_with(grids=grids)
    back = StudyPlan.from_dict(json.loads(json.dumps(plan.to_dict(), sort_keys=True)), None, tmp_path)
    assert plan.baselines == back.baselines == {"rr-ra": "bir-si", "ra": "bir-si"}


def encoded(**changes):
    """A plan whose runs learn from features of CIFAR-100."""
    values = compose_values(CONF, ["dataset=cifar100", "encoder=published", "study=table1", "study.seeds=1"])
    values["study"]["grids"] = {"g": PLAIN}
    values["encoder"].update(changes)
    return make_plan(check_params(values)), values["encoder"]


def test_with_an_encoder_runs_learn_from_features_and_the_file_says_whose():
    plan, asked = encoded()
    values = plan.to_dict()
    assert [source.settings.name for source in plan.sources] == ["cifar100", "cifar10"]
    assert list(values["sources"]) == [source.name for source in plan.sources]
    assert values["data"] == features_digest(plan.source, plan.encoder)
    assert {run["data"] for run in values["runs"].values()} == {values["data"]}
    assert values["data"] != values["dataset"]["sha256"]
    assert plan.learned_from == Path(f"data/features/cifar100-{values['data'][:10]}.safetensors")
    assert values["encoder"] == {
        "name": "published",
        "sha256": plan.encoder.digest,
        "architecture": "conv5",
        "image_size": None,
        "deviation": 0.41,
        "pretraining": asked["pretraining"],
        "published": None,
    }
    place = f"data/encoders/published-{plan.encoder.digest[:10]}/encoder.safetensors"
    assert plan.encoder.weights == Path(place)
    assert plan.places == {**{source.name: None for source in plan.sources}, "encoder": None}


def test_an_encoder_of_the_users_own_needs_no_images(tmp_path):
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"weights")
    plan, _ = encoded(weights=str(weights), images=None, pretraining=None)
    values = plan.to_dict()
    assert [source.settings.name for source in plan.sources] == ["cifar100"]
    assert values["encoder"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert values["encoder"]["pretraining"] is None
    assert plan.places["encoder"] == str(weights)
    assert str(tmp_path) not in json.dumps(values)


def known(source):
    return source.name, source.raw, source.content, source.digest, source.settings.source


def read_back(plan, path):
    write_json(path, {**plan.to_dict(), "places": plan.places})
    return Plan.read(path)


@pytest.mark.parametrize("study", ["default", "methods", "ablation"])
def test_a_plan_read_back_from_its_file_says_the_same(study, tmp_path):
    plan = plan_with(study=study)
    back = read_back(plan, tmp_path / "plan.json")
    assert digest_of(back.to_dict()) == digest_of(plan.to_dict())
    assert known(back.source) == known(plan.source)
    assert (back.encoder, back.compute) == (None, plan.compute)
    assert back.splits.keys() == plan.splits.keys()
    assert (back.learned_from, back.replayed) == (plan.learned_from, plan.replayed)
    assert [*back.grids] == sorted(plan.grids) and back.order == tuple(plan.grids)


@pytest.mark.parametrize("own_weights", [True, False])
def test_an_encoder_read_back_is_the_same_and_its_file_lies_where_it_did(own_weights, tmp_path):
    changes = {"weights": str(tmp_path / "mine.pt"), "images": None, "pretraining": None} if own_weights else {}
    (tmp_path / "mine.pt").write_bytes(b"weights")
    plan, _ = encoded(**changes)
    back = read_back(plan, tmp_path / "plan.json")
    assert digest_of(back.to_dict()) == digest_of(plan.to_dict())
    assert [*map(known, back.sources)] == [*map(known, plan.sources)]
    assert (back.encoder.digest, back.encoder.weights) == (plan.encoder.digest, plan.encoder.weights)
    assert back.encoder.settings.pretraining == plan.encoder.settings.pretraining
    assert (back.learned_from, back.places) == (plan.learned_from, plan.places)


def test_a_file_of_the_users_own_is_found_again_by_who_reads_the_plan(tmp_path):
    plan = plan_with({"dataset": own(tmp_path, 4, white=None)}, grids={"g": PLAIN})
    back = read_back(plan, tmp_path / "plan.json")
    assert digest_of(back.to_dict()) == digest_of(plan.to_dict())
    assert back.source.raw == plan.source.raw == [tmp_path / "mine.npz"]
    assert back.source.content == plan.source.content
    assert plan.dataset.source == back.dataset.source == "mine.npz"


@pytest.mark.parametrize("study", ["default", "methods", "ablation"])
def test_each_run_read_back_from_the_file_is_the_same_run(study):
    plan = plan_with(study=study)
    values = json.loads(json.dumps(plan.to_dict()))
    assert len(values["runs"]) == len(plan.runs)
    for run in plan.runs:
        assert read_settings(RunSettings, values["runs"][run.directory.name]) == run.settings
        assert digest_of(values["runs"][run.directory.name])[:10] == run.digest


def test_the_cells_of_the_file_name_their_runs():
    values = plan_with().to_dict()
    listed = {run for cell in values["cells"].values() for run in cell["runs"]}
    assert listed == values["runs"].keys()
    assert all(f"-s{values['runs'][name]['seed']}-" in name for name in listed)


def test_every_setting_that_a_grid_varies_is_told_for_every_cell_that_has_it():
    rows = [{"arm": ["er", "rr-ra"], "training.iterations": [10]}, {"arm": ["rr-ra"], "method.f": [5]}]
    plan = plan_with({"focus": "er-iterations10"}, grids={"g": rows})
    assert plan.varied == ["training.iterations", "method.f"]
    told = {cell.name: {key: cell.setting(key) for key in plan.varied} for cell in plan.cells.values()}
    assert {name: {key: value for key, value in said.items() if value is not None} for name, said in told.items()} == {
        "er-iterations10": {"training.iterations": 10},
        "rr-ra-iterations10": {"training.iterations": 10, "method.f": 20},
        "rr-ra-f5": {"training.iterations": 40, "method.f": 5},
        "bir-si-iterations10": {"training.iterations": 10},
        "bir-si": {"training.iterations": 40},
    }


# ---------------------------------------------------------------- packs


@given(runs_per_job=st.integers(1, 9), seeds=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_packs_cover_every_run_once_and_are_as_few_as_can_be(runs_per_job, seeds):
    plan = plan_with({"compute.runs_per_job": runs_per_job, "study.seeds": seeds})
    assert sorted(run.digest for pack in plan.packs.values() for run in pack) == sorted(r.digest for r in plan.runs)
    assert all(1 <= len(pack) <= runs_per_job for pack in plan.packs.values())
    assert len(plan.packs) == -(-6 * seeds // runs_per_job)  # six cells, rounded up to whole packs


def test_a_plan_that_is_read_has_the_jobs_that_were_planned_seed_by_seed(tmp_path):
    """Its file sorts cells by name, and a job is known by its number alone."""
    rows = [{"arm": ["rr-ra", "bir-si", "er"], "training.iterations": [40, 20]}]
    plan = plan_with({"compute.runs_per_job": 4, "study.seeds": [7, 3]}, grids={"g": rows})
    write_json(tmp_path / "plan.json", plan.to_dict())
    read = Plan.read(tmp_path / "plan.json")
    assert [*read.cells] != [*plan.cells]
    jobs = {number: [run.name for run in pack] for number, pack in plan.packs.items()}
    assert {number: [run.name for run in pack] for number, pack in read.packs.items()} == jobs
    whole = plan_with({"study.seeds": [7, 3]}, grids={"g": rows}).packs
    steps = [(run.settings.training.iterations, run.seed) for run in whole["1"]]
    assert steps == [(40, 7)] * 3 + [(40, 3)] * 3 + [(20, 7)] * 3 + [(20, 3)] * 3


def test_packs_are_about_equally_long():
    plan = plan_with({"compute.runs_per_job": 10}, grids=both())
    assert len(plan.runs) == 20
    lengths = [sum(run.settings.training.iterations for run in pack) for pack in plan.packs.values()]
    assert len(lengths) == 2
    assert max(lengths) - min(lengths) <= max(run.settings.training.iterations for run in plan.runs)


@pytest.mark.parametrize(
    ("lengths", "size", "packed"),
    [
        ([3, 5, 3, 4, 3], 3, {"1": [5, 3], "2": [4, 3, 3]}),
        ([1, 1, 9, 1], 2, {"1": [9, 1], "2": [1, 1]}),  # the second has less to do, but is full
        ([2, 3], 1, {"1": [3], "2": [2]}),
        ([], 3, {}),
    ],
)
def test_packs_take_the_longest_run_first_each_to_the_job_that_has_least_to_do(lengths, size, packed):
    runs = [SimpleNamespace(settings=SimpleNamespace(training=SimpleNamespace(iterations=n))) for n in lengths]
    found = packs_of(runs, size)
    assert {name: [run.settings.training.iterations for run in pack] for name, pack in found.items()} == packed


def test_jobs_start_seed_by_seed_in_the_order_in_which_the_seeds_are_given():
    plan = plan_with({"compute.runs_per_job": 1, "study.seeds": [7, 3, 5]})
    packs = [pack for pack in plan.packs.values() if len(pack) == 1]
    assert len(packs) == 18  # six cells
    assert {(pack[0].seed, plan.seeds_after(pack)) for pack in packs} == {(7, 2), (3, 1), (5, 0)}
    assert plan.seeds_after([pack[0] for pack in packs]) == 2  # together they are as urgent as the first


# ---------------------------------------------------------------- seeds and tasks


@pytest.mark.parametrize(
    ("seeds", "meant"), [(3, [0, 1, 2]), ([7, 11], [7, 11]), ("100-102", [100, 101, 102]), ("5-5", [5])]
)
def test_seeds_are_a_number_a_list_or_a_range(seeds, meant):
    plan = plan_with({"study.seeds": seeds})
    assert plan.to_dict()["study"]["seeds"] == meant
    assert [run.seed for run in plan.cells["rr-ra"].runs] == meant


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], "3", "9-3", "a-b", "0-1000000", 1.5, True, None, [[0]]])
def test_seeds_that_cannot_be_are_named(seeds):
    with pytest.raises(UserError, match=r"^params\.yaml: study(\.|: )seeds"):
        plan_with({"study.seeds": seeds})


def test_tasks_are_lists_of_original_classes_of_any_size():
    plan = plan_with({"dataset.tasks": [4, 3, 3]})
    for run in plan.runs:
        assert [len(task) for task in run.settings.tasks] == [4, 3, 3]
        assert sorted(label for task in run.settings.tasks for label in task) == list(range(10))


def test_each_seed_has_an_order_of_classes_of_its_own_which_all_cells_share():
    plan = plan_with({"study.seeds": 3}, grids={"g": PLAIN})
    orders = [{str(run.settings.tasks) for run in plan.runs if run.seed == seed} for seed in range(3)]
    assert [len(order) for order in orders] == [1, 1, 1]
    assert len(set.union(*orders)) == 3


# ---------------------------------------------------------------- what does not fit the data


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"dataset\.source: there is no file nowhere\.npz"):
        plan_with({"dataset": {"name": "npz", "reader": "npz", "source": "nowhere.npz", "tasks": 2}})


def own(tmp_path, classes, **more):
    y = np.repeat(np.arange(4), 40)
    x = np.zeros((160, 5), np.float32)
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    source = str(tmp_path / "mine.npz")
    return {"name": "npz", "reader": "npz", "source": source, "tasks": 2, "classes": classes, **more}


def test_the_number_of_classes_comes_from_the_users_file(tmp_path):
    plan = plan_with({"dataset": own(tmp_path, None)}, grids={"g": PLAIN})
    assert plan.to_dict()["dataset"]["classes"] == 4
    assert plan.to_dict()["dataset"]["source_name"] == "mine.npz"
    assert {run.settings.image_values for run in plan.runs} == {5}  # the input's own
    assert plan.to_dict()["dataset"]["image_values"] == 5
    plan = plan_with({"dataset": own(tmp_path, 4, image_values=3072)}, grids={"g": PLAIN})
    assert {run.settings.image_values for run in plan.runs} == {3072}


def test_a_wrong_number_of_classes_is_named(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.classes is 10, but .*mine\.npz has 4"):
        plan_with({"dataset": own(tmp_path, 10)}, grids={"g": PLAIN})


def test_a_study_for_another_data_set_is_refused_in_one_sentence():
    told = r"study=laptop has sizes for cifar100, and dataset\.name is digits: compose with dataset=cifar100"
    with pytest.raises(UserError, match=told):
        plan_with({"study.dataset": "cifar100", "study.name": "laptop"})
    assert plan_with({"study.dataset": "digits"}).runs


@pytest.mark.parametrize("name", ["runs", "focus", "timings", "a/b", "..", "", "a b", "x" * 200])
def test_a_study_cannot_take_a_folder_that_is_not_its_own(name):
    with pytest.raises(UserError, match=r"^params\.yaml: study: name is"):
        plan_with({"study.name": name})


# ---------------------------------------------------------------- a published encoder

C3 = "02e44cf21681d2d1ece1b683bae9a1525cf794f73865a69e32af330bcb4741e9"


def with_the_publications_encoder(**changes):
    values = compose_values(CONF, ["dataset=cifar100", "encoder=publication", "study=table1", "study.seeds=1"])
    values["encoder"] |= changes
    return make_plan(check_params(values))


def test_a_published_encoder_is_known_by_its_checksum_before_it_is_here():
    plan = with_the_publications_encoder()
    assert plan.encoder.digest == C3
    assert plan.encoder.weights == plan.encoder.download == Path("data/raw/encoders/C3-5x16-bn")


def test_a_copy_of_a_published_encoder_is_the_same_and_another_file_is_refused(tmp_path):
    (tmp_path / "copy").write_bytes(b"abc")
    checksum = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180's example
    published = {"file": "C3-5x16-bn", "checksum": checksum, "mirrors": []}
    copy = with_the_publications_encoder(published=published, weights=str(tmp_path / "copy"))
    assert copy.data == with_the_publications_encoder(published=published).data
    assert (copy.encoder.weights, copy.encoder.download) == (tmp_path / "copy", None)
    with pytest.raises(UserError, match=r"copy is not the published file: set encoder\.weights=null to fetch it"):
        with_the_publications_encoder(weights=str(tmp_path / "copy"))


def test_the_plan_keeps_no_place_of_a_file_of_tasks(tmp_path):
    for name in ("mine.yaml", "other.yaml"):
        (tmp_path / name).write_text("[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]")
    row = {"arm": ["rr-ra"], "dataset.tasks": [str(tmp_path / "other.yaml")]}
    changes = {"dataset.tasks": str(tmp_path / "mine.yaml"), "focus": "bir-si"}
    plan = plan_with(changes, grids={"g": [{"arm": ["bir-si"]}, row]})
    written = json.dumps(plan.to_dict())
    assert str(tmp_path) not in written
    assert "mine.yaml" in written and "rr-ra-tasks-other.yaml" in written


def test_a_grid_may_be_called_method():
    plan = plan_with({"study.figures": {"method": "comparison"}}, grids={"method": [{"arm": ["bir-si", "rr-ra"]}]})
    values = json.loads(json.dumps(plan.to_dict()))
    again = StudyPlan.from_dict(values, values["runs"], Path("plan.json"))
    assert question_of(again, "method").name == "comparison"


def test_a_grid_over_a_size_may_vary_a_list_beside_it():
    row = {"arm": ["rr-ra"], "model.units": [10, 20], "dataset.tasks": [[4, 3, 3]]}
    plan = plan_with({"study.figures": {"g": "scale"}, "focus": "rr-ra-units10-tasks-[4, 3, 3]"}, grids={"g": [row]})
    assert sizes(plan.grids["g"], plan.cells) == ["model.units"]
