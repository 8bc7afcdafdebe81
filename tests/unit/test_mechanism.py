"""Tables of mechanism: what they say of arrays whose numbers are known by hand."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from studies import planned, whole

from exaggerated_replay.analysis.mechanism.confusions import TOP
from exaggerated_replay.analysis.mechanism.tables import linear_cka, mechanism_tables
from exaggerated_replay.analysis.mechanism.traces import square
from exaggerated_replay.errors import UserError

TASKS = [[2, 0], [3], [1]]  # tasks of 2, 1 and 1 classes; label 0 is class 2, label 1 class 0, ...


def gram(values):
    centred = values - values.mean(0)
    return (centred @ centred.T)[np.triu_indices(len(values))]


def arrays(shift=0.0, seed=0, confusion=None):
    """Return the traces of a run with three tasks; `shift` moves what the losses may change."""
    points = np.random.default_rng(seed).normal(size=(8, 3))
    nan = np.nan
    return {
        "confusion": np.array(confusion or [[6, 4, 0, 0], [0, 10, 0, 0], [0, 0, 5, 5], [1, 0, 0, 9]], dtype=np.int32),
        # pairs 01 02 03 12 13 23
        "distance.inputs": np.array([1, 2, 3, 4, 5, 6], dtype=np.float16),
        "distance.hidden.1": np.array([2], dtype=np.float16),
        "distance.hidden.2": np.array([1 + shift, 2, 3], dtype=np.float16),
        "distance.hidden.3": np.array([1 + shift, 2, 3, 4, 5, 6], dtype=np.float16),
        "competition.1": np.array([[0, 3], [0, 0]], dtype=np.int16),
        "competition.2": np.array([[0, 3, 0], [0, 0, 0], [0, 0, 0]], dtype=np.int16),
        "competition.3": np.array([[0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=np.int16),
        **{f"gram.{task}": gram(points).astype(np.float16) for task in (1, 2, 3)},
        "frechet": np.array([[4, 2, nan, nan], [6, 4, 1, nan], [8, 6, 3, 2]], dtype=np.float16) + np.float16(shift),
        "precision": np.full((3, 4), 0.5, dtype=np.float16),
        "recall": np.full((3, 4), nan, dtype=np.float16),
        "agreement": np.ones((3, 4), dtype=np.float16),
        "gradient.repulsion": np.array([nan, 2, 3], dtype=np.float32),
        "gradient.reconstruction_replayed": np.array([nan, 4, 1], dtype=np.float32),
        "gradient.distillation": np.array([nan, 8, 0], dtype=np.float32),
    }


@pytest.fixture
def study(tmp_path):
    """Return the function that writes runs of two cells (cell -> seed -> arrays), and makes the tables of the two."""

    def make(traced, devices=None, diverged=(), tasks=None):
        cells, runs = {}, {}
        for cell, seeds in traced.items():
            cells[cell] = {"runs": [{"seed": s, "directory": f"results/runs/{cell}-s{s}"} for s in seeds]}
            for seed, found in seeds.items():
                name = f"{cell}-s{seed}"
                runs[name] = {"tasks": (tasks or {}).get(cell, TASKS)}
                (tmp_path / name).mkdir()
                record = {
                    "environment": {"device": (devices or {}).get(name, "cpu"), "torch": "2.0"},
                    "diverged": {"task": 2} if name in diverged else None,
                }
                (tmp_path / name / "record.json").write_text(json.dumps(whole(record)))
                if isinstance(found, bytes):
                    (tmp_path / name / "traces.safetensors").write_bytes(found)
                elif found is not None:
                    save_file(found, tmp_path / name / "traces.safetensors")
        grid = [{"cell": "base", "baseline": None, "settings": {}}, {"cell": "new", "baseline": "base", "settings": {}}]
        return mechanism_tables(planned({"cells": cells, "runs": runs, "grids": {"one": grid}}), tmp_path)

    return make


def of(table, cell, **place):
    for key, value in place.items():
        table = table[table[key] == value]
    (row,) = table[table["cell"] == cell].to_dict("records")
    return row


def test_distances_are_relative_to_all_pairs_and_pairs_are_the_baselines(study):
    treated = arrays(shift=2.0) | {"competition.3": np.ones((4, 4), dtype=np.int16)}  # its own rivals do not count
    tables = study({"base": {0: arrays(), 1: arrays()}, "new": {0: treated, 1: arrays(shift=4.0)}})
    table = tables["distances"]
    row = of(table, "base", task=3, space="hidden")
    # Pairs 01 and 23 compete: 1 and 6 of 1 ... 6, whose mean is 3.5.
    assert row["pairs"] == 2 and row["seeds"] == 2
    assert row["competing"] == pytest.approx(3.5 / 3.5)
    assert row["others"] == pytest.approx((2 + 3 + 4 + 5) / 4 / 3.5)
    assert np.isnan(row["difference"])
    # With the losses 3 and 6 of 3, 2, 3, 4, 5, 6 (mean 23/6), and 5 and 6 with mean 25/6.
    row, change = of(table, "new", task=3, space="hidden"), np.array([4.5 / (23 / 6), 5.5 / (25 / 6)]) - 1
    assert row["pairs"] == 2
    assert row["difference"] == pytest.approx(change.mean())
    assert row["high"] - row["low"] == pytest.approx(2 * 12.7062 * change.std(ddof=1) / 2**0.5, rel=1e-5)  # t, 1 df
    # After task 2 labels 0, 1, 2 are known; among the inputs their pairs are 1, 2 and 4.
    assert of(table, "base", task=2, space="inputs")["competing"] == pytest.approx(1 / (7 / 3))
    assert table[table["task"] == 1].empty  # a single pair is not compared with anything


def test_similarity_of_rotated_copies_is_one_and_of_orthogonal_patterns_none(study):
    draw = np.random.default_rng(3)
    values = draw.normal(size=(8, 3))
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    one, rotated = square(gram(values), 8, diagonal=True), square(gram(5 * values @ rotation + 1), 8, diagonal=True)
    assert linear_cka(one, rotated) == pytest.approx(1)
    signs = np.array([[1, 1, -1, -1], [1, -1, 1, -1]])[:, :, None]
    assert linear_cka(*(square(gram(s), 4, diagonal=True) for s in signs)) == pytest.approx(0, abs=1e-12)
    tables = study({"base": {0: arrays()}, "new": {0: arrays()}})
    assert tables["similarity"]["cka"].tolist() == pytest.approx([1] * 3, abs=1e-3)
    assert set(tables["similarity"]["cell"]) == {"new"}


def test_linear_cka_as_its_definition_says():
    draw = np.random.default_rng(4)
    x, y = draw.normal(size=(9, 4)), draw.normal(size=(9, 2))
    x, y = x - x.mean(0), y - y.mean(0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(square(gram(x), 9, diagonal=True), square(gram(y), 9, diagonal=True)) == pytest.approx(expected)


def test_confusions_are_named_by_original_classes_and_sorted_by_how_they_changed(study):
    after = [[9, 1, 0, 0], [0, 8, 2, 0], [0, 0, 5, 5], [1, 0, 0, 9]]
    table = study({"base": {0: arrays()}, "new": {0: arrays(confusion=after)}})["confusions"]
    columns = ["true_class", "assigned_class", "baseline_percent", "percent", "difference"]
    # Label 1 is class 0, label 2 class 3, label 0 class 2.
    assert table[columns].to_numpy().tolist() == [[0, 3, 0, 20, 20], [2, 0, 40, 10, -30]]
    assert set(table["cell"]) == {"new"} and TOP >= 1


def test_quality_of_replay_by_the_age_of_a_class(study):
    table = study({"base": {0: arrays()}, "new": {0: arrays(shift=1.0)}})["replay_quality"]
    # Just learned: labels 0 and 1 after task 1, label 2 after task 2, label 3 after task 3.
    assert of(table, "base", age=0)["frechet"] == pytest.approx((4 + 2 + 1 + 2) / 4)
    assert of(table, "base", age=1)["frechet"] == pytest.approx((6 + 4 + 3) / 3)
    assert of(table, "base", age=2)["frechet"] == pytest.approx((8 + 6) / 2)
    row = of(table, "new", age=2)
    assert (row["precision"], row["agreement"], row["difference"]) == (0.5, 1, 1)
    assert np.isnan(row["recall"])


def test_ratios_of_gradients(study):
    table = study({"base": {0: arrays()}, "new": {0: arrays()}})["gradients"]
    row = of(table, "new", task=2)
    assert (row["repulsion"], row["repulsion_to_reconstruction"], row["repulsion_to_distillation"]) == (2, 0.5, 0.25)
    assert np.isnan(of(table, "new", task=1)["repulsion"])
    assert np.isnan(of(table, "new", task=3)["repulsion_to_distillation"])  # nothing to compare with
    assert "attraction_to_distillation" not in table


def test_a_partner_that_learned_other_tasks_is_compared_with_nothing(study):
    found = study({"base": {0: arrays()}, "new": {0: arrays()}}, tasks={"base": [[2, 0, 3, 1]]})
    for name in ("distances", "replay_quality"):
        ours = found[name][found[name]["cell"] == "new"]
        assert len(ours) and ours["difference"].isna().all()
    assert not {"similarity", "confusions"} & set(found)


def test_what_is_missing_is_left_out(study):
    tables = study(
        {"base": {0: arrays(), 1: None, 2: arrays(), 3: arrays()}, "new": dict.fromkeys(range(4), arrays())},
        devices={"new-s2": "cuda"},
        diverged={"new-s3"},
    )
    assert of(tables["distances"], "base", task=3, space="hidden")["seeds"] == 3
    assert of(tables["distances"], "new", task=3, space="hidden")["seeds"] == 1


def test_a_method_that_only_classifies_has_the_tables_that_make_sense(study):
    classifier = {name: value for name, value in arrays().items() if name.split(".")[0] in ("confusion", "gram")}
    changed = classifier | {"confusion": np.diag([10, 10, 10, 10]).astype(np.int32)}
    assert set(study({"base": {0: classifier}, "new": {0: changed}})) == {"similarity", "confusions"}


def test_without_traces_there_are_no_tables(study):
    assert study({"base": {0: None}, "new": {0: None}}) == {}


def test_damaged_traces_are_named(study):
    with pytest.raises(UserError, match=r"base-s0/traces.safetensors is damaged: delete .*base-s0 and run"):
        study({"base": {0: b"not these"}})
