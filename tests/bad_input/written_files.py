"""Files that the workflow has written and that were broken since: records, plans, splits, data, weights."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_input.place import (
    Change,
    Row,
    cut,
    folder,
    found,
    in_json,
    packed,
    record,
    recounted,
    recounted_in_pack,
    text,
)

RECORD: dict[str, tuple[str, Any]] = {
    "no settings": ("settings", ...),
    "settings of another seed": ("settings.seed", 5),
    "settings of other data": ("settings.data", "0" * 64),
    "settings with one more": ("settings.extra", 1),
    "settings that are a list": ("settings", []),
    "a method that is not there": ("settings.method.method", "nonsense"),
    "a negative number of units": ("settings.model.units", -1),
    "a task without classes": ("settings.tasks", [[], [0, 1, 2, 3]]),
    "a class twice": ("settings.tasks", [[0, 0], [1, 2]]),
    "tasks as text": ("settings.tasks", "two"),
    "no counts": ("counts", ...),
    "counts of nothing": ("counts", None),
    "counts as text": ("counts", "all"),
    "fewer tasks": ("counts.correct", [[1, 1, 1, 1]]),
    "uneven rows": ("counts.correct", [[1, 1, 1, 1], [1]]),
    "more right than tested": ("counts.correct.0.0", 10**6),
    "a negative count": ("counts.correct.0.0", -1),
    "half a sample": ("counts.correct.0.0", 0.5),
    "a count as text": ("counts.tested.0", "3"),
    "other numbers assigned": ("counts.predicted.0", 10**6),
    "no numbers assigned": ("counts.predicted", ...),
    "a divergence of no task": ("diverged", {"task": 1}),
    "diverged and counted": ("diverged", {"task": 1, "iteration": 1, "term": "x", "loss": "nan"}),
    "no environment": ("environment", ...),
    "an environment of nothing": ("environment", None),
    "no device": ("environment.device", ...),
    "no problem": ("problem", ...),
    "a problem of nothing": ("problem", []),
    "no instruments": ("instruments", ...),
    "instruments as a list": ("instruments", [1]),
    "no checksum": ("sha256", ...),
    "a checksum of another kind": ("sha256.data", "md5:0"),
    "a checksum that is a number": ("sha256.data", 5),
    "no checksum of the weights": ("sha256", {"data": "0" * 64}),
}
"""Part of a record -> a value that it cannot have."""

JSON: dict[str, str | bytes] = {
    "nothing": "",
    "a half": '{"settings": {',
    "a list": "[1]",
    "a number": "5",
    "null": "null",
    "wrong bytes": b"\xff\xfe{",
    "not a number": '{"settings": NaN}',
    "a deep nest": "[" * 100_000,
}
"""All of a JSON file."""

PLAN: dict[str, tuple[str, Any]] = {
    "no runs": ("runs", ...),
    "no data set": ("dataset", ...),
    "no study": ("study", ...),
    "no cells": ("cells", ...),
    "no grids": ("grids", ...),
    "no computer": ("compute", ...),
}

ANY_PLAN = (
    ("split",),
    ("study",),
    ("fetch", "SOURCE"),
    ("prepare", "SOURCE"),
    ("train", "1"),
)
"""Commands that read a plan."""


def rows() -> list[Row]:
    """Return all of them."""
    listed = [
        Row(f"record: {what}", record(key, value), ("verify",), ("results/runs/",))
        for what, (key, value) in RECORD.items()
    ]
    listed += [
        Row(f"packed record: {what}", packed(f"record.{key}", value), ("import", "records.jsonl"), ("-s0-",))
        for what, (key, value) in RECORD.items()
    ]
    listed += [
        Row("record: a digit changed", recounted, ("verify",), ("was changed after its run",)),
        Row(
            "packed record: a digit changed",
            recounted_in_pack,
            ("import", "records.jsonl"),
            ("was changed after its run",),
        ),
    ]
    listed += [
        Row(
            f"record of {what}",
            lambda c=content: found("results/runs/*/record.json").write_bytes(_bytes(c)),
            command,
            ("results/runs/",),
        )
        for what, content in JSON.items()
        for command in (("verify",), ("export", "new.jsonl"))
    ]
    listed += [
        Row(f"plan: {what}", in_json(".training/plans/*.json", key, value), (*command, "PLAN"), ("plan",))
        for what, (key, value) in PLAN.items()
        for command in ANY_PLAN
    ]
    listed += [
        Row(
            f"plan of {what}, {command[0]}",
            text("plan.json", content),
            (*command, "--plan", "plan.json"),
            ("plan.json",),
        )
        for what, content in JSON.items()
        for command in ANY_PLAN
    ]
    trains = ("train", "1", "PLAN")
    listed += [
        Row(
            f"{name}: {what}",
            _without_runs(lambda p=pattern, c=content: found(p).write_bytes(_bytes(c))),
            trains,
            (place,),
        )
        for name, pattern, place in (
            ("split", "data/splits/*/*.json", "data/splits"),
            ("prepared data", "data/prepared/*.npz", "data/prepared"),
        )
        for what, content in JSON.items()
    ]
    listed += [
        Row(
            "split: of another order",
            _without_runs(in_json("data/splits/*/*.json", "tasks.0.classes.0", 9)),
            trains,
            ("data/splits",),
        ),
        Row(
            "split: of other data",
            _without_runs(in_json("data/splits/*/*.json", "data", "0")),
            trains,
            ("data/splits",),
        ),
        Row("split: a folder", _without_runs(folder("data/splits/*/*.json")), trains, ("data/splits",)),
        Row("prepared data: cut short", _without_runs(cut("data/prepared/*.npz", 0.9)), trains, ("data/prepared",)),
        Row("prepared data: not there", _without_runs(_no_prepared_data), trains, ("data/prepared",)),
        Row("prepared data: a folder", _without_runs(folder("data/prepared/*.npz")), trains, ("data/prepared",)),
        Row("prepared data: of other labels", _without_runs(_other_labels), trains, ("data/prepared",)),
        Row("weights: cut short", cut("results/runs/*/model.safetensors", 0.9), ("verify",), ("model.safetensors",)),
        Row("weights: a folder", folder("results/runs/*/model.safetensors"), ("verify",), ("model.safetensors",)),
        Row("record: a folder", folder("results/runs/*/record.json"), ("verify",), ("not finished",)),
        Row("records.jsonl: cut short", cut("records.jsonl", 0.6), ("import", "records.jsonl"), ("records.jsonl",)),
        Row("records.jsonl: nothing", text("records.jsonl", b""), ("import", "records.jsonl"), ("records.jsonl",)),
        Row(
            "records.jsonl: a folder of nothing",
            folder("records.jsonl"),
            ("import", "records.jsonl"),
            ("records.jsonl",),
        ),
        Row("a file where results/ belongs", _file_for_results, trains, ("results",)),
    ]
    return listed


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _without_runs(change: Change) -> Change:
    """Let there be something to train."""

    def both() -> None:
        for path in sorted(Path("results/runs").glob("*/*")):
            path.unlink()
        change()

    return both


def _no_prepared_data() -> None:
    found("data/prepared/*.npz").unlink()


def _other_labels() -> None:
    path = found("data/prepared/*.npz")
    with np.load(path) as values:
        content = dict(values)
    content["y_train"] = content["y_train"][::-1]
    np.savez(path, **content)


def _file_for_results() -> None:
    shutil.rmtree("results")
    Path("results").write_text("mine")
