"""Does the code at hand give the results of the locked code, where the versions say so? Then the lock is renewed.

`python -m tools.equivalent` trains small runs of every method whose code is another, reads small files with every
reader, holds out samples, trains an encoder and extracts features: once with the code of the last commit that changed
the lock, once with that at hand. It uses both as anybody does, by params.yaml, Snakemake and the files that come out,
so that the inside may change.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import load_file

from exaggerated_replay.git import environment
from exaggerated_replay.settings.nested import flat
from tools.archives import cifar10, write_idx, write_images
from tools.versions import CORE, LOCK, Units, lock_text, moved, raised, read_lock, units_of

TINY = [
    *("study=one", "study.seeds=1", "focus=bir-si", "compute=cpu", "compute.threads=1", "compute.runs_per_job=100"),
    *("model.units=12", "model.latent=6", "training.iterations=4", "training.batch=16", "training.replay_batch=16"),
]
ON_FEATURES = ("bir-si", "rr-ra-acting", "dgr", "er", "slda", "gaussians")  # arms of both kinds of data
# Settings that take other ways through the code than those of the arms.
SWITCHES = [
    *("method.f: [none]", "method.reading.reduction: [sum, total]", "method.reading.class_means: [running, shuffled]"),
    *("method.reading.competitors: [all, random]", "method.reading.distance: [squared, bce]"),
    *("method.reading.repulsion: [inverse_mean, negative]", "method.reading.attraction: [gated]"),
    *("method.reading.attraction_target: [random]", "method.reading.confidence: [label, label_rival, entropy]"),
    *("method.mixture_prior: [logsumexp]", "training.optimiser_state: [moments, reset]"),
]
MILESTONES = {"digits": "models", "features": "models", "bytes": "data", "held": "data"}  # the longest study first
# Unit -> the study that uses it, the files that it makes there, and the units without whose results it has none.
MADE: dict[str, tuple[str, str, set[str]]] = {
    "readers/digits": ("digits", "data/prepared/digits-*", set()),
    "readers/idx": ("bytes", "data/prepared/mnist-*", set()),
    "readers/npz": ("features", "data/prepared/npz-*", set()),
    "readers/cifar": ("features", "data/prepared/cifar10-*", set()),
    "preparing": ("held", "data/prepared/npz-*", {"readers/npz"}),
    "pretraining": ("features", "data/encoders/*", {"readers/cifar"}),
    "extraction": ("features", "data/features/*", {"readers/npz", "pretraining"}),
}
NOT_DECIDING = ("composed_with", "rules")  # parts of params.yaml that no run depends on
LEARNED_FROM = {"digits": "readers/digits", "features": "extraction"}  # study -> what its runs learn from


# ---------------------------------------------------------------- the two trees


def locked_tree(folder: Path) -> str:
    """Write the files of the last commit that changed the lock, and return the commit.

    Raises:
        SystemExit: There is none, or its code is not what its lock says.
    """
    commit = git("log", "-1", "--format=%H", "--", str(LOCK)).decode().strip()
    if not commit:
        sys.exit(f"No commit of this history has {LOCK}: commit one, which `make lock-versions` writes, first.")
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "--", ".", ":(exclude)results"))) as archive:
        archive.extractall(folder, filter="data")
    if refused := run(folder, folder, sys.executable, "-m", "tools.versions", "check"):
        shallow = git("rev-parse", "--is-shallow-repository").strip() == b"true"
        sys.exit(
            f"This clone is shallow and lacks the commit that last changed {LOCK}: `git fetch --unshallow` first."
            if shallow
            else f"Commit {commit[:10]} was the last to change {LOCK}, but its code is not what it says there: "
            f"{refused}"
        )
    return commit


def git(*arguments: str) -> bytes:
    """Return what git says."""
    return subprocess.run(["git", *arguments], env=environment(), capture_output=True, check=True).stdout


def run(tree: Path, folder: Path, *command: str) -> str:
    """Run a command in a folder with the package of a tree and the programs of this interpreter; "" if all went well.

    Returns:
        The end of what it said, if it failed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PYTHONPATH": str(tree / "src"), "PATH": path, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr)[-3000:].strip() if done.returncode else ""


def overrides_of(tree: Path, raw: Path, methods: Iterable[str], asked: Iterable[str]) -> dict[str, list[str]]:
    """Return what each study is composed with, on data in the folder `raw`.

    Args:
        tree: The locked tree, whose arms are taken.
        raw: Where raw data are written.
        methods: Those that there are still; other arms are dropped.
        asked: Those whose arms are trained. Where none is asked about, one arm is: an encoder or features may be.
    """
    arms = {
        arm: values["method"] for arm, values in yaml.safe_load((tree / "conf/arms.yaml").read_text())["arms"].items()
    }
    kept = [arm for arm, method in arms.items() if method in methods]
    trained = [arm for arm in kept if arms[arm] in asked] or kept[:1]
    switches = SWITCHES if "rr-ra-acting" in trained else []
    rows = [f"{{arm: [{', '.join(trained)}]}}", *(f"{{arm: [rr-ra-acting], {switch}}}" for switch in switches)]
    on_features = f"{{arm: [{', '.join([arm for arm in ON_FEATURES if arm in trained] or trained[:1])}]}}"
    common = [*TINY, *(f"~arms.{arm}" for arm in arms if arm not in kept)]
    _, images = cifar10(raw)
    write_images(raw / "own.npz")
    with np.load(raw / "own.npz") as found:
        np.savez(raw / "floats.npz", **{key: found[key] / 9.0 if key[0] == "x" else found[key] for key in found})
    files = ", ".join(f"{name}: '{checksum}'" for name, checksum in write_idx(raw).items())
    return {
        "digits": ["dataset=digits", "dataset.tasks=[4,3,3]", f"study.grids.one=[{', '.join(rows)}]", *common],
        "features": [
            *("dataset=npz", f"dataset.source='{raw / 'own.npz'}'", "dataset.tasks=2", "dataset.image_values=3072"),
            *("+dataset.mean=[0.5,0.5,0.5]", "+dataset.std=[0.25,0.25,0.25]", "hyper=split_cifar100", "encoder=cpu"),
            *(f"encoder.images.source='{raw}'", f"encoder.images.files={{cifar-10-binary.tar.gz: '{images}'}}"),
            *("encoder.pretraining.epochs=2", "encoder.pretraining.batch=16", "encoder.pretraining.units=20"),
            *("encoder.pretraining.threads=1", f"study.grids.one=[{on_features}]", *common),
        ],
        "bytes": [
            *(
                "dataset=mnist",
                "dataset.content=null",
                f"dataset.source='{raw}'",
                f"dataset.files={{{files}}}",
                "dataset.classes=4",
            ),
            *("dataset.tasks=2", "dataset.image_values=16", "study.grids.one=[{arm: [bir-si, rr-ra]}]", *common),
        ],
        "held": [
            *("dataset=npz", f"dataset.source='{raw / 'floats.npz'}'", "dataset.tasks=2", "dataset.image_values=3072"),
            *("dataset.validation=0.3", "dataset.deviation=2.0", "study.grids.one=[{arm: [bir-si, rr-ra]}]", *common),
        ],
    }


def run_all(locked: Path, here: Path, place: Path, methods: Iterable[str], asked: Iterable[str]) -> tuple[Path, Path]:
    """Run every study with both trees, from the same params.yaml where both can read it, and return their folders.

    Raises:
        SystemExit: A study could not be run.
    """
    raw = place / "raw"
    raw.mkdir()
    sides = {place / "before": locked, place / "after": here}
    overrides = overrides_of(locked, raw, methods, asked)
    for side, tree in sides.items():
        for study in overrides:
            (side / study).mkdir(parents=True)
            for path in tree.iterdir():
                if path.name in ("Snakefile", "workflow", "conf", "src", "profiles"):
                    (side / study / path.name).symlink_to(path)

    def compose(study: str) -> None:
        stop_on(run(locked, place / "before" / study, "exaggerated-replay", "compose", *overrides[study]))
        shutil.copy(place / "before" / study / "params.yaml", place / "after" / study)
        if run(here, place / "after" / study, "exaggerated-replay", "plan"):  # params.yaml has another form by now
            kept = yaml.safe_load((place / "before" / study / "params.yaml").read_text())
            stop_on(run(here, place / "after" / study, "exaggerated-replay", "compose", *overrides[study]))
            composed = yaml.safe_load((place / "after" / study / "params.yaml").read_text())
            deciding = {key: value if key in NOT_DECIDING else kept.get(key, value) for key, value in composed.items()}
            (place / "after" / study / "params.yaml").write_text(yaml.safe_dump(deciding, sort_keys=False))

    def make(study: str, side: Path) -> None:
        stop_on(run(sides[side], side / study, "snakemake", "--cores", "1", MILESTONES[study]))

    def stop_on(failure: str) -> None:
        if failure:
            sys.exit(f"{failure}\nA small study could not be run: it says why above.")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compose, MILESTONES))
        list(pool.map(make, *zip(*((study, side) for study in MILESTONES for side in sides), strict=True)))
    return place / "before", place / "after"


# ---------------------------------------------------------------- what came out


def content(path: Path) -> dict[str, Any]:
    """Return the arrays of a file, or of those of a folder, and what the record in the folder says came out."""
    if path.is_dir():
        record = json.loads((path / "record.json").read_text())
        files = {file.name: content(file) for file in path.glob("*.safetensors")}
        arrays = {f"{file}/{name}": array for file, values in files.items() for name, array in values.items()}
        return arrays | {key: record.get(key) for key in ("counts", "instruments", "diverged", "curve")}
    values = load_file(path) if path.suffix == ".safetensors" else dict(np.load(path))
    names = values.keys() - {"made_from", "content"}  # what it was made from: the question is what was made
    return {name: (values[name].dtype.str, values[name].shape, values[name].tobytes()) for name in names}


def runs_in(folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return settings and results of the runs in a folder."""
    records = sorted(folder.glob("results/runs/*/record.json"))
    settings = [flat(json.loads(path.read_text())["settings"]) for path in records]
    return [(found, content(path.parent)) for found, path in zip(settings, records, strict=True)]


def counterpart(settings: dict[str, Any], others: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Return the results of the run with these settings: of all that differ in no setting, that which shares most.

    A setting that came later or went is in one of the two alone. What runs learned from and their code are no matter.
    """
    shared = [[key for key in settings if key in other and key not in ("data", "code")] for other, _ in others]
    alike = [
        (len(keys), results)
        for keys, (other, results) in zip(shared, others, strict=True)
        if all(settings[key] == other[key] for key in keys)
    ]
    most = max((count for count, _ in alike), default=0)
    found = [results for count, results in alike if count == most]
    return found[0] if len(found) == 1 else {}


def compare(before: Path, after: Path) -> tuple[set[str], dict[str, Counter[str]]]:
    """Return the units whose results are the same, and of those whose results are not, what differs how often.

    What starts from other results than before is not compared.
    """
    same: set[str] = set()
    differing: dict[str, Counter[str]] = {}

    def note(unit: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        keys = {key for key in {**old, **new} if key in old or not key.startswith("traces")}  # more may be looked at
        if unlike := {key.partition("/")[0] for key in keys if key not in new or old.get(key) != new[key]}:
            differing.setdefault(unit, Counter()).update(unlike if new else {"no counterpart"})
        elif old:
            same.add(unit)

    for unit, (study, pattern, needed) in MADE.items():
        if needed <= same:
            old, new = (sorted((side / study).glob(pattern)) for side in (before, after))
            note(unit, content(old[0]) if old else {}, content(new[0]) if new else {})
    for study, unit in LEARNED_FROM.items():
        if unit in same:
            others = runs_in(after / study)
            for settings, results in runs_in(before / study):
                note(f"methods/{settings['method.method']}", results, counterpart(settings, others))
    return same - differing.keys(), differing


def judge(now: Units, locked: Units, same: set[str], differing: Mapping[str, Counter[str]]) -> None:
    """Refuse to renew the lock where results under the same version differ, or could not be compared.

    Raises:
        SystemExit: There are some.
    """
    new = raised(now, locked)
    wrong = {unit: counts for unit, counts in sorted(differing.items()) if unit not in new}
    for unit, counts in wrong.items():
        print(f"{unit} differs: {', '.join(f'{key} ({count}x)' for key, count in sorted(counts.items()))}")
    if wrong:
        sys.exit(
            f"Other results come out of {', '.join(wrong)}: state new versions of them, or of the core, or let the "
            f"results be what they were. {LOCK} stays as it is."
        )
    learned = any(unit.startswith("methods/") for unit in same)  # with all that methods import, which move with it
    compared = same | {unit for unit in now if learned and (unit == CORE or unit.startswith("learning/"))}
    if unknown := [unit for unit in moved(now, locked) if unit not in compared]:
        sys.exit(
            f"The code of {', '.join(unknown)} is another, and no small study compares its results, or what it starts "
            f"from has a new version: state new versions of them, too. {LOCK} stays as it is."
        )


def main() -> None:
    """Compare, and renew the lock where it may be.

    Raises:
        SystemExit: Results differ, or cannot be compared.
    """
    now = units_of()
    with tempfile.TemporaryDirectory(prefix="equivalent-") as name:
        place = Path(name)
        (tree := place / "locked").mkdir()
        commit = locked_tree(tree)
        locked = read_lock((tree / LOCK).read_text())
        if names := moved(now, locked):
            print(f"Comparing with {commit[:10]}, because of {', '.join(names)}: a minute or so ...", flush=True)
            methods = [unit.removeprefix("methods/") for unit in now if unit.startswith("methods/")]
            asked = methods if CORE in names else [name for name in methods if f"methods/{name}" in names]
            same, differing = compare(*run_all(tree, Path.cwd(), place, methods, asked))
            judge(now, locked, same, differing)
            print(f"The same results come out of {', '.join(sorted(same))}.")
    LOCK.write_text(lock_text(now), encoding="utf-8")
    print(f"{LOCK} says what the code is: commit both together.")


if __name__ == "__main__":
    main()
