"""Values checked against a settings dataclass, and refused in one sentence that names the key."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError

from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.run import MethodSettings
from exaggerated_replay.wording import did_you_mean

Kind = TypeVar("Kind")


# What pydantic calls the alternatives of a union, among the parts of a key's path.
ALTERNATIVE = re.compile(r"(constrained-)?(int|float|str|bool)|(literal|list|dict|function-\w+)\[.*")

DEMANDS = {
    "greater_than_equal": "at least {ge:.12g}",
    "greater_than": "greater than {gt:.12g}",
    "less_than_equal": "at most {le:.12g}",
    "less_than": "less than {lt:.12g}",
    "too_short": "of at least {min_length} items",
    "too_long": "of at most {max_length} items",
    "literal_error": "{expected}",
    **dict.fromkeys(("int_type", "int_from_float", "int_parsing", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    "string_type": "text",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "list_type": "a list",
    **dict.fromkeys(("dict_type", "dataclass_type"), "a mapping of settings"),
}
"""What a setting must be, by pydantic's name for the way in which it is not."""


@functools.cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what checks values against a type; making one takes longer than using it."""
    return TypeAdapter(kind)


def check(kind: type[Kind], values: Any, where: str = "") -> Kind:
    """Check values against a settings dataclass and return an instance of it.

    Args:
        kind: The dataclass.
        values: What was read.
        where: The dotted key at which the values stand.

    Raises:
        UserError: Naming the first key that is wrong.
    """
    try:
        return adapter(cast(Any, kind)).validate_python(values)
    except ValidationError as error:
        # A key that does not exist first: it usually is the misspelt name of one that is missing.
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "unexpected_keyword_argument")
        keys = {_key(problem) for problem in problems}
        more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
        same = [problem for problem in problems if _key(problem) == _key(problems[0])]
        raise UserError(f"params.yaml: {_sentence(kind, same, where)}{more}") from None


def check_arm(values: Any, where: str) -> MethodSettings:
    """Check the settings of one arm against those of its method, which somebody's own file may give any type.

    Raises:
        UserError: Naming the key below `where`.
    """
    if not isinstance(values, dict) or "method" not in values:
        raise UserError(f"params.yaml: {where}.method is missing: choose one of {', '.join(method_names())}")
    check_choice(values["method"], method_names(), f"{where}.method", "a method")
    try:
        method = check(settings_of(values["method"]), values, where)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise UserError(
            f"methods.{values['method']}: Settings has a type that params.yaml cannot hold "
            f"({str(error).splitlines()[0].rstrip('.')}): give each setting one of numbers, text, lists and mappings"
        ) from error
    for key, value in asdict(method).items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise UserError(
                f"params.yaml: {where}.{key} is {shown(value)}, which a run's record cannot hold: give it a type of "
                "finite numbers, text, lists and mappings"
            ) from None
    return method


def check_choice(value: Any, choices: Any, where: str, what: str) -> None:
    """Raise a UserError unless the value is one of the choices, each of which is `what`, such as "an arm"."""
    if not isinstance(value, str) or value not in choices:
        raise UserError(
            f"params.yaml: {where} is {shown(value)}, which is not {what}: choose one of {', '.join(choices)}"
        )


def shown(value: Any) -> str:
    """Return a value as a sentence shows it: as it is written, and cut where it is long."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _key(problem: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path of the wrong key, without the alternatives that pydantic adds where a type is a union."""
    path = [str(part) for part in problem["loc"]]
    return tuple(part for part in path if not ALTERNATIVE.fullmatch(part))


def _sentence(kind: type, problems: Sequence[Mapping[str, Any]], where: str) -> str:
    """Say what is wrong with one key; there are several problems where none of several types fits."""
    problem, location = problems[0], list(_key(problems[0]))
    key = ".".join(filter(None, [where, *location]))
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "unexpected_keyword_argument":
            names = _names(kind, location[:-1])
            hint = did_you_mean(location[-1], names, "remove it, or check its spelling", most=1)
            return f"{key} is not a setting: {hint}"
        case "value_error":
            return f"{key + ': ' if key else ''}{problem['ctx']['error']}"
        case "literal_error" if len(problems) == 1:
            return f"{key} is {shown(problem['input'])}: choose {problem['ctx']['expected']}"
        case _:
            demands = dict.fromkeys(_demand(p) for p in problems)
            return f"{key} is {shown(problem['input'])}: it must be {', or '.join(demands)}"


def _demand(problem: Mapping[str, Any]) -> str:
    """Return what the setting must be; pydantic's own words where there are none of ours."""
    words = DEMANDS.get(problem["type"])
    return words.format(**problem.get("ctx", {})) if words else f"right ({problem['msg'].rstrip('.')})"


def _names(kind: Any, path: list[str]) -> list[str]:
    """Return the names of the settings at a path below a dataclass."""
    for part in path:
        hint = get_type_hints(kind).get(part)
        kind = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), kind)
    return [f.name for f in fields(kind)]
