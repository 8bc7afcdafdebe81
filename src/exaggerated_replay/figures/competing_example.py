"""What Fig. 2 shows, from a checkpoint: one replayed sample, its competing classes, and their means."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from exaggerated_replay.learning.competition import sums_by_class
from exaggerated_replay.methods.exaggeration.method import FeatureExaggeration
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.streams import stream
from exaggerated_replay.training.loading import read_weights, ready_to_replay, trained_method


@torch.no_grad()
def competing_example(record: Mapping[str, Any], weights: Path) -> dict[str, Any] | None:
    """Replay a batch from a trained run and choose the sample whose strongest rival comes closest to its label.

    Args:
        record: Of a run.
        weights: Its checkpoint.

    Returns:
        probabilities: of all classes, in order of being seen. label: the most probable one. f: the repulsion factor.
        rivals: the competing classes. image: the sample in rows and columns; class_means: the same of label and rivals,
        by label, where the batch has samples of them. Both are None where inputs are no square images in grey.
        None of a run in which no classes compete.

    Raises:
        UserError: Its checkpoint cannot be read.
    """
    settings = read_settings(RunSettings, record["settings"])
    method = trained_method(record, settings, read_weights(weights))
    if not isinstance(method, FeatureExaggeration):
        return None
    ready_to_replay(method, settings)
    method.replay_noise.set_state(stream(settings.seed, "illustration").get_state())
    method.controls.set_state(stream(settings.seed, "illustration/controls").get_state())

    replayed = method.replay()
    who = method.compete(replayed)
    sums, counts = sums_by_class(replayed.x, who.own)
    top, label = who.probabilities.max(1)
    closeness = (who.probabilities * who.rivals).max(1).values / top
    row = int(closeness.argmax())
    rivals = who.rivals[row].nonzero().flatten().tolist()
    shown = [int(label[row]), *rivals]
    width = math.isqrt(method.problem.inputs)
    is_image = record["problem"]["bounded"] and width**2 == method.problem.inputs

    def rows(values: Tensor) -> list[list[float]]:
        return [[round(v, 3) for v in line] for line in cast(list[list[float]], values.view(width, width).tolist())]

    return {
        "probabilities": who.probabilities[row].tolist(),
        "label": shown[0],
        "f": method.settings.f,
        "rivals": rivals,
        "image": rows(replayed.x[row]) if is_image else None,
        "class_means": {str(c): rows(sums[c] / counts[c]) for c in shown if counts[c]} if is_image else None,
    }
