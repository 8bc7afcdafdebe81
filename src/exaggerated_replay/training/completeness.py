"""Is all that a method keeps from step to step part of its state? Asked before a state is saved, by going on from it.

What is none of a method's modules, buffers and generators would be forgotten when a run is interrupted, and the run
would go on to other numbers without a word.
"""

import math
import pickle
import random
from collections import deque
from collections.abc import Iterator, Mapping, Set
from functools import partial
from itertools import zip_longest
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.method import Method, State

OF_EVERY_MODULE = vars(nn.Module()).keys()  # parameters and buffers among them, which are compared by name
CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, partial)


def ambient() -> tuple[Any, ...]:
    """Return where the process's own random streams are: those of torch, NumPy and Python."""
    return torch.get_rng_state(), np.random.get_state(legacy=False), random.getstate()


def check_complete(method: Method, state: State, before: tuple[Any, ...]) -> None:
    """Check that a run which resumes from a state would have all that the method has now.

    Args:
        method: Between two steps of a task.
        state: What its `state` returned.
        before: What `ambient` returned when the run began: no method may draw from these streams, because they are
            neither the run's nor part of its state.

    Raises:
        UserError: Something that changes while training is not in the state.
    """
    what = f"the method {method.settings.method}"
    for whose, now, then in zip(("torch", "NumPy", "Python"), ambient(), before, strict=True):
        if not alike(now, then, set()):
            raise UserError(
                f"{what} draws from {whose}'s own random numbers, so that a run would not be the same twice: give "
                "whatever draws a generator from self.draw(PURPOSE)"
            )
    if missing := sorted(set(forgotten(method, state))):
        raise UserError(
            f"{what} keeps {', '.join(missing)} outside of its state, so that an interrupted run would resume wrongly: "
            "in __init__, make it a module or a buffer (register_buffer), or draw it with self.draw(PURPOSE)"
        )


def forgotten(method: Method, state: State) -> Iterator[str]:
    """Return the names of what another method that goes on from the state has not, or has otherwise."""
    with torch.random.fork_rng(devices=[]):  # layers draw their first weights from torch's own stream
        twin = type(method)(method.problem, method.settings)
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
        case Mapping():
            return [*a] == [*b] and all(alike(a[key], b[key], registered, seen) for key in a)
        case list() | tuple() | deque():
            pairs = zip_longest(a, b)
            return len(a) == len(b) and all(alike(one, other, registered, seen) for one, other in pairs)
    if hasattr(a, "__dict__"):
        return alike(vars(a), vars(b), registered, seen)
    try:
        return pickle.dumps(a) == pickle.dumps(b)  # arrays, NumPy's generators, and the like
    except (TypeError, AttributeError, pickle.PicklingError):
        return True
