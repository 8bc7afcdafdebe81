"""Is all that a method keeps from step to step part of its state? Asked before a state is saved, by going on from it.

What is none of a method's modules, buffers and generators would be forgotten when a run is interrupted, and the run
would go on to other numbers without a word. What lies in its class or beside it would even reach the next run of a job.
"""

import hashlib
import io
import math
import pickle
import random
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Set
from functools import partial
from inspect import GEN_CLOSED, GEN_CREATED, getgeneratorstate
from itertools import zip_longest
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Method, State, seeded_method
from exaggerated_replay.settings.methods import OwnMethod

OF_EVERY_MODULE = vars(nn.Module()).keys()  # parameters and buffers among them, which are compared by name
CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, partial)


class Ambient(NamedTuple):
    """What is neither a run's own nor part of its state, so that no method may change it."""

    streams: tuple[Any, ...]  # where the process's own random streams are: those of torch, NumPy and Python
    held: Mapping[str, bytes]  # what the user's file holds in its names and classes, by digest


def ambient(own: OwnMethod | None = None) -> Ambient:
    """Return what lies around a run, whose method may be in a file of the user's own."""
    streams = torch.get_rng_state(), np.random.get_state(legacy=False), random.getstate()
    return Ambient(streams, dict(_held(own.module)) if own else {})


def _held(module: str) -> Iterator[tuple[str, bytes]]:
    """Yield names in a module and its classes with digests of their values; code, and what has none, is left out."""
    names = vars(sys.modules[module]) if module in sys.modules else {}
    classes = [value for value in names.values() if isinstance(value, type) and value.__module__ == module]
    for prefix, holder in [("", names), *((f"{own.__name__}.", vars(own)) for own in classes)]:
        for name, value in holder.items():
            if not (name.startswith("__") or isinstance(value, CODE)) and (digest := _digest(value)):
                yield f"{prefix}{name}", digest


class _Numbers(pickle.Pickler):
    """Pickles tensors by their numbers; torch's way has their addresses in it."""

    def reducer_override(self, value: Any) -> Any:
        """Return what stands for a value."""
        numbers = value.get_state() if isinstance(value, torch.Generator) else value
        if not isinstance(numbers, Tensor):
            return NotImplemented
        return bytes, (numbers.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes(),)


def _digest(value: Any) -> bytes | None:
    pickled = io.BytesIO()
    try:
        _Numbers(pickled).dump(value)
    except Exception:  # whatever something of a user's raises when it cannot be pickled
        return None
    return hashlib.sha256(pickled.getbuffer()).digest()


def check_complete(method: Method, state: State, before: Ambient, own: OwnMethod | None = None) -> None:
    """Check that a run which resumes from a state would have all that the method has now.

    Args:
        method: Between two steps of a task.
        state: What its `state` returned.
        before: What `ambient` returned when the run began.
        own: The user's file that holds the method, if any does.

    Raises:
        UserError: Something that changes while training is not in the state.
    """
    what, around = f"the method {method.settings.method}", ambient(own)
    for whose, now, then in zip(("torch", "NumPy", "Python"), around.streams, before.streams, strict=True):
        if not alike(now, then, set()):
            raise UserError(
                f"{what} draws from {whose}'s own random numbers, so that a run would not be the same twice: give "
                "whatever draws a generator from self.draw(PURPOSE)"
            )
    names = before.held.keys() | around.held.keys()
    if changed := sorted(name for name in names if before.held.get(name) != around.held.get(name)):
        raise UserError(
            f"{what} changes {', '.join(changed)}, which all runs of a job share, so that each would begin with what "
            "the last one left: in __init__, make it a module or a buffer (register_buffer), or draw it with "
            "self.draw(PURPOSE)"
        )
    if missing := sorted(set(forgotten(method, state))):
        raise UserError(
            f"{what} keeps {', '.join(missing)} outside of its state, so that an interrupted run would resume wrongly: "
            "in __init__, make it a module or a buffer (register_buffer), or draw it with self.draw(PURPOSE)"
        )


def forgotten(method: Method, state: State) -> Iterator[str]:
    """Return the names of what another method that goes on from the state has not, or has otherwise."""
    twin = seeded_method(type(method), method.problem, method.settings)
    with torch.random.fork_rng(devices=[]):
        twin.begin_task(method.task)
    unknown = [name for name in state["tensors"] if name not in twin.state_dict()]
    if unknown or len(state["generators"]) != len(twin.generators):
        modules = {name for name, _ in twin.named_modules()}
        yield from (new_part(name, modules) for name in unknown)
        yield from () if unknown else ("generators",)
        return
    twin.restore(state)
    known = twin.state_dict()
    yield from (name for name, value in method.state_dict().items() if not same_bits(value, known[name]))
    registered = {id(tensor) for own in (method, twin) for tensor in (*own.parameters(), *own.buffers())}
    for (name, module), (_, other) in zip(method.named_modules(), twin.named_modules(), strict=True):
        for key in vars(module).keys() | vars(other).keys():
            if key not in OF_EVERY_MODULE and not alike(vars(module).get(key), vars(other).get(key), registered):
                yield f"{name}.{key}".lstrip(".")


def new_part(name: str, modules: Set[str]) -> str:
    """Return the outermost part of a tensor's dotted name that is none of these modules: what was hung on later."""
    parts = name.split(".")
    ways = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next(way for way in ways if way not in modules)


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Tell whether two tensors are of one type and shape and have the same bytes."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    one, other = (tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in (a, b))
    return torch.equal(one, other)


def alike(a: Any, b: Any, registered: set[int], seen: frozenset[tuple[int, int]] = frozenset()) -> bool:
    """Tell whether two values would do the same; functions, and what cannot be looked into, count as alike.

    Args:
        a: Any value.
        b: Its counterpart.
        registered: The ids of tensors that are compared elsewhere.
        seen: Pairs that are being compared already.
    """
    if a is b or (id(a), id(b)) in seen or (id(a) in registered and id(b) in registered):
        return True
    if isinstance(a, CODE) and isinstance(b, CODE):
        return True
    if type(a) is not type(b):
        return False
    seen |= {(id(a), id(b))}
    match a:
        case Tensor():
            return same_bits(a, b)
        case torch.Generator():
            return torch.equal(a.get_state(), b.get_state())
        case random.Random():
            return a.getstate() == b.getstate()
        case float():
            return a == b or (math.isnan(a) and math.isnan(b))
        case None | bool() | int() | str() | bytes() | complex() | Set():
            return bool(a == b)
        case Mapping():  # keys, too, may be tensors
            return alike([*a.items()], [*b.items()], registered, seen)
        case GeneratorType():  # how far one is that has begun, nobody can say
            return getgeneratorstate(a) == getgeneratorstate(b) and getgeneratorstate(a) in (GEN_CREATED, GEN_CLOSED)
        case list() | tuple() | deque():
            pairs = zip_longest(a, b)
            return len(a) == len(b) and all(alike(one, other, registered, seen) for one, other in pairs)
    if hasattr(a, "__dict__"):
        return alike(vars(a), vars(b), registered, seen)
    try:
        return pickle.dumps(a) == pickle.dumps(b)  # arrays, NumPy's generators, and the like
    except (TypeError, AttributeError, pickle.PicklingError):
        return True
