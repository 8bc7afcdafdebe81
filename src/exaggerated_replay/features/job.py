"""The job that trains an encoder: prepared images in, weights and record out."""

import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.devices import hardware
from exaggerated_replay.features.pretraining import Epoch, Images, pretrain
from exaggerated_replay.files import file_digest, replacing, write_json
from exaggerated_replay.locks import alone
from exaggerated_replay.places import ENCODER_WEIGHTS, EPOCHS, RECORD
from exaggerated_replay.settings.encoder import PretrainingSettings


def train_encoder(
    settings: PretrainingSettings,
    prepared: Prepared,
    source: dict[str, Any],
    device: torch.device,
    workspace: Path,
    timings: Path,
    target: Path,
) -> None:
    """Train an encoder and write its weights and its record, which holds the learning curve.

    Args:
        settings: All that decides the result, besides the images.
        prepared: The images.
        source: What the plan says of them: name, checksums, mean and deviation of each channel.
        device: Where to compute.
        workspace: Where the state after the last epoch is kept until the training is over.
        timings: Where seconds and hardware go.
        target: The directory to write; its name identifies the encoder.

    Raises:
        UserError: The settings do not fit the images.
    """
    with alone([workspace / target.name]):  # a job that outlived its workflow is waited for, not doubled
        if not (target / RECORD).is_file():
            _train(settings, prepared, source, device, workspace / target.name / EPOCHS, timings, target)
        shutil.rmtree(workspace / target.name, ignore_errors=True)


def _train(
    settings: PretrainingSettings,
    prepared: Prepared,
    source: dict[str, Any],
    device: torch.device,
    state: Path,
    timings: Path,
    target: Path,
) -> None:
    train_set, test_set = (
        Images(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device), source["mean"], source["std"])
        for x, y in ((prepared.x_train, prepared.y_train), (prepared.x_test, prepared.y_test))
    )
    started = time.perf_counter()

    def watch(epoch: Epoch) -> None:
        print(
            f"encoder  epoch {epoch.epoch}/{settings.epochs}  loss {epoch.loss:.3f}  "
            f"test accuracy {100 * epoch.test_accuracy:.1f} %  {time.perf_counter() - started:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    encoder, curve = pretrain(settings, train_set, test_set, state, watch)
    with replacing(target / ENCODER_WEIGHTS) as temporary:
        save_file({name: v.cpu().contiguous() for name, v in encoder.state_dict().items()}, temporary)
    record = {
        "settings": asdict(settings),
        "images": {**source, "train": len(prepared.y_train), "test": len(prepared.y_test)},
        "environment": {"device": device.type, "torch": torch.__version__},
        "curve": [point._asdict() for point in curve],
        "sha256": {ENCODER_WEIGHTS: file_digest(target / ENCODER_WEIGHTS)},
    }
    write_json(target / RECORD, record)
    seconds = round(time.perf_counter() - started, 3)
    write_json(timings / f"{target.name}.json", {"seconds": seconds, "hardware": hardware(device)})
