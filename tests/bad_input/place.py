"""A finished study of two runs of milliseconds, copied for every row, and what rows do to it."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exaggerated_replay import cli
from exaggerated_replay.planning.params import PARAMS, read_params
from exaggerated_replay.planning.plan import Plan, make_plan
from exaggerated_replay.store.records import sealed
from exaggerated_replay.store.start import plan_path, write_plan

REPOSITORY = Path(__file__).parents[2]
STUDY = """\
# @package _global_
study:
  name: bad
  baseline: none
  treatment: er
  seeds: 1
  lengths: [2]
  grids: {table1: [{arm: [none]}, {arm: [er]}]}
training: {iterations: 2, batch: 8, replay_batch: 8}
model: {units: 4, latent: 2}
"""
Change = Callable[[], None]


@dataclass(frozen=True)
class Row:
    """One bad input.

    Attributes:
        what: Is broken.
        change: Breaks it, in the folder of the study.
        command: Is given then; PLAN and SOURCE stand for the plan's file and the name of its data set.
        words: Must be in the sentence.
    """

    what: str
    change: Change
    command: tuple[str, ...]
    words: tuple[str, ...]


def arrays(classes: int = 4, train: int = 40, test: int = 12) -> dict[str, np.ndarray]:
    """A data set as a user might bring it."""
    draw = np.random.default_rng(0)
    return {
        "x_train": draw.random((train, 6), dtype=np.float32),
        "y_train": np.arange(train) % classes,
        "x_test": draw.random((test, 6), dtype=np.float32),
        "y_test": np.arange(test) % classes,
    }


def lay_out(folder: Path, seeds: int = 1) -> None:
    """Make the study here: conf/, data, params.yaml, a plan, two finished runs and their records in a file."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        shutil.copytree(REPOSITORY / "conf", "conf")
        Path("conf/study/bad.yaml").write_text(STUDY)
        np.savez("mine.npz", **arrays())
        asked = [
            "dataset=npz",
            "dataset.source=mine.npz",
            "dataset.tasks=2",
            "study=bad",
            "focus=er",
            f"study.seeds={seeds}",
        ]
        done("compose", *asked, f"study.seeds={seeds}", "compute.device=cpu")
        write_plan(the_plan(), PARAMS.read_text())
        plan = the_plan()
        name = str(plan_path(plan))
        done("prepare", "--plan", name, plan.source.name)
        done("split", "--plan", name)
        done("train", "1", "--plan", name)
        done("export", "records.jsonl")
    finally:
        os.chdir(before)


def done(*arguments: str) -> None:
    assert cli.main(list(arguments)) == 0, arguments


def the_plan() -> Plan:
    return make_plan(read_params(PARAMS)[1])


def spelt(command: tuple[str, ...], plan: Plan) -> list[str]:
    """Put in what stands for names that depend on the code."""
    meant = {
        "PLAN": ["--plan", str(plan_path(plan))],
        "SOURCE": [plan.source.name],
    }
    return [word for part in command for word in meant.get(part, [part])]


def files(folder: Path) -> dict[str, bytes | str]:
    """What is in a folder, by name."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


# ---------------------------------------------------------------- changes


def nothing() -> None:
    """The command line itself is what is bad."""


def params(key: str, value: Any) -> Change:
    """Set one key of params.yaml."""

    def change() -> None:
        values, _ = read_params(PARAMS)
        put(values, key.split("."), value)
        PARAMS.write_text(json.dumps(values))  # JSON is YAML

    return change


def put(values: Any, path: list[str], value: Any) -> None:
    """Set one part of a nested value; ... as the value takes it away."""
    *above, last = [int(part) if part.lstrip("-").isdigit() else part for part in path]
    for part in above:
        values = values[part]
    if value is ...:
        del values[last]
    else:
        values[last] = value


def text(name: str, content: str | bytes) -> Change:
    """Write a file."""

    def change() -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def more(content: str) -> Change:
    """Add lines to params.yaml."""
    return lambda: text("params.yaml", PARAMS.read_text() + content)()


def npz(**changed: Any) -> Change:
    """Bring another data set; None leaves an array out."""

    def change() -> None:
        np.savez("mine.npz", **{key: value for key, value in {**arrays(), **changed}.items() if value is not None})

    return change


def cut(name: str, keep: float) -> Change:
    """Cut a file to a share of its length; the name is a pattern."""

    def change() -> None:
        path = found(name)
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content))])

    return change


def found(pattern: str) -> Path:
    """Return the first file of a pattern."""
    return sorted(Path().glob(pattern))[0]


def record(key: str, value: Any) -> Change:
    """Set one part of the first run's record, and seal it again, so that what it says is all that is wrong."""

    def change() -> None:
        path = found("results/runs/*/record.json")
        content = json.loads(path.read_text())
        put(content, key.split("."), value)
        path.write_text(json.dumps(resealed(content)))

    return change


def resealed(content: Any) -> Any:
    """Return a record with a seal over what it says now; as it is where there is no place for one."""
    try:
        return sealed(content)
    except (KeyError, TypeError, AttributeError, ValueError):
        return content


def miscounted(content: dict[str, Any]) -> dict[str, Any]:
    """Change one count by one, so that all counts still fit together, and leave the seal as it was."""
    row = content["counts"]["correct"][0]
    row[0] += 1 if row[0] == 0 else -1
    return content


def recounted() -> None:
    """Change a digit of the first run's record."""
    path = found("results/runs/*/record.json")
    path.write_text(json.dumps(miscounted(json.loads(path.read_text()))))


def recounted_in_pack() -> None:
    """Change a digit of the first record in records.jsonl, and leave the others out."""
    in_pack(lambda entry: miscounted(entry["record"]))


def in_json(name: str, key: str, value: Any) -> Change:
    """Set one part of a JSON file; the name is a pattern."""

    def change() -> None:
        path = found(name)
        content = json.loads(path.read_text())
        put(content, key.split("."), value)
        path.write_text(json.dumps(content))

    return change


def packed(key: str, value: Any) -> Change:
    """Set one part of the first record in records.jsonl, leave the others out, and have no runs here."""

    def edit(entry: dict[str, Any]) -> None:
        put(entry, key.split("."), value)
        entry["record"] = resealed(entry["record"])

    return lambda: in_pack(edit)


def in_pack(edit: Callable[[dict[str, Any]], Any]) -> None:
    """Change the first record in records.jsonl, leave the others out, and have no runs here."""
    for runs in ("results/runs", ".store"):
        shutil.rmtree(runs)
    entry = json.loads(Path("records.jsonl").read_text().splitlines()[0])
    edit(entry)
    Path("records.jsonl").write_text(json.dumps(entry) + "\n")


def folder(name: str) -> Change:
    """Put a folder where a file belongs; the name may be a pattern of a file that is there."""

    def change() -> None:
        path = next(iter(sorted(Path().glob(name))), Path(name))
        if path.is_file():
            path.unlink()
        path.mkdir(parents=True, exist_ok=True)

    return change
