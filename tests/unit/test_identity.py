"""What decides the identity of a run, so that changing it trains the run anew, and what does not."""

import json
from dataclasses import fields

import numpy as np
import pytest
from plans import PLAIN, REFERENCE, digests, plan_with, values_with

from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan


def identity(changes=(), arm="rr-ra", **more):
    return digests(plan_with(changes, grids={"g": PLAIN}, **more), arm)


@pytest.mark.parametrize(
    "changes",
    [
        {"compute.runs_per_job": 1},
        {"compute.slots_per_gpu": 3},
        {"compute.device": "cuda"},
        {"compute.name": "mine"},
        {"reading.name": "mine"},
        {"study.name": "mine"},
        {"study.lengths": [1]},
        {"focus": "bir-si"},
        {"dataset.watch": None},
        {"dataset.name": "mine"},
        {"dataset.title": "Mine"},
        {"dataset.class_names": [f"digit {number}" for number in range(10)]},
        {"dataset.files": {"digits.csv.gz": "sha256:0"}},
        {"rules.alpha": 0.01},
        {"hyper.name": "mine"},
        {"size.name": "mine"},
        {"study.acting": {}},
        {"composed_with": ["a=b"]},
        {"arms.er.memory_per_class": 3},
        {"arms.mine": {"method": "joint"}},
        {"arms.rr-ra.label": "mine"},
        {"arms.bir-si.colour": "#000000"},
        {"arms.bir-si.label": None},
    ],
    ids=str,
)
def test_what_decides_no_result_does_not_change_the_identity(changes):
    assert values_with(changes, grids={"g": PLAIN}) != REFERENCE
    assert identity(changes) == identity()
    assert identity(changes, "bir-si") == identity((), "bir-si")


def test_renaming_an_arm_trains_nothing():
    values = values_with(grids={"g": [{"arm": ["base", "mine"]}]})
    values["arms"] = {"base": values["arms"]["bir-si"], "mine": values["arms"]["rr-ra"]}
    values["study"].update(baseline="base", treatment="mine")
    values["focus"] = "mine"
    assert digests(make_plan(check_params(values)), "mine") == identity()


def test_more_seeds_leave_the_runs_of_the_first_ones():
    assert identity({"study.seeds": 4})[:2] == identity()
    assert len(set(identity({"study.seeds": 4}))) == 4


def test_a_seed_means_the_same_run_however_it_is_asked_for():
    named = {run.seed: run.digest for run in plan_with({"study.seeds": [1, 0]}).cells["rr-ra"].runs}
    counted = {run.seed: run.digest for run in plan_with({"study.seeds": 2}).cells["rr-ra"].runs}
    assert named == counted


def test_switches_of_the_reading_do_not_concern_the_baseline():
    changes = {"reading.competitors": "all", "reading.temperature": 2, "reading.attraction": "gated"}
    assert identity(changes, "bir-si") == identity((), "bir-si")
    assert identity(changes) != identity()


DECISIVE = [
    {"arms.rr-ra.lambda_rr": 2e-6},
    {"arms.rr-ra.lambda_ra": 2e-6},
    {"arms.rr-ra.f": 21},
    {"arms.rr-ra.f": "none"},
    {"arms.rr-ra.gate_proportion": 0.25},
    {"arms.rr-ra.temperature": 2.5},
    {"arms.rr-ra.lambda_rec": 0.5},
    {"arms.rr-ra.lambda_rec_replayed": 2.0},
    {"arms.rr-ra.mixture_prior": "logsumexp"},
    {"arms.rr-ra.si": None},
    {"arms.rr-ra.si.strength": 0.7},
    {"arms.rr-ra.si.damping": 0.7},
    {"model.units": 99},
    {"model.latent": 99},
    {"training.iterations": 99},
    {"training.batch": 99},
    {"training.replay_batch": 99},
    {"training.learning_rate": 0.5},
    {"training.optimiser_state": "moments"},
    {"training.optimiser_state": "reset"},
    {"compute.threads": 2},
    {"compute.precision": "tf32"},
    {"dataset.tasks": 2},
    {"dataset.tasks": [4, 3, 3]},
    {"dataset.class_order": [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]},
    {"dataset.class_order": "together"},
    {"dataset.image_values": 63},
    {"dataset.content": "0" * 64},
    {"reading.distance": "squared"},
    {"reading.distance": "bce"},
    {"reading.repulsion": "inverse_mean"},
    {"reading.repulsion": "negative"},
    {"reading.reduction": "sum"},
    {"reading.reduction": "total"},
    {"reading.competitors": "all"},
    {"reading.competitors": "random"},
    {"reading.temperature": 2},
    {"reading.class_means": "running"},
    {"reading.class_means": "stored"},
    {"reading.class_means": "shuffled"},
    {"reading.attraction_target": "random"},
    {"reading.attraction": "gated"},
    {"reading.confidence": "label"},
    {"reading.confidence": "label_rival"},
    {"reading.confidence": "entropy"},
]


def test_every_setting_that_decides_a_result_changes_the_identity_each_to_another():
    found = [digest for changes in [{}, *DECISIVE] for digest in identity(changes)]
    assert len(set(found)) == 2 * (1 + len(DECISIVE))  # two seeds, which differ too


def test_every_field_of_a_run_is_among_the_decisive_ones():
    """A field that is added must be added above too."""
    settings = plan_with(grids={"g": PLAIN}).to_dict()["runs"]
    (named,) = {tuple(sorted(run)) for run in settings.values()}
    assert named == (
        "code",
        "data",
        "image_values",
        "method",
        "model",
        "precision",
        "seed",
        "tasks",
        "threads",
        "training",
    )
    changed = {key for changes in DECISIVE for key in changes}
    of_arm = {field.name for field in fields(check_params(REFERENCE).arms["rr-ra"].method)} - {"method", "reading"}
    assert {f"arms.rr-ra.{key}" for key in of_arm} <= changed
    assert {f"model.{key}" for key in REFERENCE["model"]} <= changed
    assert {f"training.{key}" for key in REFERENCE["training"]} <= changed
    assert {f"reading.{key}" for key in REFERENCE["reading"] if key != "name"} <= changed


def test_the_version_of_the_code_is_part_of_the_identity_and_the_code_is_not(monkeypatch):
    before = identity()
    runs = plan_with(grids={"g": PLAIN}).to_dict()["runs"].values()
    assert {run["code"] for run in runs if run["method"]["method"] == "exaggeration"} == {"core 1, exaggeration 1"}
    monkeypatch.setattr("exaggerated_replay.planning.runs.method_version", lambda method: f"core 1, {method} 2")
    assert set(identity()).isdisjoint(before)


def test_own_data_are_known_by_their_content_and_not_by_their_place(tmp_path):
    def written(name, value):
        x, y = np.full((4, 3), float(value)), np.arange(4)
        np.savez(tmp_path / name, x_train=x, y_train=y, x_test=x, y_test=y)
        dataset = {"name": "npz", "reader": "npz", "source": str(tmp_path / name), "tasks": 2}
        plan = plan_with({"dataset": dataset, "training.batch": 2}, grids={"g": PLAIN})
        assert str(tmp_path) not in json.dumps(plan.to_dict())
        return plan.source.name, digests(plan, "rr-ra")

    assert written("a.npz", 1) == written("b.npz", 1)
    name, runs = written("a.npz", 2)
    assert name != written("b.npz", 1)[0]
    assert set(runs).isdisjoint(written("b.npz", 1)[1])
