"""What interrupted training goes on from: nested values in one file, marked with what they are the state of.

A state belongs to one run, or the training of one encoder, on one kind of device under one version of torch.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from exaggerated_replay.aside import move_aside
from exaggerated_replay.files import replacing

TENSOR = "__tensor__"  # stands for a tensor in the nested state that goes into the file's metadata
LAYOUT = "3"  # of a state; another one is not read


class OtherMark(ValueError):
    """A state is not what was asked for; says in what it differs."""


def mark_of(run: str, device: torch.device, **more: str) -> dict[str, str]:
    """Return what a state must be marked with, so that a run, or the training of an encoder, resumes from it."""
    return {"run": run, "device": device.type, "torch": torch.__version__, "layout": LAYOUT, **more}


def usable_state(path: Path, mark: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the state with this mark, or None; a file that is anything else is said to be so, and moved aside.

    Raises:
        OSError: The file cannot be read now.
    """
    if not path.exists():
        return None
    try:
        return read_state(path, mark)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        why = error if isinstance(error, OtherMark) else f"it is not a state that {mark['run']} can go on from"
        print(f"{path}: {why}; moved to {move_aside(path)}, and training starts anew", file=sys.stderr, flush=True)
        return None


def write_state(path: Path, mark: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write a nested state whole or not at all: its tensors as they are, the rest as JSON beside them."""
    tensors: dict[str, Tensor] = {}

    def plain(value: Any, name: str) -> Any:
        match value:
            case Tensor():
                tensors[name] = value.detach().to("cpu", copy=True).contiguous()
                return {TENSOR: name}
            case Mapping():
                return {key: plain(part, f"{name}/{key}") for key, part in value.items()}
            case list():
                return [plain(part, f"{name}/{number}") for number, part in enumerate(value)]
        return value

    nested = plain(state, "")
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"state": json.dumps({"mark": mark, "state": nested})})


def read_state(path: Path, mark: Mapping[str, str]) -> dict[str, Any]:
    """Read what `write_state` has written, tensors on the CPU.

    Raises:
        OtherMark: The state has another mark.
    """
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    if (found := content["mark"]) != mark:
        parts = [f"{key} {found.get(key)} and not {wanted}" for key, wanted in mark.items() if found.get(key) != wanted]
        raise OtherMark(f"it was saved with {', '.join(parts)}")

    def whole(value: Any) -> Any:
        match value:
            case {"__tensor__": name}:
                return tensors[name]
            case dict():
                return {key: whole(part) for key, part in value.items()}
            case list():
                return [whole(part) for part in value]
        return value

    return whole(content["state"])
