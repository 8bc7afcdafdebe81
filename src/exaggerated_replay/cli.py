"""The command line: `exaggerated-replay SUBCOMMAND`, one per job of the workflow.

Each job imports what it needs when it runs, because importing torch takes seconds and most jobs need none.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import Interrupted, UserError
from exaggerated_replay.files import read_json

RUNS = Path("results/runs")
TIMINGS = Path("results/timings")


def compose(args: argparse.Namespace) -> None:
    """Write params.yaml from conf/."""
    from exaggerated_replay.planning.compose import write_params
    from exaggerated_replay.planning.params import PARAMS

    write_params(Path("conf"), args.overrides, PARAMS)


def drift(args: argparse.Namespace) -> None:
    """Say in which keys params.yaml differs from what conf/ composes."""
    from exaggerated_replay.planning.compose import drift_warning
    from exaggerated_replay.planning.params import PARAMS, read_params

    values, _ = read_params(PARAMS)
    print(drift_warning(Path("conf"), values) or "params.yaml is what conf/ composes")


def schema(args: argparse.Namespace) -> None:
    """Write the JSON schema of params.yaml, for editors."""
    from exaggerated_replay.files import write_json
    from exaggerated_replay.planning.params import params_schema

    write_json(args.target, params_schema())


def plan(args: argparse.Namespace) -> None:
    """Print the plan: which cells the study has, and which runs they need."""
    print(json.dumps(asked_plan(args), indent=1, sort_keys=True))


def fetch(args: argparse.Namespace) -> None:
    """Download the raw files of one of the plan's data sets (or copy them, where they lie at hand)."""
    from exaggerated_replay.data.fetch import fetch

    source = source_of(args)
    place = place_of(args, args.dataset)
    fetch(source["name"], Path("data/raw", source["name"]), source["files"], [place] if place else source["mirrors"])


def prepare(args: argparse.Namespace) -> None:
    """Verify raw files and write them as one normalised npz file."""
    from exaggerated_replay.data.fetch import verify
    from exaggerated_replay.data.prepare import prepare

    source, own = source_of(args), place_of(args, args.dataset)
    if own and (source["reader"] == "npz" or own.endswith(".npz")):
        reader, files = "npz", {Path(own).name: Path(own)}
    else:
        folder = Path("data/raw", source["name"])
        verify(folder, source["files"])
        reader, files = source["reader"], {file: folder / file for file in source["files"]}
    prepare(reader, files, args.out, source["validation"], source["sha256"])


def place_of(args: argparse.Namespace, name: str) -> str | None:
    """Return where the user's own file or folder lies, if the plan has one for this data set or the encoder."""
    return read_json(args.plan)["places"].get(name)


def source_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the plan says of the data set that the arguments name."""
    sources = read_json(args.plan)["sources"]
    if args.dataset not in sources:
        raise UserError(f"{args.plan} has no data set {args.dataset}: choose one of {', '.join(sources)}")
    return sources[args.dataset]


def pretrain(args: argparse.Namespace) -> None:
    """Train the convolutional encoder on images; every epoch is kept, so the same command goes on."""
    from exaggerated_replay.devices import hold_gpu
    from exaggerated_replay.settings.encoder import PretrainingSettings
    from exaggerated_replay.settings.reader import read_settings

    plan = read_json(args.plan)
    compute, encoder = plan["compute"], plan["encoder"]
    slot = hold_gpu(compute["slots_per_gpu"]) if compute["device"] != "cpu" else None

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import device_for
    from exaggerated_replay.features.job import train_encoder

    train_encoder(
        read_settings(PretrainingSettings, encoder["pretraining"]),
        load(args.images, source_of(args)["sha256"]),
        source_of(args),
        device_for(compute["device"]),
        workspace=args.workspace,
        timings=args.timings,
        target=args.out,
    )
    if slot:
        slot.close()


def features(args: argparse.Namespace) -> None:
    """Compute the frozen features of every image of the data set."""
    import torch

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.features.architectures import load_encoder
    from exaggerated_replay.features.extraction import Inputs, write_features

    plan = read_json(args.plan)
    dataset, encoder = plan["dataset"], plan["encoder"]
    torch.set_num_threads(plan["compute"]["threads"])
    write_features(
        load(args.data, dataset["sha256"]),
        load_encoder(Path(plan["places"]["encoder"]), encoder["architecture"]),
        Inputs(dataset["mean"], dataset["std"], encoder["image_size"]),
        encoder["deviation"],
        torch.device("cpu"),
        args.out,
        made_from=plan["data"],
    )


def train(args: argparse.Namespace) -> None:
    """Train runs on the same data, one after the other; finished ones are left alone."""
    from exaggerated_replay.devices import hold_gpu
    from exaggerated_replay.settings.reader import read_settings
    from exaggerated_replay.settings.run import RunSettings
    from exaggerated_replay.settings.study import ComputeSettings

    plan = read_json(args.plan)
    compute = read_settings(ComputeSettings, plan["compute"])
    known = plan["runs"]
    directories = [record.parent for record in args.records]
    unknown = [run.name for run in directories if run.name not in known]
    if unknown:
        raise UserError(f"{args.plan} has no run {unknown[0]}")
    slot = hold_gpu(compute.slots_per_gpu) if compute.device != "cpu" else None

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import device_for
    from exaggerated_replay.learning.job import train_runs
    from exaggerated_replay.learning.progress import watcher
    from exaggerated_replay.learning.resume import Stop

    device = device_for(compute.device)
    runs = {run: read_settings(RunSettings, known[run.name]) for run in directories}
    log_file = args.log or Path(os.devnull)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("w", encoding="utf-8") as log, Stop() as stop:
        train_runs(
            runs,
            load(args.data, plan["data"]),
            device,
            workspace=args.workspace,
            timings=args.timings,
            watcher=watcher(log),
            save_minutes=compute.save_minutes,
            stop=stop,
        )
    if slot:
        slot.close()


def study(args: argparse.Namespace) -> None:
    """Write the study's folder from the records of its runs: tables, figures, metrics, provenance."""
    from exaggerated_replay.analysis.outputs import PLOTS, all_files
    from exaggerated_replay.analysis.study import write_study
    from exaggerated_replay.figures.catalogue import draw_all, figure_files
    from exaggerated_replay.files import write_text
    from exaggerated_replay.store.manifest import write_manifest
    from exaggerated_replay.store.survey import made_from

    plan = read_json(args.plan)
    plan.pop("places", None)
    folder = Path("results", plan["study"]["name"])
    print(write_study(plan, folder, [draw_all]))
    for plot in PLOTS:
        write_text(Path("results/focus", plot), (folder / plot).read_text(encoding="utf-8"))
    write_manifest(folder, made_from(plan), map(str, all_files(plan, figure_files(plan))))


def compare(args: argparse.Namespace) -> None:
    """Compare two cells seed by seed: differences with their intervals, and the verdict."""
    from exaggerated_replay.analysis.compare import compare
    from exaggerated_replay.analysis.runs import finished_so_far, open_study

    study = open_study(Path("results", args.study)) if args.study else finished_so_far(asked_plan(args), RUNS)
    print(compare(study, args.baseline, args.treatment))


def decide(args: argparse.Namespace) -> None:
    """Add seeds in rounds until every claim of the study has a verdict that stays valid however often one looks."""
    from exaggerated_replay.analysis.rounds import run_rounds
    from exaggerated_replay.planning.params import PARAMS

    run_rounds(args.claims, args.seeds_at_most, shlex.split(args.workflow), PARAMS, Path("results"))


def focus(args: argparse.Namespace) -> None:
    """Copy the checkpoint of the cell in focus, first seed, to where its path names neither arm nor digest."""
    from exaggerated_replay.store.focus import copy_focus
    from exaggerated_replay.store.survey import FOCUS

    copy_focus(read_json(args.plan), FOCUS)


def asked_plan(args: argparse.Namespace) -> dict[str, Any]:
    """Return the plan that the arguments name, or what params.yaml asks for, whether or not anything ran here yet."""
    if args.plan:
        return read_json(args.plan)
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.planning.plan import make_plan

    _, params = read_params(PARAMS)
    return make_plan(params).to_dict()


def verify(args: argparse.Namespace) -> None:
    """Check every run of the plan: its record against its name, its checkpoint against its record."""
    from exaggerated_replay.store.verify import verify_runs

    runs = [RUNS / name for name in asked_plan(args)["runs"]]
    problems, without_checkpoint = verify_runs(runs)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise UserError(f"{len(problems)} of {len(runs)} runs are not right")
    note = f", {len(without_checkpoint)} of them without a checkpoint" if without_checkpoint else ""
    print(f"{len(runs)} runs are right{note}")


def explain(args: argparse.Namespace) -> None:
    """Say where the numbers of a cell or a run come from; of a run not trained yet, why it would be."""
    from exaggerated_replay.analysis.explain import explain

    print(explain(asked_plan(args), args.name, Path("results")))


def prune(args: argparse.Namespace) -> None:
    """Set runs aside that the plan does not name, so that DVC records the others alone."""
    from exaggerated_replay.store.prune import set_aside

    moved = set_aside(asked_plan(args), RUNS, args.workspace)
    print(f"{len(moved)} runs set aside in {args.workspace}; a plan that names them finds them there")


def export(args: argparse.Namespace) -> None:
    """Pack the records of finished runs into one file, without checkpoints, to be imported elsewhere."""
    from exaggerated_replay.store.exchange import pack_records

    records = Path("results", args.study) if args.study else args.runs
    print(f"{pack_records(records, args.timings, args.file)} records in {args.file}")


def import_(args: argparse.Namespace) -> None:
    """Verify records from another machine or of a study's folder, and put the new ones among the runs here."""
    from exaggerated_replay.store.exchange import import_records

    done = import_records(args.file, args.runs, args.timings)
    told = f"{len(done.new)} records imported, {len(done.known)} were here already"
    print(f"{told}; `snakemake metrics` makes tables of them")
    for sentence in done.refused:
        print(sentence, file=sys.stderr)
    if done.refused:
        raise UserError(f"{len(done.refused)} records of {args.file} were not imported")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="exaggerated-replay",
        description="The jobs of the workflow, one by one. Usually `snakemake` calls them.",
        epilog="Exit status: 0 done, 2 something to mend, said in one sentence.",
    )
    commands = top.add_subparsers(required=True, metavar="SUBCOMMAND")

    def add_workspace(sub: argparse.ArgumentParser) -> None:
        unfinished = "where unfinished work is kept (%(default)s)"
        sub.add_argument("--workspace", type=Path, default=Path(".training"), help=unfinished)
        sub.add_argument("--timings", type=Path, default=TIMINGS, help="where seconds go (%(default)s)")

    def command(job, *, planned: bool = True) -> argparse.ArgumentParser:  # noqa: ANN001
        sub = commands.add_parser(job.__name__.rstrip("_"), help=job.__doc__, description=job.__doc__)
        sub.set_defaults(job=job)
        if planned:
            sub.add_argument("--plan", type=Path, required=True, help="the plan that the workflow wrote")
        return sub

    def add_asked_plan(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument("--plan", type=Path, help="a written plan, instead of what params.yaml asks for")
        return sub

    sub = command(compose, planned=False)
    sub.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="Hydra overrides: dataset=mnist study.seeds=3 reading=paper",
    )
    command(drift, planned=False)
    sub = command(schema, planned=False)
    sub.add_argument("target", type=Path, help="file to write")
    add_asked_plan(command(plan, planned=False))
    sub = command(fetch)
    sub.add_argument("dataset", help="which of the plan's data sets, for example digits-1a2b3c4d5e")
    sub = command(prepare)
    sub.add_argument("dataset", help="which of the plan's data sets, for example digits-1a2b3c4d5e")
    sub.add_argument("--out", type=Path, required=True, help="npz file to write")
    sub = command(pretrain)
    sub.add_argument("dataset", help="which of the plan's data sets the images are, for example cifar10-1a2b3c4d5e")
    sub.add_argument("images", type=Path, help="prepared npz file of images")
    sub.add_argument("--out", type=Path, required=True, help="directory to write weights and record to")
    add_workspace(sub)
    sub = command(features)
    sub.add_argument("data", type=Path, help="prepared npz file of images")
    sub.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    sub = command(train)
    sub.add_argument("records", type=Path, nargs="+", help="record.json to write for each run, in its directory")
    sub.add_argument("--data", type=Path, required=True, help="prepared npz file, or file of features")
    sub.add_argument("--log", type=Path, help="log file")
    add_workspace(sub)
    command(study)
    sub = add_asked_plan(command(compare, planned=False))
    sub.add_argument("baseline", help="a cell of the study")
    sub.add_argument("treatment", help="the cell to compare with it")
    sub.add_argument("--study", help="a study of results/, instead of what params.yaml asks for")
    sub = command(decide, planned=False)
    sub.add_argument("claims", nargs="*", metavar="claim", help="a grid, a cell, or CELL:METRIC (all of the study)")
    sub.add_argument("--seeds-at-most", type=int, default=60, help="limit of seeds in all (%(default)s)")
    sub.add_argument("--workflow", default="snakemake --cores all", help="what trains a round (%(default)s)")
    command(focus)
    add_asked_plan(command(verify, planned=False))
    sub = add_asked_plan(command(explain, planned=False))
    sub.add_argument("name", help="a cell of the plan, a run, or a run's digest")
    sub = add_asked_plan(command(prune, planned=False))
    sub.add_argument("--workspace", type=Path, default=Path(".training"), help="where they go (%(default)s)")
    for job, role in ((export, "file to write"), (import_, "file that `export` has written, or the folder of a study")):
        sub = command(job, planned=False)
        sub.add_argument("file", type=Path, help=role)
        sub.add_argument("--runs", type=Path, default=RUNS, help="run directories (%(default)s)")
        sub.add_argument("--timings", type=Path, default=TIMINGS, help="seconds and hardware (%(default)s)")
        if job is export:
            sub.add_argument("--study", help="a study of results/, instead of all runs")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    args = parser().parse_args(arguments)
    try:
        args.job(args)
    except UserError as error:
        print(f"exaggerated-replay: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(f"exaggerated-replay: {stop}", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        return 130
    return 0
