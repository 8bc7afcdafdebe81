"""The figure of competing classes: probabilities, threshold, sample and means, of a checkpoint that is here."""

import hashlib
import json

import numpy as np
from matplotlib.colors import to_hex
from sample_figures import example, written
from studies import made, whole

from exaggerated_replay.figures import competing_classes
from exaggerated_replay.figures import competing_example as illustration
from exaggerated_replay.figures.colours import BASELINE, TREATMENT

EXAGGERATION = {"method": "exaggeration", "f": 20}


def test_competing_classes_shows_the_probabilities_and_the_threshold():
    figure = competing_classes.draw(example())
    axes = figure.axes[0]
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    assert [bar.get_height() for bar in bars] == example()["probabilities"]
    colours = [to_hex(bar.get_facecolor()) for bar in bars]
    assert [k for k, colour in enumerate(colours) if colour == BASELINE] == [2]
    assert [k for k, colour in enumerate(colours) if colour == TREATMENT] == [1, 3, 4]
    (line,) = axes.lines
    assert set(line.get_ydata()) == {0.6 / 20}
    assert axes.get_ylim()[0] < 0.6 / 20 < axes.get_ylim()[1]
    assert {"label 2", "competing: 3, 1, 4", "f = 20: threshold p/f = 0.03"} <= written(figure)


def test_competing_classes_shows_the_sample_and_the_means_of_label_and_competitors():
    figure = competing_classes.draw(example())
    assert [axes.get_title() for axes in figure.axes[1:]] == [
        "replayed\nsample",
        *(f"mean of\nlabel {k}" for k in (2, 3, 1, 4)),
    ]
    for axes in figure.axes[1:]:
        np.testing.assert_array_equal(axes.images[0].get_array(), example()["image"])
    assert len(competing_classes.draw(example(images=False)).axes) == 1


def test_competing_classes_without_f_has_no_line():
    figure = competing_classes.draw(example(f="none"))
    assert not figure.axes[0].lines
    assert "f = none: no threshold, the runner-up competes" in written(figure)


def test_competing_classes_without_a_competitor_says_so():
    assert "none competes" in written(competing_classes.draw({**example(), "rivals": []}))


def test_competing_classes_are_those_of_a_checkpoint_that_is_here(tmp_path, monkeypatch):
    """The cell in focus first; a run without its checkpoint, or of a method that does not exaggerate, shows nothing."""
    cells = {
        cell: {
            "config": {"method": EXAGGERATION if cell != "bir" else {"method": "bir"}},
            "runs": [{"directory": f"results/runs/{cell}"}],
        }
        for cell in ("bir", "rr", "ra")
    }
    digests = {cell: {"model.safetensors": hashlib.sha256(cell.encode()).hexdigest()} for cell in cells}
    records = {cell: whole({"sha256": digest}) for cell, digest in digests.items()}
    study = made({"focus": "ra", "cells": cells}, records=records)
    asked = []
    monkeypatch.setattr(
        illustration,
        "competing_example",
        lambda record, weights: asked.append(weights.parent.name) or {**example(), "probabilities": [0.1 + 1e-9] * 8},
    )
    folder = tmp_path / "mine" / "fresh"
    assert competing_classes.of_study(study, folder) is None
    for cell, drawn in (("bir", []), ("rr", ["rr"]), ("ra", ["rr", "ra"])):
        (tmp_path / "runs" / cell).mkdir(parents=True)
        (tmp_path / "runs" / cell / "model.safetensors").write_text(cell)
        (tmp_path / "runs" / cell / "record.json").write_text(json.dumps(records[cell]))
        figure = competing_classes.of_study(study, folder)
        assert asked == drawn
        assert figure is None or {bar.get_height() for bar in figure.axes[0].patches} == {0.1}


def test_a_run_that_diverged_is_passed_over(tmp_path, monkeypatch):
    digest = {"model.safetensors": hashlib.sha256(b"x").hexdigest()}
    records = {name: whole({"sha256": digest, "diverged": lost}) for name, lost in (("s0", {"task": 2}), ("s1", None))}
    for name, record in records.items():
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "model.safetensors").write_text("x")
        (tmp_path / "runs" / name / "record.json").write_text(json.dumps(record))
    runs = [{"directory": f"results/runs/{name}"} for name in records]
    study = made({"focus": "rr", "cells": {"rr": {"config": {"method": EXAGGERATION}, "runs": runs}}}, records=records)
    asked = []
    monkeypatch.setattr(
        illustration, "competing_example", lambda record, weights: asked.append(weights.parent.name) or example()
    )
    competing_classes.of_study(study, tmp_path / "mine" / "fresh")
    assert asked == ["s1"]


def test_f_of_another_method_is_another_thing(tmp_path, monkeypatch):
    """One in a file that is not here is passed over, and of one that knows no competitors nothing is shown."""
    digest = {"model.safetensors": hashlib.sha256(b"x").hexdigest()}
    cells, records = {}, {}
    for cell, method in (("gone", "mine"), ("plain", "none"), ("rr", "exaggeration")):
        (tmp_path / "runs" / cell).mkdir(parents=True)
        (tmp_path / "runs" / cell / "model.safetensors").write_text("x")
        records[cell] = whole({"sha256": digest})
        (tmp_path / "runs" / cell / "record.json").write_text(json.dumps(records[cell]))
        runs = [{"directory": f"results/runs/{cell}"}]
        cells[cell] = {"config": {"method": {"method": method, "f": 20}}, "runs": runs}
    asked = []

    def shown(record, weights):
        asked.append(weights.parent.name)
        return example() if weights.parent.name == "rr" else None

    monkeypatch.setattr(illustration, "competing_example", shown)
    study = made({"focus": "gone", "cells": cells}, records=records)
    assert competing_classes.of_study(study, tmp_path / "mine") is not None
    assert asked == ["plain", "rr"]
