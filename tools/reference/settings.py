"""settings.md: every key of params.yaml, from the dataclasses that it is checked against."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from exaggerated_replay.settings.arms import Appearance, Arm
from exaggerated_replay.settings.base import MOST, Within
from exaggerated_replay.settings.data import SourceSettings
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.run import RunSettings
from exaggerated_replay.settings.study import Params
from tools.reference.comments import field_comments, leaves
from tools.reference.markdown import code, page, sentence, table

HEADER = ("setting", "type", "if left out", "meaning")
NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "anything", NoneType: "null"}
UTMOST = (MOST, 1e12)
"""Bounds that catch slips of the keyboard, and that the page states once."""
WRITTEN_IN_CONF = {"reading": Path("conf/reading/default.yaml")}
"""Sections whose settings are explained in a file of conf/ rather than beside the field."""


def settings_page() -> str:
    """Return the page of all settings."""
    introduction = (
        "The keys of `params.yaml`. The workflow refuses a key that is not listed here and a value out of bounds. "
        "Unless stated otherwise, whole numbers go up to 1e9 and other numbers up to 1e12. [Options](options.md) lists "
        "what conf/ fills in, [arms](arms.md) the arms."
    )
    methods = [_method(name) for name in method_names()]
    run = _section("What names a run", RunSettings, "")
    return page("Settings", introduction, [*_sections(Params, "", "params.yaml"), *methods, run])


def _sections(kind: type, prefix: str, title: str) -> Iterator[str]:
    yield _section(title, kind, prefix)
    hints = get_type_hints(kind)
    for field in fields(kind):
        nested = next((t for t in (hints[field.name], *get_args(hints[field.name])) if is_dataclass(t)), None)
        if isinstance(nested, type):
            name = f"{prefix}{field.name}"
            if nested is SourceSettings:  # its keys are those of the data set
                continue
            if nested is Arm:  # the settings of each method have a section of their own
                yield _section(name, Appearance, f"{name}.ARM.")
                continue
            yield from _sections(nested, f"{name}.", name)


def _method(name: str) -> str:
    """Return the section of a method's settings, but for its name."""
    module = import_module(f"exaggerated_replay.methods.{name}")
    own = {key: words for key, words in described(settings_of(name)).items() if key != "method"}
    rows = [[code(f"arms.ARM.{key}"), *words] for key, words in own.items()]
    said = table(HEADER, rows) if rows else "Nothing can be set."
    return f"## method: {name}\n\n{(module.__doc__ or '').splitlines()[0]}\n\n{said}"


def _section(title: str, kind: type, prefix: str) -> str:
    rows = [[code(prefix + name), *words] for name, words in described(kind, prefix.rstrip(".")).items()]
    parts = [f"## {title}", _docstring(kind), table(HEADER, rows)]
    refusals = _refusals(kind)
    if refusals:
        parts.append("Refused:\n\n" + "\n".join(f"- {refusal}" for refusal in refusals))
    return "\n\n".join(parts)


def described(kind: type, section: str = "") -> dict[str, tuple[str, str, str]]:
    """Describe the fields of a dataclass of settings.

    Args:
        kind: The dataclass.
        section: The key in params.yaml under which it stands.

    Returns:
        Name of each field -> its type with its bounds, its default, its meaning.
    """
    hints = get_type_hints(kind, include_extras=True)
    comments = field_comments(kind)
    if section in WRITTEN_IN_CONF:
        in_conf = {leaf.key: leaf.comment for leaf in leaves(WRITTEN_IN_CONF[section])}
        comments = {name: comment or in_conf.get(name, "") for name, comment in comments.items()}
    return {
        field.name: (
            type_of(hints[field.name]),
            _default(field),
            sentence(comments.get(field.name, "") or _nested_docstring(hints[field.name])),
        )
        for field in fields(kind)
        if get_origin(hints[field.name]) is not ClassVar
    }


def type_of(hint: Any) -> str:
    """Return a type in words, with its bounds."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in NAMES:
        return NAMES[hint]
    if origin is Annotated:
        told = (bounds(within) for within in arguments[1:] if isinstance(within, Within))
        return " ".join([type_of(arguments[0]), *filter(None, told)])
    if origin is Literal:
        return ", ".join(code(choice) for choice in arguments)
    if origin in (Union, UnionType):
        return " or ".join(type_of(argument) for argument in arguments)
    if origin is list:
        item = type_of(arguments[0])
        return f"list of ({item})" if " " in item else f"list of {item}"
    if origin is dict:
        return f"mapping from {type_of(arguments[0])} to {type_of(arguments[1])}"
    return "mapping"


def bounds(within: Within) -> str:
    """Return bounds in words: `0 to 1`, `above 0, below 1`."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    given = {key: bound for key in words if (bound := getattr(within, key)) is not None and bound not in UTMOST}
    if given.keys() == {"ge", "le"}:
        return f"from {given['ge']:,} to {given['le']:,}"
    tiny = {"gt": 1e-12, "ge": 1e-12}
    return ", ".join("above 0" if tiny.get(key) == bound else f"{words[key]} {bound:g}" for key, bound in given.items())


def _default(field: "Field[Any]") -> str:
    if field.default is not MISSING:
        return code({None: "null", "": '""'}.get(field.default, field.default))
    if field.default_factory is MISSING:
        return "required"
    made = field.default_factory()
    return code(made) if isinstance(made, dict | list) else "the defaults below"


def _nested_docstring(hint: Any) -> str:
    nested = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), None)
    return _docstring(nested).splitlines()[0] if isinstance(nested, type) else ""


def _docstring(kind: type) -> str:
    """Return what a dataclass is, without the sections of its docstring."""
    return (inspect.getdoc(kind) or "").split("\n\nArgs:")[0]


def _refusals(kind: type) -> list[str]:
    """Return the sentences of a dataclass's own checks; what they fill in is left open."""
    check = vars(kind).get("__post_init__")
    inherited = [line for base in kind.__bases__ if is_dataclass(base) for line in _refusals(base)]
    if check is None:
        return inherited
    calls = [
        node for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(check)))) if isinstance(node, ast.Call)
    ]
    return inherited + [_spelled(call.args[1]) for call in calls if ast.unparse(call.func) == "require"]


def _spelled(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in parts)
