"""A study of two runs of milliseconds with an encoder of its own, and the jobs that make all of it, one by one."""

import contextlib
import itertools
import os
import pkgutil
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import exaggerated_replay
from exaggerated_replay import cli
from exaggerated_replay.analysis.study.outputs import all_files
from exaggerated_replay.cli.errors import sentence_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import catalogue
from exaggerated_replay.places import RECORD
from exaggerated_replay.planning.params import PARAMS, read_params
from exaggerated_replay.planning.plan import Plan, make_plan
from exaggerated_replay.store.start import heal, keep_and_fill, plan_path, write_plan
from exaggerated_replay.store.survey import Survey
from tests.integration.pictures.drawn_once import drawn_once
from tools.archives import cifar10, cifar100

REPOSITORY = Path(__file__).parents[2]
STUDY = """\
# @package _global_
study:
  name: faults
  baseline: bir-si
  treatment: rr-ra
  seeds: 1
  lengths: [2]
  grids: {table1: [{arm: [bir-si]}, {arm: [rr-ra]}]}
training: {iterations: 2, batch: 16, replay_batch: 16}
model: {units: 8, latent: 4}
"""
APART = ("provenance.json", "sha256.json", "report.html", "README.md")
"""In a study's folder: say how long it took, or when. There they must be, and may say something else every time."""
VARYING = ("results/timings/", "logs/", *(f"results/faults/{name}" for name in APART))

Files = dict[str, bytes]


@dataclass(frozen=True)
class Step:
    """One command; `spoil` is what happens in the folder before it. A skipped one only makes what the next needs."""

    name: str
    job: Callable[[], int | None]
    spoil: Callable[[], None] = lambda: None
    skipped: bool = False


def chosen(steps: list[Step], names: Sequence[str]) -> list[Step]:
    """Let all but some of the steps be skipped; no names leave them as they are."""
    return [replace(step, skipped=step.skipped or (bool(names) and step.name not in names)) for step in steps]


def import_everything() -> None:
    """Import all of the package once, for every fork of this process."""
    import torch

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(exaggerated_replay.__path__, f"{exaggerated_replay.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def lay_out(place: Path) -> None:
    """Make the folder in which the study is to be: configuration, small archives, and files of a stranger's."""
    shutil.copytree(REPOSITORY / "conf", place / "conf")
    (place / "conf/study/faults.yaml").write_text(STUDY)
    (place / "archives").mkdir()
    cifar10(place / "archives")
    cifar100(place / "archives")
    for folder in ("results", "results/runs", "results/faults", "results/focus", "data/prepared", ".training", "logs"):
        (place / folder).mkdir(parents=True, exist_ok=True)
        (place / folder / "mine.txt").write_text("mine")


def steps(place: Path) -> list[Step]:
    """Return the jobs of the study, in their order."""
    _, sum10 = cifar10(place / "archives")
    _, sum100 = cifar100(place / "archives")
    asked = [
        *("dataset=cifar100", "encoder=cpu", "study=faults", "dataset.source=archives", "dataset.content=null"),
        *("encoder.images.source=archives", "dataset.tasks=5", "dataset.classes=10", "dataset.class_names=null"),
        "compute.device=cpu",
        *(f"dataset.files={{cifar-100-binary.tar.gz: '{sum100}'}}", "compute.save_minutes=2e-12"),
        *(f"encoder.images.files={{cifar-10-binary.tar.gz: '{sum10}'}}", "encoder.pretraining.epochs=2"),
        *("encoder.pretraining.batch=16", "encoder.pretraining.units=8", "encoder.pretraining.threads=1"),
    ]

    less = ["study.grids.table1=[{arm: [bir-si]}]", "+study.figures.table1=convergence"]

    def call(*arguments: str) -> Callable[[], int]:
        return lambda: cli.main(list(arguments))

    def planned(command: str, *arguments: str, source: int | None = None) -> Callable[[], int]:
        """A job as the workflow calls it: with the plan, and the name of one of its sources where it needs that."""

        def job() -> int:
            plan = the_plan()
            named = [] if source is None else [plan.sources[source].name]
            return cli.main([command, "--plan", str(plan_path(plan)), *named, *arguments])

        return job

    def imported() -> int:
        """Into another folder, where nothing was imported before."""
        Path("other").mkdir(exist_ok=True)
        with contextlib.chdir("other"):
            return cli.main(["import", "../records.jsonl"])

    train = planned("train", "1", "--log", "logs/train.log")
    return [
        Step("compose", call("compose", *asked)),
        Step("begin", begin),
        Step("fetch", planned("fetch", source=0)),
        Step("fetch images", planned("fetch", source=1)),
        Step("prepare", planned("prepare", source=0)),
        Step("prepare images", planned("prepare", source=1)),
        Step("split", planned("split")),
        Step("pretrain", planned("pretrain")),
        Step("features", planned("features")),
        Step("train", train),
        Step("study", planned("study")),
        Step("export", call("export", "records.jsonl")),
        Step("import", imported),
        Step("heal", begin, spoil),
        Step("train again", train, skipped=True),
        Step("compose less", call("compose", *asked, *less, "focus=bir-si")),
        Step("prune", call("prune")),
    ]


def the_plan() -> Plan:
    """Return what the params.yaml of this folder asks for."""
    return make_plan(read_params(PARAMS)[1])


def begin() -> int:
    """Do what the workflow does before its first job, and say an error as it does."""
    plan = the_plan()
    try:
        write_plan(plan, PARAMS.read_text())
        for line in itertools.chain(heal(Survey(plan, all_files(plan))), keep_and_fill(plan)):
            print(line)
    except (UserError, OSError) as error:
        print(f"exaggerated-replay: {sentence_of(error)}")
        return 2
    return 0


def spoil() -> None:
    """Spoil a record, and put a stranger's folder where a checkpoint belongs."""
    first, second = sorted(path for path in Path("results/runs").iterdir() if path.is_dir())
    (first / RECORD).write_text("{")
    (second / "model.safetensors").unlink()
    (second / "model.safetensors").mkdir()
    (second / "model.safetensors/mine.txt").write_text("mine")


def draw_once(cache: Path) -> None:
    """Let pictures be drawn once; every later job writes the same bytes without drawing them."""
    cache.mkdir()
    catalogue.draw_all = drawn_once(catalogue.draw_all, Path(exaggerated_replay.__file__).parent, cache)


def files(place: Path) -> Files:
    """Return the bytes of every file below a folder, by name; links to folders are followed."""
    found = {}
    for folder, _, names in os.walk(place, followlinks=True):
        for name in names:
            path = Path(folder, name)
            found[str(path.relative_to(place))] = path.read_bytes()
    return found


def put_back(place: Path, wanted: Files) -> None:
    """Bring a folder to what it was, without moving what is right."""
    present = files(place)
    for name in present.keys() - wanted.keys():
        (place / name).unlink()
    for folder, _, _ in os.walk(place, topdown=False):  # what is empty goes: it was made by somebody
        if Path(folder) != place and not Path(folder).is_symlink() and not os.listdir(folder):
            os.rmdir(folder)
    for name, content in wanted.items():
        if present.get(name) != content:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)


def difference(found: Files, expected: Files) -> str:
    """Return what differs, an empty text where nothing does."""
    odd = sorted(found.keys() ^ expected.keys())
    if odd:
        return f"{'left behind' if odd[0] in found else 'missing'}: {odd[0]}"
    changed = sorted(n for n in found if found[n] != expected[n] and not n.startswith(VARYING) and "timings" not in n)
    return f"differs: {changed[0]}" if changed else ""
