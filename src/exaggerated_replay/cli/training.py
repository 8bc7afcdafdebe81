"""The job that takes the time."""

import os
from pathlib import Path

import click

from exaggerated_replay.cli.errors import noting
from exaggerated_replay.cli.options import PATH, entry, plan_with_gpu, written_plan
from exaggerated_replay.places import TIMINGS, WORKSPACE, store_folder


@click.command()
@written_plan
@click.argument("records", type=PATH, nargs=-1, required=True)
@click.option("--data", type=PATH, required=True, help="The prepared npz file, or the file of features.")
@click.option("--log", type=PATH, default=Path(os.devnull), help="Where progress goes, and what ends it.")
def train(plan: Path, records: tuple[Path, ...], data: Path, log: Path) -> None:
    """Train runs on the same data, one after the other. RECORDS are their record.json files; finished ones stay."""
    planned, slot = plan_with_gpu(plan)
    compute = planned.compute
    runs = {path.parent: entry(planned.named, path.parent.name, "run", plan) for path in records}

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.data.splits import read_split
    from exaggerated_replay.devices import device_for, limited_memory
    from exaggerated_replay.planning.versions import check_version
    from exaggerated_replay.training.job import train_runs
    from exaggerated_replay.training.progress import watcher
    from exaggerated_replay.training.resume import Stop

    with noting(log) as file:
        for run in runs.values():
            check_version(run.name, run.settings.method.method, run.settings.code)
            read_split(planned.split_of(run))  # its name is the digest of what it says: it says what the run does
        device = device_for(compute.device)
        with Stop() as stop, limited_memory(device):
            train_runs(
                {directory: run.settings for directory, run in runs.items()},
                load(data, planned.data),
                device,
                workspace=WORKSPACE,
                store=store_folder(),
                timings=TIMINGS,
                watcher=watcher(file),
                save_minutes=compute.save_minutes,
                stop=stop,
            )
    if slot:
        slot.close()
