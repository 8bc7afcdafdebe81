"""The job that takes the time."""

import os
from pathlib import Path

import click

from exaggerated_replay.cli.errors import noting
from exaggerated_replay.cli.options import PATH, entry, plan_with_gpu, written_plan
from exaggerated_replay.places import TIMINGS, store_folder, workspace_folder


@click.command()
@written_plan
@click.argument("pack")
@click.option("--log", type=PATH, default=Path(os.devnull), help="Where progress goes, and what ends it.")
def train(plan: Path, pack: str, log: Path) -> None:
    """Train the runs of PACK, the number of a job in the plan, one after the other. Finished ones stay."""
    with plan_with_gpu(plan) as planned:
        runs = entry(planned.packs, pack, "pack", plan)

        from exaggerated_replay.data.prepared import load
        from exaggerated_replay.data.splits import read_split
        from exaggerated_replay.devices import device_for, limited_memory
        from exaggerated_replay.planning.versions import check_version
        from exaggerated_replay.store.pairs import check_device
        from exaggerated_replay.training.job import train_runs
        from exaggerated_replay.training.progress import watcher
        from exaggerated_replay.training.resume import Stop

        with noting(log) as file:
            for run in runs:
                check_version(run.name, run.settings.method.method, run.settings.code)
                read_split(planned.split_of(run))  # its name is the digest of what it says: it says what the run does
            device = device_for(planned.compute.device)
            check_device(planned, runs, device.type, store_folder())
            with Stop() as stop, limited_memory(device):
                train_runs(
                    {run.directory: run.settings for run in runs},
                    load(planned.learned_from, planned.data),
                    device,
                    workspace=workspace_folder(),
                    store=store_folder(),
                    timings=TIMINGS,
                    watcher=watcher(file),
                    save_minutes=planned.compute.save_minutes,
                    stop=stop,
                )
