"""What runs learn from: raw files, prepared data, an encoder and its features."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exaggerated_replay.cli.options import PATH, entry, plan_with_gpu, read_plan, written_plan
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest
from exaggerated_replay.places import ENCODERS, RAW, TIMINGS, WORKSPACE

if TYPE_CHECKING:
    from exaggerated_replay.planning.plan import Plan
    from exaggerated_replay.planning.sources import Encoder, Source


@click.command()
@written_plan
@click.argument("dataset")
def fetch(plan: Path, dataset: str) -> None:
    """Download the raw files of DATASET. Where they lie at hand, they are copied."""
    from exaggerated_replay.data.fetch import fetch

    source = source_of(read_plan(plan), dataset, plan).settings
    mirrors = [source.source] if source.source else source.mirrors
    fetch(f"data set {source.name}", RAW / source.name, source.files, mirrors)


@click.command("fetch-encoder")
@written_plan
def fetch_encoder(plan: Path) -> None:
    """Download the published encoder of the plan."""
    from exaggerated_replay.data.fetch import OWN_ENCODER, fetch

    published = encoder_of(read_plan(plan), plan).settings.published
    if published is None:
        raise UserError(f"{plan} names no published encoder")
    files = {published.file: published.checksum}
    fetch("the published encoder", ENCODERS, files, published.mirrors, OWN_ENCODER)


@click.command()
@written_plan
@click.argument("dataset")
@click.option("--out", type=PATH, required=True, help="The npz file to write.")
def prepare(plan: Path, dataset: str, out: Path) -> None:
    """Verify the raw files of DATASET, and write one npz file."""
    from exaggerated_replay.data.fetch import verify
    from exaggerated_replay.data.prepare import prepare

    planned = read_plan(plan)
    source = source_of(planned, dataset, plan)
    settings = source.settings
    if not settings.own_file:
        verify(RAW / settings.name, settings.files)
    said = prepare(
        settings.own_reader if settings.own_file else settings.reader,
        source.raw_files,
        out,
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

    planned = read_plan(plan)
    prepared = load(planned.source.prepared, planned.sha256)
    for path, run in planned.splits.items():
        write_split(prepared, planned.sha256, run.seed, run.settings.tasks, path)


@click.command()
@written_plan
@click.argument("dataset")
@click.argument("images", type=PATH)
@click.option("--out", type=PATH, required=True, help="The directory to write weights and record to.")
def pretrain(plan: Path, dataset: str, images: Path, out: Path) -> None:
    """Train the encoder on IMAGES, the prepared DATASET. Every epoch is kept, so the same command resumes."""
    planned, slot = plan_with_gpu(plan)
    pretraining = encoder_of(planned, plan).settings.pretraining
    if pretraining is None:
        raise UserError(f"{plan} has an encoder that is trained already")
    source = source_of(planned, dataset, plan)

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import device_for, limited_memory
    from exaggerated_replay.features.job import train_encoder

    device = device_for(planned.compute.device)
    with limited_memory(device):
        train_encoder(
            pretraining,
            load(images, source.digest),
            source.to_dict(),
            device,
            workspace=WORKSPACE,
            timings=TIMINGS,
            target=out,
        )
    if slot:
        slot.close()


@click.command()
@written_plan
@click.argument("data", type=PATH)
@click.option("--out", type=PATH, required=True, help="The safetensors file to write.")
def features(plan: Path, data: Path, out: Path) -> None:
    """Compute the features of every image of DATA, an npz file."""
    planned = read_plan(plan)
    encoder, dataset = encoder_of(planned, plan), planned.dataset

    if encoder.images is None and file_digest(encoder.weights) != encoder.digest:
        raise UserError(f"{encoder.weights} is not the encoder that was planned: start the workflow again")

    import torch

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import use_threads
    from exaggerated_replay.features.architectures import load_encoder
    from exaggerated_replay.features.extraction import Inputs, write_features

    use_threads(planned.compute.threads)
    write_features(
        load(data, planned.sha256),
        load_encoder(encoder.weights, encoder.settings.architecture),
        Inputs(dataset.mean or [], dataset.std or [], encoder.settings.image_size),
        encoder.settings.deviation,
        torch.device("cpu"),
        out,
        made_from=planned.data,
    )


def source_of(plan: "Plan", dataset: str, path: Path) -> "Source":
    """Return a data set of a plan.

    Raises:
        UserError: There is none of that name.
    """
    return entry({source.name: source for source in plan.sources}, dataset, "data set", path)


def encoder_of(plan: "Plan", path: Path) -> "Encoder":
    """Return the encoder of a plan.

    Raises:
        UserError: There is none.
    """
    if plan.encoder is None:
        raise UserError(f"{path} has no encoder")
    return plan.encoder
