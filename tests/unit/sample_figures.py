"""Studies made up for figures, every figure drawn from them, and the words on it."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.text import Text
from studies import made, whole

from exaggerated_replay.figures import (
    accuracy_matrix,
    architecture,
    comparison,
    competing_classes,
    convergence,
    dose,
    forgetting,
    frontier,
    scale,
    specification,
)
from exaggerated_replay.figures.colours import BASELINE, TREATMENT
from exaggerated_replay.store.records import Record

SIZES = {
    "inputs": 1024,
    "units": 2000,
    "latent": 100,
    "classes": 90,
    "gate_proportion": 0.6,
    "bounded": False,
}
ITERATIONS = (50, 100, 200)
UNITS = 200
COLOURS = {"bir-si": BASELINE, "rr-ra": TREATMENT}


def study(seeds=4):
    """Return a plan and runs of two arms over iterations, and of RR+RA at two f; accuracies are noise."""
    noise = np.random.default_rng(0)
    cells, rows = {}, []
    wanted = [(arm, length, 20) for length in ITERATIONS for arm in ("bir-si", "rr-ra")] + [("rr-ra", 200, 5)]
    for arm, length, f in wanted:
        cell = arm + (f"-iterations{length}" if length < 200 else "") + ("-f5" if f == 5 else "")
        digests = [f"{cell}-{seed}" for seed in range(seeds)]
        method = {"method": "bir", "si": {"strength": 300.0}}
        if arm == "rr-ra":
            method |= {"method": "exaggeration", "f": f, "lambda_rr": 1e-6, "lambda_ra": 1e-6}
        cells[cell] = {
            "arm": arm,
            "config": {"model": {"units": UNITS}, "training": {"iterations": length}, "method": method},
            "runs": [{"seed": seed, "digest": digest} for seed, digest in enumerate(digests)],
        }
        for seed, digest in enumerate(digests):
            scores = dict(zip(("first20", "first50", "overall"), noise.uniform(20, 60, 3), strict=True))
            rows.append(
                {
                    "digest": digest,
                    "cell": cell,
                    "arm": arm,
                    "seed": seed,
                    "device": "cpu",
                    "dropped": 0.0,
                    "status": "finished",
                }
                | scores
            )
    grids = {
        "table1": ["bir-si", "rr-ra-f5", "rr-ra"],
        "convergence": [cell for cell in cells if cell != "rr-ra-f5"],
        "alone": ["bir-si"],
    }
    plan = {
        "dataset": {"name": "digits", "tasks": 5},
        "training": {"iterations": ITERATIONS[-1]},
        "study": {"baseline": "bir-si", "treatment": "rr-ra"},
        "cells": cells,
        "grids": {
            grid: [
                {
                    "cell": cell,
                    "settings": _varied(grid, cells[cell]["config"]),
                    "baseline": cell.replace("rr-ra", "bir-si").removesuffix("-f5") if "rr" in cell else None,
                }
                for cell in members
            ]
            for grid, members in grids.items()
        },
    }
    return plan, pd.DataFrame(rows)


def _varied(grid, config):
    """What the grid set to make a cell."""
    if grid == "convergence":
        return {"training.iterations": config["training"]["iterations"]}
    return {"method.f": config["method"]["f"]} if "f" in config["method"] and grid == "table1" else {}


def record(correct=([9, 7, 0, 0], [3, 2, 12, 18])):
    """Return a record of 2 tasks of 2 classes; all numbers by hand."""
    counts = {"correct": [*correct], "tested": [10, 10, 20, 20], "predicted": [15] * 4}
    return Record.of(whole({"settings": {"tasks": [[0, 1], [2, 3]]}, "counts": counts}))


def record_of_many(tasks=25):
    """Return a record of so many tasks of one class; what was learned is forgotten by a sample a task."""
    correct = [[max(20 - (i - j), 0) if j <= i else 0 for j in range(tasks)] for i in range(tasks)]
    counts = {"correct": correct, "tested": [20] * tasks, "predicted": [20] * tasks}
    return Record.of(whole({"settings": {"tasks": [[j] for j in range(tasks)]}, "counts": counts}))


def example(f=20, images=True, classes=8):
    """Return an example of competing classes by hand."""
    probabilities = np.array([0.002, 0.1, 0.6, 0.2, 0.05, 0.03, 0.01, 0.008] + [0.0001] * (classes - 8))
    picture = np.linspace(0, 1, 64).reshape(8, 8).tolist()
    return {
        "probabilities": probabilities.tolist(),
        "label": 2,
        "f": f,
        "rivals": [1, 3, 4] if f == 20 else [3],
        "image": picture if images else None,
        "class_means": dict.fromkeys("1234", picture) if images else None,
    }


def sweep(cells, seeds=4, effect=lambda cell: 0.0):
    """Return a plan with one grid, `g`, and its runs: baselines are 20 + seed on every metric, others that + effect.

    Args:
        cells: Cell -> (arm, config, what the grid set, baseline).
    """
    described, rows, grid = {}, [], []
    for cell, (arm, config, settings, baseline) in cells.items():
        digests = [f"{cell}-{seed}" for seed in range(seeds)]
        described[cell] = {"arm": arm, "config": config, "runs": [{"digest": digest} for digest in digests]}
        grid.append({"cell": cell, "settings": settings, "baseline": baseline})
        for seed, digest in enumerate(digests):
            score = 20 + seed + (effect(cell) + 0.1 * (seed % 2) if baseline else 0)
            row = {"digest": digest, "cell": cell, "arm": arm, "seed": seed, "device": "cpu", "status": "finished"}
            row["dropped"] = 0.0
            rows.append(row | dict.fromkeys(("first20", "first50", "overall"), score))
    dataset = {"name": "cifar100", "source_name": None, "sha256": "c" * 64}
    study = {"baseline": "bir-si", "treatment": "rr-ra"}
    return {"dataset": dataset, "study": study, "cells": described, "grids": {"g": grid}}, pd.DataFrame(rows)


def config(units=100, strength=300.0, **method):
    training = {"iterations": 200, "batch": 16, "replay_batch": 16}
    return {"model": {"units": units}, "training": training, "method": {"si": {"strength": strength}, **method}}


def doses(*more):
    """Weights of RR, of RA and of both, and of further arms: name, whether it has either loss, its means."""
    cells = {"bir-si": ("bir-si", config(), {}, None)}
    for weight in (1e-6, 1e-2, 1.0):
        for arm, has_rr, has_ra, means in (
            ("rr", 1, 0, "batch"),
            ("ra", 0, 1, "batch"),
            ("rr-ra", 1, 1, "batch"),
            *more,
        ):
            rr, ra, reading = has_rr * weight, has_ra * weight, {"reduction": "mean", "class_means": means}
            made = config(lambda_rr=rr, lambda_ra=ra, lambda_rec=1.0, reading=reading)
            cells[f"{arm}{weight:g}"] = (arm, made, {"method.lambda_rr": rr, "method.lambda_ra": ra}, "bir-si")
    return sweep(cells, effect=lambda cell: 5.0 if cell == "ra1" else 0.0)


def cell_of(config):
    """A cell under these settings."""
    return made({"cells": {"a": {"config": config}}}).cell("a")


def dosed(*more):
    return made(*doses(*more), {"any": {"problem": {"inputs": 1024, "classes": 10, "bounded": True}}})


def strengths():
    cells = {}
    for c in (10.0, 1e3, 1e5):
        cells[f"bir-si{c:g}"] = ("bir-si", config(strength=c), {"method.si.strength": c}, None)
        cells[f"rr-ra{c:g}"] = ("rr-ra", config(strength=c), {"method.si.strength": c}, f"bir-si{c:g}")
    plan, runs = sweep(cells)
    at = {"10": (30, 5), "1000": (25, 20), "100000": (10, 15)}  # overall, first 20 %
    for cell in cells:
        overall, first20 = at[cell.removeprefix("bir-si").removeprefix("rr-ra")]
        gain = 3 * cell.startswith("rr-ra")
        runs.loc[runs["cell"] == cell, ["overall", "first20"]] = overall + gain / 2, first20 + gain
    return plan, runs


def readings():
    cells = {"bir-si": ("bir-si", config(), {}, None)}
    for form, total in itertools.product(("mean_inverse", "negative"), ("mean", "total")):
        reading = {"repulsion": form, "reduction": total}
        settings = {f"method.reading.{key}": value for key, value in reading.items()}
        cells[f"rr-ra-{form}-{total}"] = ("rr-ra", config(reading=reading), settings, "bir-si")
    return sweep(cells, effect=lambda cell: 4 * cell.endswith("total") - 2 * ("negative" in cell))


def sizes(seeds=6):
    cells = {}
    for units in (100, 200, 400):
        cells[f"bir-si{units}"] = ("bir-si", config(units), {"model.units": units}, None)
        cells[f"rr-ra{units}"] = ("rr-ra", config(units), {"model.units": units}, f"bir-si{units}")
    return sweep(cells, seeds, effect=lambda cell: 3 - np.log2(int(cell.removeprefix("rr-ra")) / 100))


FIGURES = {
    "dose": lambda: dose.draw(dosed(), "g"),
    "frontier": lambda: frontier.draw(made(*strengths()), "g"),
    "specification": lambda: specification.draw(made(*readings()), "g"),
    "scale": lambda: scale.draw(made(*sizes()), "g"),
    "forgetting": lambda: forgetting.draw({"bir-si": [record()], "rr-ra": [record(), record()]}, COLOURS),
    "accuracy_matrix": lambda: accuracy_matrix.draw({"bir-si": [record()], "rr-ra": [record(), record()]}),
    "accuracy_matrix_many_tasks": lambda: accuracy_matrix.draw(
        {"bir-si": [record_of_many()], "rr-ra": [record_of_many()]}
    ),
    "architecture": lambda: architecture.draw(**SIZES),
    "architecture_bounded": lambda: architecture.draw(**SIZES | {"bounded": True, "inputs": 64, "classes": 10}),
    "comparison": lambda: comparison.draw(made(*study()), "table1"),
    "comparison_single_seed": lambda: comparison.draw(made(*study(seeds=1)), "table1"),
    "competing_classes": lambda: competing_classes.draw(example()),
    "competing_classes_many": lambda: competing_classes.draw(example(images=False, classes=90)),
    "competing_classes_no_f": lambda: competing_classes.draw(example(f="none")),
    "convergence": lambda: convergence.draw(made(*study()), "convergence"),
}


def words(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def written(figure):
    return {text.get_text() for text in words(figure)}
