"""What runs learn from: raw files, prepared data, an encoder and its features."""

import sys
from pathlib import Path
from typing import Any

import click

from exaggerated_replay.cli.options import PATH, entry, read_plan, timings, workspace, written_plan
from exaggerated_replay.places import ENCODERS, RAW


@click.command()
@written_plan
@click.argument("dataset")
def fetch(plan: Path, dataset: str) -> None:
    """Download the raw files of DATASET, such as digits-1a2b3c4d5e (or copy them, where they lie at hand)."""
    from exaggerated_replay.data.fetch import fetch

    source, place = source_and_place(plan, dataset)
    fetch(f"data set {source['name']}", RAW / source["name"], source["files"], [place] if place else source["mirrors"])


@click.command("fetch-encoder")
@written_plan
def fetch_encoder(plan: Path) -> None:
    """Download the trained encoder of the plan, as its authors publish it."""
    from exaggerated_replay.data.fetch import OWN_ENCODER, fetch

    published = read_plan(plan)["encoder"]["published"]
    files = {published["file"]: published["checksum"]}
    fetch("the published encoder", ENCODERS, files, published["mirrors"], OWN_ENCODER)


@click.command()
@written_plan
@click.argument("dataset")
@click.option("--out", type=PATH, required=True, help="The npz file to write.")
def prepare(plan: Path, dataset: str, out: Path) -> None:
    """Verify the raw files of DATASET and write them as one normalised npz file."""
    from exaggerated_replay.data.fetch import verify
    from exaggerated_replay.data.prepare import prepare
    from exaggerated_replay.settings.methods import settings_of

    values = read_plan(plan)
    source, place = source_and_place(plan, dataset)
    if source["own_reader"]:
        reader, files = source["own_reader"], {Path(str(place)).name: Path(str(place))}
    else:
        folder = RAW / source["name"]
        verify(folder, source["files"])
        reader, files = source["reader"], {file: folder / file for file in source["files"]}
    methods = [cell["config"]["method"]["method"] for cell in values["cells"].values()]
    said = prepare(
        reader,
        files,
        out,
        source["validation"],
        source["sha256"],
        source["content"],
        source["white"],
        source["deviation"],
        replayed=any(settings_of(method).generates for method in methods) and not values["encoder"],
    )
    print(*said, sep="\n", file=sys.stderr)


@click.command()
@written_plan
def split(plan: Path) -> None:
    """Write which classes each task brings, and how many samples of them there are: a file for every seed."""
    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.data.splits import write_split

    values = read_plan(plan)
    prepared = load(Path(values["prepared"]), values["dataset"]["sha256"])
    for path, run in values["splits"].items():
        settings = values["runs"][run]
        write_split(prepared, values["dataset"]["sha256"], settings["seed"], settings["tasks"], Path(path))


@click.command()
@written_plan
@click.argument("dataset")
@click.argument("images", type=PATH)
@click.option("--out", type=PATH, required=True, help="The directory to write weights and record to.")
@workspace
@timings
def pretrain(plan: Path, dataset: str, images: Path, out: Path, workspace: Path, timings: Path) -> None:
    """Train the encoder on IMAGES, the prepared DATASET; every epoch is kept, so the same command goes on."""
    from exaggerated_replay.devices import hold_gpu
    from exaggerated_replay.settings.encoder import PretrainingSettings
    from exaggerated_replay.settings.reader import read_settings

    compute, encoder = read_plan(plan)["compute"], read_plan(plan)["encoder"]
    source, _ = source_and_place(plan, dataset)
    slot = hold_gpu(compute["slots_per_gpu"]) if compute["device"] != "cpu" else None

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import device_for, limited_memory
    from exaggerated_replay.features.job import train_encoder

    device = device_for(compute["device"])
    with limited_memory(device):
        train_encoder(
            read_settings(PretrainingSettings, encoder["pretraining"]),
            load(images, source["sha256"]),
            source,
            device,
            workspace=workspace,
            timings=timings,
            target=out,
        )
    if slot:
        slot.close()


@click.command()
@written_plan
@click.argument("data", type=PATH)
@click.option("--out", type=PATH, required=True, help="The safetensors file to write.")
def features(plan: Path, data: Path, out: Path) -> None:
    """Compute the frozen features of every image of DATA, a prepared npz file."""
    values = read_plan(plan)

    import torch

    from exaggerated_replay.data.prepared import load
    from exaggerated_replay.devices import use_threads
    from exaggerated_replay.features.architectures import load_encoder
    from exaggerated_replay.features.extraction import Inputs, write_features

    dataset, encoder = values["dataset"], values["encoder"]
    use_threads(values["compute"]["threads"])
    write_features(
        load(data, dataset["sha256"]),
        load_encoder(Path(values["places"]["encoder"]), encoder["architecture"]),
        Inputs(dataset["mean"], dataset["std"], encoder["image_size"]),
        encoder["deviation"],
        torch.device("cpu"),
        out,
        made_from=values["data"],
    )


def source_and_place(path: Path, dataset: str) -> tuple[dict[str, Any], str | None]:
    """Return what the plan says of a data set, and where the user's own file or folder lies, if there is one."""
    plan = read_plan(path)
    return entry(plan["sources"], dataset, "data set", path), plan.get("places", {}).get(dataset)
