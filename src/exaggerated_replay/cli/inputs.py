"""What runs learn from: raw files, prepared data, an encoder and its features."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exaggerated_replay.cli.options import entry, plan_with_gpu, written_plan
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest
from exaggerated_replay.places import ENCODERS, RAW, TIMINGS, workspace_folder

if TYPE_CHECKING:
    from exaggerated_replay.planning.plan import Plan
    from exaggerated_replay.planning.sources import Source


@click.command()
@written_plan
@click.argument("dataset")
def fetch(plan: Path, dataset: str) -> None:
    """Download the raw files of DATASET. Where they lie at hand, they are copied."""
    from exaggerated_replay.data.fetch import fetch
    from exaggerated_replay.planning.plan import Plan

    source = source_of(Plan.read(plan), dataset, plan).settings
    mirrors = [source.source] if source.source else source.mirrors
    fetch(f"data set {source.name}", RAW / source.name, source.files, mirrors)


@click.command("fetch-encoder")
@written_plan
def fetch_encoder(plan: Path) -> None:
    """Download the published encoder of the plan."""
    from exaggerated_replay.data.fetch import OWN_ENCODER, fetch
    from exaggerated_replay.planning.plan import Plan

    encoder = Plan.read(plan).encoder
    if encoder is None or encoder.settings.published is None:
        raise UserError(f"{plan} has no published encoder")
    published = encoder.settings.published
    files = {published.file: published.checksum}
    fetch("the published encoder", ENCODERS, files, published.mirrors, OWN_ENCODER)


@click.command()
@written_plan
@click.argument("dataset")
def prepare(plan: Path, dataset: str) -> None:
    """Verify the raw files of DATASET, and write one npz file."""
    from exaggerated_replay.data.fetch import verify
    from exaggerated_replay.data.prepare import prepare
    from exaggerated_replay.planning.plan import Plan

    planned = Plan.read(plan)
    source = source_of(planned, dataset, plan)
    settings = source.settings
    if not settings.own_file:
        verify(RAW / settings.name, settings.files)
    said = prepare(
        settings.own_reader if settings.own_file else settings.reader,
        source.raw_files,
        source.prepared,
        settings.validation,
        source.digest,
        source.content,
        settings.white,
        settings.deviation,
        replayed=planned.replayed,
    )
    print(*said, sep="\n", file=sys.stderr)


@click.command()
@written_plan
def split(plan: Path) -> None:
    """Write the tasks of every seed, a file each. It says which classes and how many samples a task brings."""
    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.data.splits import write_split
    from exaggerated_replay.planning.plan import Plan

    planned = Plan.read(plan)
    prepared = load(planned.source.prepared, planned.sha256)
    for path, run in planned.splits.items():
        write_split(prepared, planned.sha256, run.seed, run.settings.tasks, path)


@click.command()
@written_plan
def pretrain(plan: Path) -> None:
    """Train the encoder of the plan on its prepared images. Every epoch is kept, so the same command resumes."""
    with plan_with_gpu(plan) as planned:
        encoder = planned.encoder
        if encoder is None or encoder.images is None or encoder.settings.pretraining is None:
            raise UserError(f"{plan} has no encoder to train")

        from exaggerated_replay.data.prepared import load
        from exaggerated_replay.devices import device_for, limited_memory
        from exaggerated_replay.features.job import train_encoder

        device = device_for(planned.compute.device)
        with limited_memory(device):
            train_encoder(
                encoder.settings.pretraining,
                load(encoder.images.prepared, encoder.images.digest),
                encoder.images.to_dict(),
                device,
                workspace=workspace_folder(),
                timings=TIMINGS,
                target=encoder.directory,
            )


@click.command()
@written_plan
def features(plan: Path) -> None:
    """Compute the features of every image of the plan's data set."""
    from exaggerated_replay.planning.plan import Plan

    planned = Plan.read(plan)
    encoder, dataset = planned.encoder, planned.dataset
    if encoder is None:
        raise UserError(f"{plan} has no encoder")
    if encoder.images is None and file_digest(encoder.weights) != encoder.digest:
        raise UserError(f"{encoder.weights} is not the encoder that was planned: start the workflow again")

    import torch

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import use_threads
    from exaggerated_replay.features.architectures import load_encoder
    from exaggerated_replay.features.extraction import Inputs, write_features

    use_threads(planned.compute.threads)
    write_features(
        load(planned.source.prepared, planned.sha256),
        load_encoder(encoder.weights, encoder.settings.architecture),
        Inputs(dataset.mean or [], dataset.std or [], encoder.settings.image_size),
        encoder.settings.deviation,
        torch.device("cpu"),
        planned.learned_from,
        made_from=planned.data,
    )


def source_of(plan: "Plan", dataset: str, path: Path) -> "Source":
    """Return a data set of a plan.

    Raises:
        UserError: There is none of that name.
    """
    return entry({source.name: source for source in plan.sources}, dataset, "data set", path)
