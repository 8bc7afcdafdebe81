"""Bad input, a row each: what is broken, what is done then, and what the sentence must name."""

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_input.place import (
    Change,
    Row,
    arrays,
    cut,
    folder,
    found,
    in_json,
    more,
    nothing,
    npz,
    packed,
    params,
    record,
    recounted,
    recounted_in_pack,
    text,
)

COUNT = (0, -1, 1.5, "many", None, True, 10**12, [], {})
POSITIVE = (0, -1, 1e-300, 1e300, "x", None, True, [])
SHARE = (0, 1.5, -0.1, "half", None, False)
BASELINE = [{"arm": ["none"]}]  # which is compared with nothing
CHOICE = ("nonsense", 3, None, [], True)

SETTINGS: dict[str, tuple[Any, ...]] = {
    "model.units": COUNT,
    "model.latent": COUNT,
    "training.iterations": COUNT,
    "training.batch": COUNT,
    "training.replay_batch": COUNT,
    "training.learning_rate": POSITIVE,
    "training.optimiser_state": CHOICE,
    "compute.device": CHOICE,
    "compute.threads": COUNT,
    "compute.precision": CHOICE,
    "compute.runs_per_job": COUNT,
    "compute.slots_per_gpu": COUNT,
    "compute.save_minutes": POSITIVE,
    "rules.alpha": SHARE,
    "rules.power": SHARE,
    "rules.smallest_effect": POSITIVE,
    "rules.min_seeds": COUNT,
    "reading.temperature": POSITIVE,
    "reading.distance": CHOICE,
    "reading.class_means": CHOICE,
    "study.lengths": ([-1], [0], "x", [1.5], None, 3),
    "study.seeds": (0, -1, [], [1, 1], [-1], "9-1", "a-b", "1-999999999", 10**6, None, True, 1.5),
    "study.name": ("", "a/b", "../up", "a b", "runs", "focus", "timings", "-x", "x" * 200, None, 5, "a\nb", "$(x)"),
    "study.baseline": ("nobody", None, 3, ""),
    "study.treatment": ("nobody", None, []),
    "study.grids": (
        *({}, None, [], {"table1": []}),
        *({name: [{"arm": ["er"]}]} for name in ("a b", "../x", "x" * 51)),
    ),
    "study.grids.table1": ([{}], [{"arm": "er"}], [{"arm": ["nobody"]}], [{"arm": []}], "er", [3], None, BASELINE),
    "study.figures": ({"table1": "scale"}, {"table1": "frontier"}, {"table1": "pie"}),
    "focus": ("nowhere", None, 3),
    "dataset.name": ("", "a/b", "a b", None, "$(touch x)"),
    "dataset.reader": ("nonsense", None, "../npz"),
    "dataset.source": ("nowhere.npz", ".", None, 3, "no\nwhere.npz", "$(touch x).npz", "a\0b.npz"),
    "dataset.tasks": (0, -1, 3, 5, [], [1, 1], [5], "nowhere.json", None),
    "dataset.classes": (3, 5, 0, "four"),
    "dataset.validation": (0, 1, 2, -1, "x"),
    "dataset.class_order": ([0, 1, 2], [0, 0, 1, 2], "backwards", [4, 3, 2, 1]),
    "dataset.mean": ([1], "x", [1, 2, 3]),
    "arms.er": (None, 3, {}, {"method": "nonsense"}, {"method": "er", "extra": 1}),
    "arms.er.memory_per_class": COUNT[:7],
    "arms": (None, [], 3),
    "encoder.weights": (3, []),
    "model": (None, 3, []),
    "training": (None, "x"),
    "study": (None, [], {}),
    "dataset": (None, 3),
    "model.unit": (3,),
    "trainig": ({},),
    "study.grid": ({},),
}
"""Key of params.yaml -> values that it cannot have."""

YAML = {
    "a key twice": ("focus: er\n", ("focus", "twice")),
    "a tab": ("\tx: 1\n", ("params.yaml", "line")),
    "an alias": ("x: &a 1\ny: *a\n", ("params.yaml", "aliases")),
    "an object of Python": ("x: !!python/object/apply:os.system [touch pwned]\n", ("params.yaml",)),
    "code for Snakemake": ("__use_yte__: true\n", ("__use_yte__",)),
    "an unclosed list": ("x: [1, 2\n", ("params.yaml",)),
    "an unclosed quote": ('x: "1\n', ("params.yaml",)),
    "a control character": ("x: \x01\n", ("params.yaml",)),
    "a second document": ("---\nx: 1\n", ("params.yaml",)),
    "an unknown key": ("colour: blue\n", ("colour",)),
    "a key that is a list": ("[1, 2]: 3\n", ("params.yaml",)),
    "a number for a key": ("7: 3\n", ("7",)),
    "a date": ("x: 2020-01-01\n", ("params.yaml",)),
    "a key without a colon": ("colour\n", ("params.yaml",)),
}
"""Lines at the end of a valid params.yaml."""

WHOLE: dict[str, str | bytes] = {
    "nothing": "",
    "a list": "[1, 2]",
    "a number": "3",
    "wrong bytes": b"\xff\xfe\x00x",
    "a zero byte": b"a: 1\x00",
    "a deep nest": "[" * 5000,
    "a deep mapping": "{a: " * 2000,
    "five megabytes": "a" * 5_000_000,
    "a picture": b"\x89PNG\r\n\x1a\n",
}
"""All of params.yaml."""

OVERRIDES = {
    "a data set that is not there": (["dataset=nonsense"], ("dataset",)),
    "a group that is not there": (["nonsense=1"], ("nonsense",)),
    "a key that is not there": (["model.unitz=3"], ("unitz",)),
    "no equals sign": (["model"], ("model",)),
    "an empty override": ([""], ("conf/",)),
    "a broken list": (["study.seeds=[1"], ("study.seeds",)),
    "a text for a number": (["model.units=many"], ("model.units", "many")),
    "more tasks than classes": (["dataset=digits", "dataset.tasks=20"], ("tasks",)),
    "a file that is not there": (["dataset=npz", "dataset.source=nowhere.npz"], ("nowhere.npz",)),
    "no file": (["dataset=npz"], ("source",)),
    "an encoder without its file": (["encoder=pretrained"], ("encoder",)),
    "a reading that is not there": (["reading=mine"], ("reading",)),
    "a study that is not there": (["study=mine"], ("study",)),
    "a size that is not there": (["size=huge"], ("size",)),
    "a study of the baseline alone": (["study=one", "focus=bir-si"], ("study.grids.one", "compares nothing")),
    "a negative seed": (["study.seeds=[-1]"], ("study.seeds",)),
    "a focus that is not there": (["focus=nowhere"], ("focus",)),
    "an arm that is not there": (["study.baseline=nobody"], ("study.baseline",)),
    "an interpolation of nothing": (["model.units=${nothing.here}"], ("nothing",)),
    "a resolver": (["model.units=${oc.env:HOME}"], ("model.units",)),
    "an addition": (["+model.extra=1"], ("model.extra",)),
    "a removal": (["~model.units"], ("model.units",)),
    "a name that leads out": (["study.name=../x"], ("name",)),
    "a reserved name": (["study.name=runs"], ("name", "runs")),
    "a sweep": (["model.units=1,2"], ("model.units",)),
    "tasks in a file that is not there": (["dataset=digits", "dataset.tasks=nowhere.json"], ("nowhere.json",)),
}
"""Arguments of `compose`."""

CONF: dict[str, tuple[str, str | bytes]] = {
    "a broken file": ("conf/study/bad.yaml", "study: [\n"),
    "an empty main file": ("conf/config.yaml", ""),
    "wrong bytes": ("conf/study/bad.yaml", b"\xff\xfe\x00"),
    "a main file that is a list": ("conf/config.yaml", "- a\n"),
    "an unknown group": ("conf/config.yaml", "defaults: [nonsense: 1]\n"),
    "a wrong value": ("conf/size/small.yaml", "# @package _global_\nmodel: {units: many}\n"),
    "a deep nest": ("conf/study/bad.yaml", "[" * 3000),
    "a tab": ("conf/study/bad.yaml", "study:\n\tname: x\n"),
}
"""Files of conf/, composed with study=bad size=small dataset=npz."""


def _npz_rows() -> dict[str, Change]:
    good = arrays()
    x, y = good["x_train"], good["y_train"]
    claims = io.BytesIO()
    np.lib.format.write_array_header_1_0(claims, {"shape": (2**40, 4096), "fortran_order": False, "descr": "<f8"})

    def claiming() -> None:
        npz()()
        with zipfile.ZipFile("mine.npz", "a") as archive:
            archive.writestr("x_train.npy", claims.getvalue())

    def huge() -> None:
        with zipfile.ZipFile("mine.npz", "w") as archive:
            for name in good:
                archive.writestr(f"{name}.npy", claims.getvalue())

    def single() -> None:
        np.save("mine.npy", x)
        Path("mine.npy").rename("mine.npz")

    return {
        **{f"without {name}": npz(**{name: None}) for name in good},
        "no arrays": npz(**dict.fromkeys(good)),
        "too few labels": npz(y_train=y[:-1]),
        "too many labels": npz(y_train=np.append(y, 0)),
        "labels from 1": npz(y_train=y + 1, y_test=good["y_test"] + 1),
        "a label below 0": npz(y_train=y - 1),
        "labels with a hole": npz(y_train=y * 2, y_test=good["y_test"] * 2),
        "one class": npz(y_train=y * 0, y_test=good["y_test"] * 0),
        "a class without test": npz(y_test=good["y_test"] % 3),
        "labels with fractions": npz(y_train=y + 0.5),
        "labels as text": npz(y_train=y.astype(str)),
        "labels as truth values": npz(y_train=y > 1),
        "labels in two columns": npz(y_train=np.stack([y, y], 1)),
        "no labels": npz(y_train=y[:0]),
        "a huge unsigned label": npz(y_train=y.astype(np.uint64) + np.uint64(2**63)),
        "no inputs": npz(x_train=x[:0], y_train=y[:0]),
        "inputs of another shape": npz(x_test=good["x_test"][:, :5]),
        "inputs of another type": npz(x_test=(good["x_test"] * 255).astype(np.uint8)),
        "inputs of one dimension": npz(x_train=x[:, 0], x_test=good["x_test"][:, 0]),
        "inputs of five dimensions": npz(x_train=x[:, None, None, None], x_test=good["x_test"][:, None, None, None]),
        "inputs as text": npz(x_train=x.astype(str)),
        "complex inputs": npz(x_train=x.astype(complex)),
        "inputs that are not numbers": npz(x_train=x * np.nan),
        "infinite inputs": npz(x_train=np.full_like(x, np.inf)),
        "inputs too large for float32": npz(x_train=x.astype(np.float64) + 1e300),
        "inputs as whole numbers": npz(x_train=(x * 9).astype(np.int32)),
        "pickled objects": npz(x_train=np.array([{"a": 1}] * 40, dtype=object)),
        "named columns": npz(x_train=np.zeros(40, dtype=[("a", "f4")])),
        "dates": npz(x_train=np.zeros((40, 6), dtype="datetime64[s]")),
        "a header that claims petabytes": claiming,
        "headers that claim petabytes": huge,
        "a single array": single,
        "cut in half": cut("mine.npz", 0.5),
        "cut by a little": cut("mine.npz", 0.98),
        "nothing": text("mine.npz", b""),
        "a text": text("mine.npz", "x_train,y_train\n1,2\n"),
        "an archive of something else": lambda: zipfile.ZipFile("mine.npz", "w").writestr("a.txt", "a"),
        "a folder": folder("mine.npz"),
    }


NPZ = _npz_rows()

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

COMMANDS = {
    "no such command": (("nonsense",), ("nonsense",)),
    "no such option": (("verify", "--nonsense"), ("nonsense",)),
    "an argument too many": (("drift", "x"), ("x",)),
    "an option without a value": (("verify", "--plan"), ("--plan",)),
    "a missing argument": (("explain",), ("NAME",)),
    "missing records": (("train", "PLAN", "DATA"), ("RECORDS",)),
    "missing data": (("train", "RECORDS", "PLAN"), ("--data",)),
    "a missing plan": (("train", "RECORDS", "DATA"), ("--plan",)),
    "no target": (("schema",), ("TARGET",)),
    "a run that is not planned": (("train", "results/runs/x/record.json", "PLAN", "DATA"), ("x",)),
    "data that are not there": (("train", "RECORDS", "PLAN", "--data", "nowhere.npz"), ("nowhere.npz",)),
    "data that are a folder": (("train", "RECORDS", "PLAN", "--data", "conf"), ("conf",)),
    "data that are something else": (("train", "RECORDS", "PLAN", "--data", "params.yaml"), ("params.yaml",)),
    "a data set that is not there": (("fetch", "PLAN", "nonsense"), ("nonsense",)),
    "a data set to prepare that is not there": (("prepare", "PLAN", "nonsense", "OUT"), ("nonsense",)),
    "a cell that is not there": (("compare", "none", "nowhere"), ("nowhere",)),
    "two cells that are not there": (("compare", "a", "b"), ("a",)),
    "a study that is not there": (("compare", "--study", "nowhere", "none", "er"), ("nowhere",)),
    "a study that leads out": (("compare", "--study", "../../etc", "none", "er"), ("etc",)),
    "a name that is not there": (("explain", "nowhere"), ("nowhere",)),
    "a number that is none": (("decide", "--seeds-at-most", "x"), ("--seeds-at-most",)),
    "no seeds at all": (("decide", "--seeds-at-most", "0"), ("--seeds-at-most",)),
    "a claim that is not there": (("decide", "nonsense"), ("nonsense",)),
    "a workflow that is not there": (("decide", "--workflow", "nonsense-program"), ("nonsense-program",)),
    "a workflow that fails": (("decide", "--workflow", "false"), ("false",)),
    "a folder that is not a study": (("rebuild", "conf"), ("conf",)),
    "a study to rebuild that is not there": (("rebuild", "results/nowhere"), ("nowhere",)),
    "seeds that are no numbers": (("rebuild", "conf", "--seeds", "x"), ("--seeds",)),
    "records that are not there": (("import", "nowhere.gz"), ("nowhere.gz",)),
    "records that are something else": (("import", "params.yaml"), ("params.yaml",)),
    "records that are a folder": (("import", "conf"), ("conf",)),
    "runs that are not there": (("export", "new.gz", "--runs", "nowhere"), ("nowhere",)),
    "a study to export that is not there": (("export", "new.gz", "--study", "nowhere"), ("nowhere",)),
    "a folder as a target": (("schema", "conf"), ("conf",)),
    "a device as a target": (("schema", "/dev/full"), ("/dev/full",)),
    "a file as a folder": (("schema", "params.yaml/x"), ("params.yaml",)),
    "a target with an endless name": (("schema", "x" * 300), ("xxx",)),
    "a folder as a packed file": (("export", "conf"), ("conf",)),
    "a device as a packed file": (("export", "/dev/full"), ("/dev/full",)),
    "a plan that is a folder": (("verify", "--plan", "conf"), ("conf",)),
    "a plan that is not there": (("verify", "--plan", "nowhere.json"), ("nowhere.json",)),
    "a plan that is something else": (("plan", "--plan", "params.yaml"), ("params.yaml",)),
    "a plan that is a device": (("plan", "--plan", "/dev/null"), ("/dev/null",)),
    "a zero byte in a name": (("schema", "a\0b"), ("",)),
}

ANY_PLAN = (
    ("verify",),
    ("prune",),
    ("explain", "er"),
    ("compare", "none", "er"),
    ("split",),
    ("study",),
    ("focus",),
    ("fetch", "x"),
)
"""Commands that read a plan."""


def rows() -> list[Row]:
    """Return all of them."""
    listed = [
        Row(f"{key} = {value!r:.40}", params(key, value), ("plan",), (key.rpartition(".")[2],))
        for key, values in SETTINGS.items()
        for value in values
    ]
    listed += [Row(f"params.yaml with {what}", more(lines), ("plan",), words) for what, (lines, words) in YAML.items()]
    listed += [
        Row(f"params.yaml of {what}", text("params.yaml", content), ("plan",), ("params.yaml",))
        for what, content in WHOLE.items()
    ]
    listed += [
        Row(f"iterations: {value}", _spelt("iterations: 2\n", f"iterations: {value}\n"), ("plan",), ("iterations",))
        for value in ("1:30", "yes", "0o7x", "2.0", "1e3")
    ]
    listed += [
        Row("params.yaml that is a folder", folder("params.yaml"), ("plan",), ("params.yaml",)),
        Row("no params.yaml", lambda: Path("params.yaml").unlink(), ("plan",), ("params.yaml",)),
        Row("no conf/", lambda: Path("conf").rename("other"), ("compose",), ("conf",)),
    ]
    listed += [
        Row(f"compose: {what}", nothing, ("compose", *asked), words) for what, (asked, words) in OVERRIDES.items()
    ]
    composed = ("compose", "study=bad", "size=small", "dataset=npz", "dataset.source=mine.npz", "dataset.tasks=2")
    listed += [Row(f"conf/ with {what}", text(name, content), composed, ()) for what, (name, content) in CONF.items()]
    listed += [
        Row(f"npz: {what}", change, ("prepare", "PLAN", "SOURCE", "OUT"), ("mine.npz",)) for what, change in NPZ.items()
    ]
    listed += [
        Row(f"npz: {what}, composed", change, composed, ()) for what, change in NPZ.items() if what in FOR_PLANNING
    ]
    listed += [Row(f"record: {what}", record(key, value), ("verify",), ()) for what, (key, value) in RECORD.items()]
    listed += [
        Row(f"packed record: {what}", packed(f"record.{key}", value), ("import", "records.gz"), ("records",))
        for what, (key, value) in RECORD.items()
    ]
    listed += [
        Row("record: a digit changed", recounted, ("verify",), ("was changed after its run",)),
        Row(
            "packed record: a digit changed",
            recounted_in_pack,
            ("import", "records.gz"),
            ("was changed after its run",),
        ),
    ]
    listed += [
        Row(
            f"record of {what}",
            lambda c=content: found("results/runs/*/record.json").write_bytes(_bytes(c)),
            command,
            (),
        )
        for what, content in JSON.items()
        for command in (("verify",), ("export", "new.gz"))
        if not (command[0] == "export" and what in READABLE)
    ]
    listed += [
        Row(f"plan: {what}", in_json(".training/plans/*.json", key, value), (*command, "PLAN"), ("plan",))
        for what, (key, value) in PLAN.items()
        for command in ANY_PLAN[:4]
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
    trains = ("train", "RECORDS", "PLAN", "DATA")
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
        Row("prepared data: of other labels", _without_runs(_other_labels), trains, ("data/prepared",)),
        Row("weights: cut short", cut("results/runs/*/model.safetensors", 0.9), ("verify",), ("model.safetensors",)),
        Row("weights: a folder", folder("results/runs/*/model.safetensors"), ("focus", "PLAN"), ()),
        Row("record: a folder", folder("results/runs/*/record.json"), ("verify",), ("not finished",)),
        Row("records.gz: cut short", cut("records.gz", 0.6), ("import", "records.gz"), ("records.gz",)),
        Row("records.gz: nothing", text("records.gz", b""), ("import", "records.gz"), ("records.gz",)),
        Row("records.gz: a folder of nothing", folder("records.gz"), ("import", "records.gz"), ("records.gz",)),
        Row("a file where results/ belongs", _file_for_results, trains, ("results",)),
    ]
    listed += [Row(what, nothing, command, words) for what, (command, words) in COMMANDS.items()]
    return listed


FOR_PLANNING = (
    "without y_train",
    "labels from 1",
    "one class",
    "cut in half",
    "nothing",
    "a folder",
    "pickled objects",
)
READABLE = ("a list", "a number", "null", "not a number")  # to export; to import they are refused


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _spelt(old: str, new: str) -> Change:
    """Write one thing in params.yaml in another way."""

    def change() -> None:
        written = Path("params.yaml").read_text()
        assert old in written
        Path("params.yaml").write_text(written.replace(old, new))

    return change


def _without_runs(change: Change) -> Change:
    """Let there be something to train."""

    def both() -> None:
        for path in sorted(Path("results/runs").glob("*/*")):
            path.unlink()
        change()

    return both


def _other_labels() -> None:
    path = found("data/prepared/*.npz")
    with np.load(path) as values:
        content = dict(values)
    content["y_train"] = content["y_train"][::-1]
    np.savez(path, **content)


def _file_for_results() -> None:
    shutil.rmtree("results")
    Path("results").write_text("mine")
