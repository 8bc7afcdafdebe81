"""docs/tutorial.md, typed from its first block to its last in a clone."""

import re

import pandas as pd
import pytest

from tests.integration.conftest import REPOSITORY

BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", (REPOSITORY / "docs/tutorial.md").read_text("utf-8"), re.DOTALL)


def test_the_hour(fresh, tmp_path, monkeypatch):
    clone = fresh.copy(tmp_path / "clone")
    monkeypatch.chdir(clone.path)
    names, said = {}, []
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "docs/tutorial.md", "exec"), names)  # noqa: S102 (the page is ours)
        else:
            said.append(clone.run("bash", "-ec", text).output)
    method, study, choice, comparison = said[0], said[1], said[2], said[3]
    assert method == ""
    assert study.count("ends in the same bits") == 2
    assert "a GPU may record it" in study
    assert re.search(r"agem-memory_per_class20 is chosen|agem-memory_per_class1 is chosen", choice)
    assert "agem against er: 3 seeds" in comparison

    folder = clone.path / "results/one"
    runs = pd.read_csv(folder / "runs.csv")
    assert set(runs["arm"]) == {"er", "agem", "lwf", "joint"}
    learning = pd.read_csv(folder / "learning.csv").set_index(["cell", "after_task"])
    assert learning.loc[("agem", 4), "classes"] == 25
    # What the page takes from the library is what the tables say.
    mean = runs[runs["cell"] == "agem"].set_index("seed")
    assert names["final"].loc["agem", 4] == pytest.approx(mean["task4"].mean(), abs=0.01)
    assert names["seen"].loc[4, "agem"] == pytest.approx(learning.loc[("agem", 4), "accuracy"], abs=0.01)
    accuracies = names["told_the_task"]
    assert all(
        told >= free - 0.01
        for told, free in zip(accuracies, mean.loc[0, ["task1", "task2", "task3", "task4"]], strict=True)
    )
    assert (clone.path / "curve.pdf").stat().st_size
    assert (folder / "selection.csv").exists() is False
    chosen = pd.read_csv(clone.path / "results/selected/selection.csv")
    tried = {"agem", "agem-memory_per_class1", "agem-memory_per_class20"}
    assert len(chosen["cell"].unique()) >= 2 and {*chosen["cell"]} <= tried
    assert "agem" in (folder / "tables/one.tex").read_text()
    latex = (clone.path / "one.tex").read_text()
    assert latex.startswith("\\begin{table*}") and "\\label{tab:one}" in latex and "\\toprule" in latex
    assert names["figure"].get_size_inches() == pytest.approx([7, 2.5])
    assert "A-GEM (ours)" in [text.get_text() for text in names["figure"].legends[0].get_texts()]
    assert (clone.path / "forgetting.pdf").stat().st_size
