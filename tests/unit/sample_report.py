"""A study for a report: its plan and records by hand, and figures without a drawing."""

import json
from pathlib import Path

from studies import planned, whole

from exaggerated_replay.analysis.study.outputs import drawn_files, featured, figures_of, picture_file
from exaggerated_replay.publishing.study import write_study
from exaggerated_replay.report.page import write_report
from exaggerated_replay.report.readme import write_readme

SETTINGS = {"data": "d" * 64, "code": "c" * 64, "tasks": [[0, 1, 2], [3, 4]]}
SVG = '<?xml version="1.0"?>\n<svg xmlns="x" width="504pt" height="144pt" viewBox="0 0 1 1"></svg>'


def record(run, shift=0, diverged=None, instruments=None):
    counts = {"tested": [50] * 5, "correct": [[40, 0, 0, 0, 0], [30 + shift, 35, 20, 10, 9]], "predicted": [50] * 5}
    counted = {"counts": None if diverged else counts, "diverged": diverged}
    settings = {**SETTINGS, "seed": int(run.split("-")[1][1:])}
    return whole({"settings": settings, **counted, "instruments": instruments or {}})


def plan_of(names=("bir-si", "rr-ra", "rr-ra-f5"), grids=("table1", "other")):
    base, f20, f5 = names
    methods = {base: {"method": "bir"}, f20: {"f": 20}, f5: {"f": 5}}
    training = {"iterations": 60, "batch": 8, "replay_batch": 8, "learning_rate": 0.001}
    model = {"units": 10, "latent": 5}
    cells = {}
    for number, (name, method) in enumerate(methods.items()):
        weights = {"lambda_rr": 1e-6, "lambda_ra": 1e-6} if "f" in method else {}
        runs = [
            {"seed": s, "digest": f"{number}{s}" * 5, "directory": f"results/runs/x-s{s}-{number}{s}"} for s in range(6)
        ]
        config = {"method": {**method, "si": {"strength": 1e3}, **weights}, "training": training, "model": model}
        cells[name] = {"arm": base if name == base else f20, "config": config, "runs": runs}
    rows = [{"cell": base, "settings": {}, "baseline": None}]
    rows += [{"cell": name, "settings": {"method.f": methods[name]["f"]}, "baseline": base} for name in (f20, f5)]
    return {
        "study": {"name": "mine", "baseline": base, "treatment": f20},
        "focus": f20,
        "dataset": {"name": "digits", "source_name": None, "sha256": "d" * 64, "validation": None},
        "training": training,
        "model": model,
        "grids": {grid: rows for grid in grids},
        "order": [*grids],
        "cells": cells,
        "runs": {Path(run["directory"]).name: SETTINGS for cell in cells.values() for run in cell["runs"]},
    }


def draw(study, folder):
    """Stand in for the figures: the same files, without a drawing."""
    for place in ("figures", "print"):
        (folder / place).mkdir()
    for name, (kind, _) in figures_of(study.plan).items():
        for file in [*drawn_files(name, kind), *([picture_file(name)] if name in featured(study.plan) else [])]:
            (folder / file).write_text(SVG)


def write(plan, place, parts=(draw, write_readme, write_report), instruments=None):
    """Write a study with its report into a place, where seed 3 of the third cell diverged, and return its folder.

    What runs noted is given by run, where it is not nothing.
    """
    plan = planned(plan)
    for number, cell in enumerate(plan.cells.values()):
        for run in cell.runs:
            directory = place / run.directory
            directory.mkdir(parents=True, exist_ok=True)
            broken = {"task": 2} if (number, run.seed) == (2, 3) else None
            noted = (instruments or {}).get(run.name)
            made = record(run.name, shift=number * run.seed % 4, diverged=broken, instruments=noted)
            (directory / "record.json").write_text(json.dumps(made))
    write_study(plan, "a: 1\n", place / "results/mine", parts, made_from="this")
    return place / "results/mine"
