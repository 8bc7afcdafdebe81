"""Data, tasks, methods and figures of one's own, added as the documentation says."""

import hashlib
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from exaggerated_replay.training.loading import open_run

ONE_TABLE = ["~study.grids.convergence", "study.grids.table1=[{arm: [bir-si, rr-ra]}]"]


def records(clone):
    return [json.loads(path.read_text()) for path in sorted((clone.path / "results/runs").glob("*/record.json"))]


# ---------------------------------------------------------------- tasks


def test_tasks_of_uneven_sizes_in_an_order_of_ones_own_on_seeds_of_ones_own(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    order = [9, 1, 8, 2, 7, 3, 6, 4, 5, 0]
    clone.compose("dataset.tasks=[4,2,2,2]", f"dataset.class_order={order}", "study.seeds=[7,11]", *ONE_TABLE)
    clone.snakemake()

    (prepared,) = (clone.path / "data/prepared").iterdir()
    with np.load(prepared) as arrays:
        tested = np.bincount(arrays["y_test"])[order]
        trained = np.bincount(arrays["y_train"])[order]
    found = records(clone)
    assert sorted(record["settings"]["seed"] for record in found) == [7, 7, 11, 11]
    for record in found:
        assert record["settings"]["tasks"] == [[9, 1, 8, 2], [7, 3], [6, 4], [5, 0]]
        assert record["counts"]["tested"] == tested.tolist()
        correct = np.array(record["counts"]["correct"])
        for seen, after in zip((4, 6, 8, 10), correct, strict=True):
            assert not after[seen:].any()
    splits = [json.loads(path.read_text()) for path in (clone.path / "data/splits/digits").iterdir()]
    assert sorted(split["seed"] for split in splits) == [7, 11]
    for split in splits:
        assert [task["classes"] for task in split["tasks"]] == [[9, 1, 8, 2], [7, 3], [6, 4], [5, 0]]
        assert [task["train"] for task in split["tasks"]] == [
            trained[a:b].sum() for a, b in ((0, 4), (4, 6), (6, 8), (8, 10))
        ]

    # The first 20 % of classes are the first two of ten, whatever the tasks.
    runs = pd.read_csv(clone.path / "results/tiny/runs.csv").set_index(["cell", "seed"])
    for record in found:
        cell = {"bir": "bir-si", "exaggeration": "rr-ra"}[record["settings"]["method"]["method"]]
        last = np.array(record["counts"]["correct"][-1])
        scores = runs.loc[(cell, record["settings"]["seed"])]
        assert scores["first20"] == pytest.approx(100 * last[:2].sum() / tested[:2].sum(), abs=1e-2)
        assert scores["overall"] == pytest.approx(100 * last.sum() / tested.sum(), abs=1e-2)
    assert (clone.path / "results/tiny/print/accuracy_matrix.png").stat().st_size
    assert "| Tasks | 4 of 4, 2, 2, 2 classes |" in (clone.path / "results/tiny/README.md").read_text()


# ---------------------------------------------------------------- data


@pytest.mark.parametrize(
    ("shape", "hyper", "image_values"),
    [
        ((6,), ["hyper=split_cifar100", "dataset.image_values=3072"], 3072),
        ((3, 2), [], 6),
    ],
    ids=["features of images", "images"],
)
def test_a_file_of_images_or_feature_vectors_will_do(fresh, tmp_path, shape, hyper, image_values):
    clone = fresh.copy(tmp_path / "clone")
    draw = np.random.default_rng(0)
    y = {"train": np.arange(80) % 4, "test": np.arange(24) % 4}
    centres = draw.uniform(50, 200, (4, *shape)) if len(shape) == 2 else 3 * draw.normal(size=(4, *shape))
    kind = "uint8" if len(shape) == 2 else "float32"
    x = {part: (centres[labels] + draw.normal(size=(len(labels), *shape))).astype(kind) for part, labels in y.items()}
    own = tmp_path / "mine.npz"
    np.savez(own, **{f"x_{part}": x[part] for part in x}, **{f"y_{part}": y[part] for part in y})
    sizes = ["model.units=12", "training.iterations=60", "training.batch=16", "training.learning_rate=0.01"]
    clone.compose(
        "dataset=npz", f"dataset.source={own}", "dataset.tasks=2", *hyper, *sizes, "study.seeds=1", *ONE_TABLE
    )
    clone.snakemake()

    strengths = yaml.safe_load(
        (clone.path / f"conf/hyper/{'split_cifar100' if hyper else 'split_mnist'}.yaml").read_text()
    )
    for record in records(clone):
        method = record["settings"]["method"]
        assert record["settings"]["image_values"] == image_values  # what divides the variational loss
        assert method["gate_proportion"] == strengths["arms"]["bir-si"]["gate_proportion"]
        assert record["problem"]["inputs"] == 6
    # The classes are those of the file: what a checkpoint takes its test images for is what was counted.
    inputs = torch.from_numpy(x["test"].astype("float32")).flatten(1) / (255 if kind == "uint8" else 1)
    for path in sorted((clone.path / "results/runs").iterdir()):
        run = open_run(path)
        taken = run.classify(inputs).numpy()
        right = [int((taken[y["test"] == k] == k).sum()) for k in run.settings.class_order]
        assert right == run.record["counts"]["correct"][-1]
        assert sum(right) > 6  # more than one class of four, so that no mix-up of classes can pass
    for name in ("plan.json", "params.yaml", "tables/table1.md"):  # paths decide nothing, and are nobody's business
        assert str(tmp_path) not in (clone.path / "results/tiny" / name).read_text()
    table = (clone.path / "results/tiny/tables/table1.md").read_text()
    assert "Data: mine.npz" in table and "cifar100" not in table
    assert "not the data set of the paper" in table


READER = '''\
"""A table of integers: the label and its pixels in every row; every fifth row is a test image."""

import numpy as np

from exaggerated_replay.data.readers import only

VERSION = 1
WHITE = 9


def read(files):
    """Read the only file."""
    table = np.loadtxt(only(files), dtype=np.int64, delimiter=",")
    x, y, test = table[:, 1:].astype(np.uint8), table[:, 0], np.arange(len(table)) % 5 == 4
    return {"x_train": x[~test], "y_train": y[~test], "x_test": x[test], "y_test": y[test]}
'''


def test_a_data_set_in_a_format_of_its_own_changes_no_run(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    clone.compose("study=methods", "study.seeds=1")
    before = clone.plan()["runs"]
    assert {run["method"]["method"] for run in before.values()} == methods(clone)

    table = np.random.default_rng(0).integers(0, 10, (60, 5))
    table[:, 0] = np.arange(60) % 4
    (tmp_path / "mirror").mkdir()
    np.savetxt(tmp_path / "mirror/rows.csv", table, fmt="%d", delimiter=",")
    (clone.path / "src/exaggerated_replay/data/readers/rows.py").write_text(READER)
    text = (clone.path / "conf/dataset/digits.yaml").read_text()
    described = yaml.safe_load(text)
    checksum = hashlib.sha256((tmp_path / "mirror/rows.csv").read_bytes()).hexdigest()
    described["dataset"] |= {"name": "rows", "reader": "rows", "files": {"rows.csv": f"sha256:{checksum}"}}
    described["dataset"] |= {"mirrors": [str(tmp_path / "mirror")], "classes": 4, "superclasses": None, "tasks": 2}
    described["dataset"]["content"] = "0" * 64  # nobody knows it yet: the refusal says it
    (clone.path / "conf/dataset/rows.yaml").write_text(f"# @package _global_\n{yaml.safe_dump(described)}")

    clone.compose("study=methods", "study.seeds=1")
    assert clone.plan()["runs"] == before
    clone.compose("dataset=rows")
    refused = clone.snakemake("data", check=False)
    assert refused.returncode
    described["dataset"]["content"] = re.search(r"their digest is (\w{64})", refused.output).group(1)
    (clone.path / "conf/dataset/rows.yaml").write_text(f"# @package _global_\n{yaml.safe_dump(described)}")
    clone.compose("dataset=rows")
    clone.snakemake("data")
    (prepared,) = (clone.path / "data/prepared").iterdir()
    with np.load(prepared) as arrays:
        found = np.column_stack([arrays["y_test"], arrays["x_test"]])
    np.testing.assert_array_equal(sorted(found.tolist()), sorted(table[4::5].tolist()))


# ---------------------------------------------------------------- methods

SETTINGS = '''\
"""Plain sequential learning from a part of the loss."""

from dataclasses import dataclass
from typing import Literal

from exaggerated_replay.settings.base import Share
from exaggerated_replay.settings.run import MethodSettings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Settings(MethodSettings):
    """How much of the loss counts."""

    method: Literal["scaled"]
    share: Share
'''
METHOD = '''\
"""Plain sequential learning from a part of the loss."""

from torch import Tensor

from exaggerated_replay.learning.method import Method


class Scaled(Method):
    """The plain classifier; its loss counts in part."""

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the share of the cross-entropy."""
        return self.settings.share * super().loss(x, y)


METHOD = Scaled
'''
# Tests that know all methods, all settings or all arms.
INVENTORIES = [
    "tests/unit/test_settings.py",
    "tests/unit/test_versions.py::test_every_part_of_the_code_has_a_version_in_the_lock",
    "tests/unit/test_compose.py::test_the_committed_parameters_are_what_conf_composes_by_itself",
]


def methods(clone):
    return {path.parent.name for path in (clone.path / "src/exaggerated_replay/methods").glob("*/method.py")}


def test_a_method_is_two_files_and_a_line(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    clone.compose("study=methods", "study.seeds=1")
    before = clone.plan()["runs"]
    folder = clone.path / "src/exaggerated_replay/methods/scaled"
    folder.mkdir()
    (folder / "__init__.py").write_text(SETTINGS)
    (folder / "method.py").write_text(METHOD)
    with (clone.path / "conf/arms.yaml").open("a") as arms:
        arms.write("  scaled: {method: scaled, share: 0.5}\n")
    clone.run(sys.executable, "-m", "tools.versions", "renew")
    clone.compose("study=methods", "study.seeds=1")
    assert clone.plan()["runs"] == before
    clone.compose()
    clone.commit("a method")

    for command in (["-m", "pytest", "-q", "-p", "no:cacheprovider", *INVENTORIES], ["-m", "ruff", "check", "src"]):
        clone.run(sys.executable, *command)
    clone.run("lint-imports", "--no-logo")
    clone.compose(
        ONE_TABLE[0], "study.grids.table1=[{arm: [bir-si, scaled]}]", "study.treatment=scaled", "study.seeds=1"
    )
    clone.snakemake()
    ours = [record for record in records(clone) if record["settings"]["method"]["method"] == "scaled"]
    assert [record["settings"]["method"]["share"] for record in ours] == [0.5]
    assert "scaled" in (clone.path / "results/tiny/tables/table1.md").read_text()


# ---------------------------------------------------------------- kinds of figures

BARS = '''\
"""The accuracy of every cell of a grid as a bar."""

from matplotlib.figure import Figure

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.sheet import SINGLE


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw a bar for each cell: its mean accuracy on all classes."""
    cells = [row.cell for row in study.plan.grid(grid)]
    figure = Figure(figsize=(SINGLE, 2.0), layout="constrained")
    figure.subplots().barh(cells, [study.cell_runs(cell)["overall"].mean() for cell in cells])
    return figure
'''
ROW = '    Question("bars", "Accuracy in bars", plain=lambda rows, cells: False),\n'


def test_a_kind_of_figure_is_a_row_a_module_and_its_caption(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    package = clone.path / "src/exaggerated_replay"
    table = (package / "planning/questions.py").read_text()
    assert table.count("QUESTIONS = (\n") == 1
    (package / "planning/questions.py").write_text(table.replace("QUESTIONS = (\n", f"QUESTIONS = (\n{ROW}"))
    (package / "figures/bars.py").write_text(BARS)
    (package / "report/captions/bars.rst").write_text("The longer a bar, the more was right. It starts at zero.\n")
    inventories = ["tests/unit/test_figures.py", "-k", "every_kind_of_figure"]
    clone.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *inventories)
    clone.run(sys.executable, "-m", "ruff", "check", "src")
    clone.run("lint-imports", "--no-logo")

    clone.compose(*ONE_TABLE, "+study.figures.table1=bars", "study.seeds=1")
    clone.snakemake()
    folder = clone.path / "results/tiny"
    assert (folder / "print/table1.svg").is_file() and (folder / "figures/table1.png").is_file()
    for page in ("README.md", "report.html"):
        text = (folder / page).read_text()
        assert "Accuracy in bars" in text and "The longer a bar, the more was right." in text
