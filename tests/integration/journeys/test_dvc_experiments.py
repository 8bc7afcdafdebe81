"""Variants: DVC composes, trains what is new, and shows the difference."""

import re
import shutil
import time

import numpy as np
import pytest
import yaml

from tests.integration.conftest import REPOSITORY

TRAINED = re.compile(r"^((?:bir|exaggeration)-s\d+-[0-9a-f]{10})  task", re.MULTILINE)


def trained(output):
    """Return the runs whose training an output shows."""
    return set(TRAINED.findall(output))


def test_two_variants_are_compared_as_the_readme_says(recorded, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    before = clone.runs()
    for name, cell in (("baseline", "bir-si"), ("rr-ra", "rr-ra")):
        clone.run("dvc", "exp", "run", "-n", name, "-S", f"focus={cell}")
    assert clone.runs() == before

    shown = clone.run("dvc", "metrics", "diff", "--all", "--no-path", "--md", "baseline", "rr-ra").stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.strip().splitlines()]
    assert rows[0] == ["Metric", "baseline", "rr-ra", "Change"]
    shown = {row[0]: row[1:] for row in rows[2:]}
    table = {key: [float(value) for value in shown[key]] for key in ("first20", "first50", "overall")}
    assert shown["difference.first20.mean"][0] == "-"  # the baseline is compared with nothing
    assert float(shown["difference.first20.mean"][1]) == pytest.approx(table["first20"][2], abs=0.011)
    means = yaml.safe_load((clone.path / "results/tiny/metrics.json").read_text())
    for key, (base, treated, change) in table.items():
        assert base == means["bir-si"][key]["mean"]
        assert treated == means["rr-ra"][key]["mean"]
        assert abs(treated - base - change) < 1e-6

    shown = clone.run(
        *["dvc", "exp", "show", "--only-changed", "--hide-workspace", "--md"],
        *[
            "--keep",
            "first|overall",
            "--drop",
            ".*/|conf$|params.yaml|composed_with|forgetting|macro|baseline|difference",
        ],
    ).stdout
    header = [cell.strip() for cell in shown.splitlines()[0].strip("|").split("|")]
    header = [column for column in header if column != "Created"]  # left out where all were made in the same minute
    assert header == ["Experiment", "first20", "first50", "overall", "focus"]
    assert {"baseline", "rr-ra", "bir-si"} <= set(re.findall(r"[\w-]+", shown))

    clone.run("dvc", "plots", "diff", "baseline", "rr-ra", "-o", str(tmp_path / "plots"))
    page = (tmp_path / "plots/index.html").read_text()
    for title in ("Final accuracy on each task", "Accuracy on the classes seen so far", "Accuracy on each task after"):
        assert title in page


def test_groups_and_single_keys_are_composed_by_an_experiment(fresh, tmp_path):
    clone = fresh.copy(tmp_path / "clone")
    x, y = np.random.default_rng(0).random((80, 5), dtype=np.float32), np.arange(4).repeat(20)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    sizes = ["study.seeds=1", "training.iterations=3", "training.batch=16", "training.replay_batch=16", "model.units=8"]
    settings = ["dataset=npz", f"dataset.source={tmp_path / 'own.npz'}", "dataset.tasks=2", "study=ablation", *sizes]
    clone.run("dvc", "exp", "run", "-n", "own", *[part for setting in settings for part in ("-S", setting)])
    composed = (clone.path / "params.yaml").read_text()
    params = yaml.safe_load(composed)
    assert (params["dataset"]["name"], params["study"]["name"], params["study"]["seeds"]) == ("npz", "ablation", 1)
    clone.run("exaggerated-replay", "compose", *settings)
    by_hand = yaml.safe_load((clone.path / "params.yaml").read_text())
    assert by_hand == {**params, "composed_with": settings}
    assert (clone.path / "results/ablation/tables/ablation.md").is_file()
    assert clone.recorded_runs("own") == set(clone.plan()["runs"])


def test_runs_that_snakemake_trained_and_dvc_has_not_recorded_survive_an_experiment(fresh, tmp_path):
    """DVC makes results/runs be what dvc.lock names before an experiment begins."""
    clone = fresh.copy(tmp_path / "clone")
    shutil.copy(REPOSITORY / "dvc.lock", clone.path)  # of other runs, as in any clone
    clone.commit("a lock file")
    sizes = ["training.iterations=3", "training.batch=16", "training.replay_batch=16", "model.units=8"]
    asked = ["study=one", "study.seeds=2", *sizes]
    clone.compose(*asked)
    assert len(trained(clone.snakemake("models").output)) == 4
    before, kept = clone.runs(), clone.files(".store")
    assert kept == before

    held = (clone.path / "params.yaml").read_bytes()
    dropped = clone.run("dvc", "exp", "run", "-n", "dropped", "-S", "focus=rr", "models", check=False)
    assert dropped.returncode
    assert "anew and would drop study=one" in dropped.output
    assert (clone.path / "params.yaml").read_bytes() == held

    settings = [word for setting in [*asked, "focus=rr"] for word in ("-S", setting)]
    output = clone.run("dvc", "exp", "run", "-n", "x", *settings, "models").output
    assert {run.partition("-")[0] for run in trained(output)} == {"exaggeration"}
    assert len(trained(output)) == 2
    assert kept.items() <= clone.files(".store").items()

    told = clone.run("exaggerated-replay", "compose", *asked).stdout
    assert "4 runs, 0 of them new" in told
    assert clone.planned("models") == set()
    output = clone.snakemake("models").output
    assert "2 finished runs that results/runs lacked are there again, from .store" in output
    assert not trained(output)
    assert before.items() <= clone.runs().items()


def test_experiments_elsewhere_train_what_is_new_with_the_code_they_were_queued_with(pull):
    """Nothing has run in the clone yet, and nothing runs in its own folder."""
    clone = pull()
    known = clone.recorded_runs("HEAD")

    clone.edit("src/exaggerated_replay/methods/exaggeration/__init__.py", "VERSION = 1", "VERSION = 2")
    clone.run("python", "-m", "tools.versions", "renew")
    clone.run("dvc", "exp", "run", "--queue", "-n", "code", "models")
    expected = {"code": set(clone.plan()["runs"])}
    clone.run("git", "checkout", "-q", "src", "versions.lock")

    setting = "arms.rr-ra.lambda_ra=1e-2"
    output = {"lambda": clone.run("dvc", "exp", "run", "--temp", "-n", "lambda", "-S", setting, "models").output}
    clone.run("dvc", "queue", "start")
    deadline = time.monotonic() + 600
    while re.search("Queued|Running", clone.run("dvc", "queue", "status").output):
        assert time.monotonic() < deadline
        time.sleep(2)
    output["code"] = clone.run("dvc", "queue", "logs", "code").output

    clone.compose(setting)
    expected["lambda"] = set(clone.plan()["runs"])
    for name, runs in expected.items():
        assert clone.recorded_runs(name) == runs, output[name][-2000:]
        new = runs - known
        assert set(TRAINED.findall(output[name])) == new
        assert len(new) == 6 and all(run.startswith("exaggeration-") for run in new)
