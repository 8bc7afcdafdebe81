"""Variants: DVC composes, trains what is new, and shows the difference."""

import re
import time

import numpy as np
import yaml

TRAINED = re.compile(r"^((?:bir|exaggeration)-s\d+-[0-9a-f]{10})  task", re.MULTILINE)


def test_two_variants_are_compared_as_the_readme_says(recorded, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    before = clone.runs()
    for name, cell in (("baseline", "bir-si"), ("rr-ra", "rr-ra")):
        clone.run("dvc", "exp", "run", "-n", name, "-S", f"focus={cell}")
    assert clone.runs() == before

    shown = clone.run("dvc", "metrics", "diff", "--all", "--no-path", "--md", "baseline", "rr-ra").stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.strip().splitlines()]
    assert rows[0] == ["Metric", "baseline", "rr-ra", "Change"]
    table = {row[0]: [float(value) for value in row[1:]] for row in rows[2:]}
    assert {"first20", "first50", "overall"} <= set(table)
    means = yaml.safe_load((clone.path / "results/tiny/metrics.json").read_text())
    for key, (base, treated, change) in table.items():
        assert base == means["bir-si"][key]["mean"]
        assert treated == means["rr-ra"][key]["mean"]
        assert abs(treated - base - change) < 1e-6

    shown = clone.run(
        *["dvc", "exp", "show", "--only-changed", "--hide-workspace", "--md"],
        *["--keep", "first|overall", "--drop", ".*/|conf$|params.yaml|composed_with|forgetting|macro"],
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


def test_experiments_elsewhere_train_what_is_new_with_the_code_they_were_queued_with(pull):
    """Nothing has run in the clone yet, and nothing runs in its own folder."""
    clone = pull()
    known = clone.recorded_runs("HEAD")

    with (clone.path / "src/exaggerated_replay/learning/competition.py").open("a") as source:
        source.write("MARGIN = 0\n")
    clone.run("dvc", "exp", "run", "--queue", "-n", "code")
    expected = {"code": set(clone.plan()["runs"])}
    clone.run("git", "checkout", "-q", "src")

    setting = "arms.rr-ra.lambda_ra=1e-2"
    output = {"lambda": clone.run("dvc", "exp", "run", "--temp", "-n", "lambda", "-S", setting).output}
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
