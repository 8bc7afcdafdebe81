"""What a job would find out after hours, the plan says before anything starts."""

import re
from contextlib import nullcontext
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from plans import PLAIN, plan_with
from safetensors.torch import save_file

from exaggerated_replay.data.prepare import prepare
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.architectures import named_here
from exaggerated_replay.features.encoder import ConvEncoder
from exaggerated_replay.learning.method import build_method
from exaggerated_replay.planning.encoder_file import check_weights, published_shapes, shapes
from exaggerated_replay.settings.methods import method_names, settings_of, use_own

ARMS = {name: {"method": name} for name in ("none", "joint", "slda", "gaussians")}


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Plan an arm on a file whose classes have 3, 5, 4 and 8 training samples, in tasks of two classes."""
    monkeypatch.chdir(tmp_path)
    y = np.repeat(np.arange(4), [3, 5, 4, 8])
    x = np.arange(20 * 5, dtype=np.float32).reshape(20, 5)
    np.savez("mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)

    def make(batch, arm="none", methods=(), **dataset):
        own = {"name": "npz", "reader": "npz", "source": "mine.npz", "tasks": 2, "class_order": [0, 1, 2, 3], **dataset}
        arms = {**ARMS, **{name: {"method": name} for name in methods}}
        changes = {"dataset": own, "arms": arms, "training.batch": batch, "focus": arm, "study.baseline": "gaussians"}
        changes |= {"study.treatment": arm, "methods": dict(methods)}
        return plan_with(changes, grids={"g": [{"arm": ["gaussians", arm]}]})

    return make


def test_a_task_smaller_than_the_batch_is_named(planned):
    assert len(planned(8).runs) == 4
    with pytest.raises(UserError, match=r"training\.batch is 9, but task 1 of seed 0 has only 8 training samples"):
        planned(9)
    with pytest.raises(UserError, match=r"task 1 of seed 0 .* a batch of at most 8, or larger tasks"):
        planned(100)


def test_names_for_other_classes_than_the_file_has_are_refused(planned):
    assert planned(8, class_names=["a", "b", "c", "d"]).runs
    with pytest.raises(UserError, match=r"^params.yaml: dataset\.class_names has 2 names, but there are 4 classes"):
        planned(8, class_names=["a", "b"])


def test_a_class_smaller_than_the_batch_is_named_where_it_is_a_task(planned):
    assert planned(3, tasks=4).runs
    with pytest.raises(UserError, match=r"training\.batch is 4, but task 2 of seed 0 has only 3 training samples"):
        planned(4, tasks=4, class_order=[3, 0, 2, 1])


def test_joint_training_draws_from_all_tasks_so_far_and_statistics_from_none(planned):
    assert planned(8, "joint", tasks=4, class_order=[3, 0, 2, 1]).runs
    with pytest.raises(UserError, match=r"training\.batch is 9, but task 1 of seed 0 has only 8 training samples"):
        planned(9, "joint", tasks=4, class_order=[3, 0, 2, 1])
    assert planned(1000, "slda").runs


def test_samples_that_are_held_out_are_not_learned_from(planned):
    assert planned(4, validation=0.5).runs  # 3 - 2 and 5 - 2: halves are rounded to even numbers, as `prepare` does
    with pytest.raises(UserError, match=r"training\.batch is 5, but task 1 of seed 0 has only 4 training samples"):
        planned(5, validation=0.5)


def test_what_is_held_out_is_what_preparing_holds_out(planned, tmp_path):
    prepare("npz", {"mine.npz": tmp_path / "mine.npz"}, tmp_path / "out.npz", validation=0.5)
    with np.load(tmp_path / "out.npz") as made:
        assert np.bincount(made["y_train"]).tolist() == [1, 3, 2, 4]


def test_a_share_that_leaves_a_class_empty_is_named(planned):
    with pytest.raises(UserError, match=r"^dataset\.validation is 0\.9, which leaves 3 of the 3 .* of class 0 to"):
        planned(2, validation=0.9)


def test_published_data_are_counted_once_they_are_prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changes = {"training.batch": 64, "dataset.tasks": 5}
    path = plan_with(changes, grids={"g": PLAIN}).source.prepared  # nothing is known yet
    path.parent.mkdir(parents=True)
    y = np.repeat(np.arange(10), 30)
    np.savez(path, y_train=y)
    with pytest.raises(UserError, match=r"training\.batch is 64, but task 1 of seed 0 has only 60 training samples"):
        plan_with(changes, grids={"g": PLAIN})
    assert plan_with({**changes, "training.batch": 60}, grids={"g": PLAIN}).runs
    path.write_bytes(path.read_bytes()[:-100])  # a damaged file is made again
    assert plan_with(changes, grids={"g": PLAIN}).runs


BATCHES = {"joint": (range(1, 4), 7), "slda": (range(3, 4), 0), "gaussians": (range(3, 4), 0)}


@pytest.mark.parametrize("name", method_names())
def test_batches_of_a_task_come_from_it_alone_but_for_joint_training_and_statistics_have_none(name):
    """What decides it is in no version's code: it must not change unseen."""
    method, its = import_module(f"exaggerated_replay.methods.{name}.method").METHOD, SimpleNamespace()
    its.settings = settings_of(name)
    assert (method.pool(its, 3), method.steps(its, 7)) == BATCHES.get(name, (range(3, 4), 7))


OWN = """
from dataclasses import dataclass
from exaggerated_replay.learning.method import Method
from exaggerated_replay.settings.run import MethodSettings
@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    draws_from = {draws_from!r}
METHOD = Method
"""


@pytest.mark.parametrize(
    ("draws_from", "pool", "steps", "told"),
    [
        ("task", range(2, 3), 7, "training.batch is 4, but task 2 of seed 0 has only 3 training samples"),
        ("tasks so far", range(1, 3), 7, None),
        ("nothing", range(2, 3), 0, None),
    ],
)
def test_a_method_of_ones_own_says_in_one_place_what_its_batches_are_drawn_from(
    draws_from, pool, steps, told, planned, new_problem, tmp_path
):
    own = tmp_path / "own.py"
    own.write_text(OWN.format(draws_from=draws_from))
    with pytest.raises(UserError, match=re.escape(told)) if told else nullcontext():
        planned(4, "mine", {"mine": str(own)}, tasks=4, class_order=[3, 0, 2, 1])
    method = build_method("mine", new_problem(), settings_of("mine")(method="mine"))
    assert (method.pool(2), method.steps(7)) == (pool, steps)
    use_own({})


# ---------------------------------------------------------------- the encoder's file


def test_the_shapes_of_conv5_are_those_of_the_network():
    assert shapes() == {name: tuple(value.shape) for name, value in ConvEncoder().state_dict().items()}


def test_under_the_names_of_the_publication_too():
    tensors = {name: torch.zeros(shape) for name, shape in published_shapes().items()}
    ConvEncoder().load_state_dict(named_here(tensors))


@pytest.mark.parametrize("wanted", [shapes, published_shapes])
def test_a_right_file_is_taken(tmp_path, wanted):
    save_file({name: torch.zeros(shape) for name, shape in wanted().items()}, tmp_path / "w.safetensors")
    check_weights(tmp_path / "w.safetensors", "conv5")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"0.weight": torch.zeros(8, 3, 3, 3)},
            r"0\.weight is of shape \[16, 3, 3, 3\], while here it is of shape \[8",
        ),
        ({"12.bias": None}, r"12\.bias is of shape \[256\], while here it is missing"),
        ({"fc.weight": torch.zeros(2)}, r"fc\.weight is no part of it, while here it is of shape \[2\]"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence_that_names_what_is_wrong(tmp_path, changes, said):
    tensors = {name: torch.zeros(shape) for name, shape in shapes().items()} | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=rf"encoder\.weights: .*w\.safetensors does not hold .* conv5, in which {said}"):
        check_weights(tmp_path / "w.safetensors", "conv5")
    check_weights(tmp_path / "w.safetensors", "resnet18")  # what that is made of, only torchvision knows


def test_a_file_that_is_cut_off_cannot_be_read_for_any_architecture(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="does not hold weights that can be read"):
        check_weights(path, "resnet18")


# ---------------------------------------------------------------- an experiment in a copy


def test_in_an_experiments_copy_a_missing_file_is_explained(tmp_path, monkeypatch):
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmp1"
    copy.mkdir(parents=True)
    own = {"name": "npz", "reader": "npz", "source": "mine.npz", "tasks": 2}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"dataset\.source: there is no file mine\.npz$"):
        plan_with({"dataset": own})
    monkeypatch.chdir(copy)
    with pytest.raises(UserError, match=r"no file mine\.npz; this experiment runs in a copy.* with `-C mine\.npz`$"):
        plan_with({"dataset": own})
    with pytest.raises(UserError, match=r"there is no file .*/mine\.npz$"):
        plan_with({"dataset": {**own, "source": str(tmp_path / "mine.npz")}})
