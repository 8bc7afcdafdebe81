"""Wrong settings: in params.yaml, as arguments of compose, in conf/."""

from pathlib import Path
from typing import Any

from tests.bad_input.place import Change, Row, folder, more, nothing, params, text

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
    "rules.margins.first20": POSITIVE,
    "rules.comparisons": COUNT,
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

SIZE = "# @package _global_\nsize: {name: small, suffix: -small}\ntraining: {learning_rate: fast}\n"
CONF: dict[str, tuple[str, str | bytes, str]] = {
    "a broken file": ("conf/study/bad.yaml", "study: [\n", "conf/ cannot be composed"),
    "an empty main file": ("conf/config.yaml", "", "conf/ cannot be composed"),
    "wrong bytes": ("conf/study/bad.yaml", b"\xff\xfe\x00", "conf/ cannot be composed"),
    "a main file that is a list": ("conf/config.yaml", "- a\n", "conf/ cannot be composed"),
    "an unknown group": ("conf/config.yaml", "defaults: [nonsense: one]\n", "nonsense"),
    "a group that is a number": ("conf/config.yaml", "defaults: [nonsense: 1]\n", "Unsupported item value in defaults"),
    "a size without a name": ("conf/size/small.yaml", "# @package _global_\nmodel: {units: many}\n", "size is missing"),
    "a wrong value": ("conf/size/small.yaml", SIZE, "training.learning_rate is 'fast'"),
    "a deep nest": ("conf/study/bad.yaml", "[" * 3000, "conf/ cannot be composed"),
    "a tab": ("conf/study/bad.yaml", "study:\n\tname: x\n", "conf/ cannot be composed"),
}
"""Files of conf/, composed with study=bad size=small dataset=npz."""

COMPOSED = ("compose", "study=bad", "size=small", "dataset=npz", "dataset.source=mine.npz", "dataset.tasks=2")


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
    listed += [
        Row(f"conf/ with {what}", text(name, content), COMPOSED, (said,))
        for what, (name, content, said) in CONF.items()
    ]
    return listed


def _spelt(old: str, new: str) -> Change:
    """Write one thing in params.yaml in another way."""

    def change() -> None:
        written = Path("params.yaml").read_text()
        assert old in written
        Path("params.yaml").write_text(written.replace(old, new))

    return change
