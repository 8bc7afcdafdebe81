"""docs/how-to/read-numbers-in-python.md: its examples run, one after the other, and say what they say they do."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

import exaggerated_replay
from exaggerated_replay import cli
from exaggerated_replay.planning.compose import compose_values, write_params
from exaggerated_replay.store.start import plan_path, write_plan

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/how-to/read-numbers-in-python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SMALL = ["study=table1", "study.name=default", "study.seeds=2", "compute=cpu"]
GRID = ["study.grids.table1=[{arm:[bir-si,rr-ra]}]", "training.iterations=30"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which the workflow's jobs have trained a small study."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        shutil.copytree(REPOSITORY / "conf", "conf")
        plan = write_params(Path("conf"), [*SMALL, *GRID], Path("params.yaml"))
        write_plan(plan, Path("params.yaml").read_text())
        written = ["--plan", str(plan_path(plan))]
        for command in (
            ["fetch", *written, plan.source.name],
            ["prepare", *written, plan.source.name],
            ["split", *written],
            ["train", *written, "1"],
            ["study", *written],
        ):
            assert cli.main(command) == 0
    return folder


def test_the_examples_run_and_say_what_the_page_says(trained, monkeypatch):
    monkeypatch.chdir(trained)
    names = {}
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        assert len(block.strip().splitlines()) <= 11
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 (the page is ours)

    # The losses once more, by their definitions.
    who, distances = names["who"], names["distances"]
    means = names["sums"] / names["counts"].clamp_min(1).unsqueeze(1)
    own = who.probabilities.argmax(1)
    by_hand = torch.stack(
        [0.5 * (x - means[c]).square().mean() for x, c in zip(names["reconstruction"], own, strict=True)]
    )
    torch.testing.assert_close(names["ra"], by_hand.mean())
    rivals = [(i, c) for i, c in who.rivals.nonzero().tolist() if names["counts"][c] > 0]
    torch.testing.assert_close(names["rr"], torch.stack([1 / distances[i, c] for i, c in rivals]).mean())

    # The accuracy of the model loaded is the one in its record, and in the table.
    counts = names["run"].record["counts"]
    assert names["accuracy"] == pytest.approx(sum(counts["correct"][-1]) / sum(counts["tested"]))
    row = names["runs"].query("cell == 'rr-ra' and seed == 0").iloc[0]
    assert row["overall"] == pytest.approx(100 * names["accuracy"], abs=0.01)
    assert names["dreams"].shape == (16, 64)
    assert set(names["classes"].tolist()) <= set(range(10))
    assert list(names["difference"].index) == [0, 1]
    assert isinstance(names["means"], pd.DataFrame)
    seeds = {run.seed for run in names["plan"].runs}
    assert seeds == {100, 101, 102, 103, 104}
    assert len(names["missing"]) == len(names["plan"].runs)


def test_every_public_name_is_there_and_nothing_is_loaded_before_it_is_used():
    assert set(dir(exaggerated_replay)) == set(exaggerated_replay.__all__)
    for name in exaggerated_replay.__all__:
        assert getattr(exaggerated_replay, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute nonsense"):
        exaggerated_replay.nonsense  # noqa: B018


def test_the_names_on_the_page_are_all_public_ones():
    imported = re.findall(r"from exaggerated_replay import (.*)", "\n".join(BLOCKS))
    used = {name.strip() for line in imported for name in line.split(",")}
    assert used <= set(exaggerated_replay.__all__)
    assert compose_values is exaggerated_replay.compose_values
