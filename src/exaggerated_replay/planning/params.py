"""params.yaml checked against the settings, and refused with one sentence if something is off."""

import difflib
import functools
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.study import Params

PARAMS = Path("params.yaml")

_adapter = functools.cache(TypeAdapter)


def read_params(path: Path) -> tuple[dict[str, Any], Params]:
    """Read params.yaml and check it; return what it says, as it stands there and as settings.

    Raises:
        UserError: It is missing, no YAML, or says something that is not valid.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: `exaggerated-replay compose` writes it") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    return values, check_params(values)


def check_params(values: Any) -> Params:
    """Check a parsed params.yaml and return it as settings.

    Raises:
        UserError: Naming the first key that is unknown, missing or out of bounds.
    """
    if not isinstance(values, dict):
        raise UserError("params.yaml must be a mapping of settings")
    arms = values.get("arms")
    if not isinstance(arms, dict):
        raise UserError("params.yaml: arms must be a mapping from names to settings")
    arms = {name: check_arm(arm, f"arms.{name}") for name, arm in arms.items()}
    params: Params = check(Params, {**values, "arms": arms})
    for key in ("baseline", "treatment"):
        check_choice(getattr(params.study, key), params.arms, f"study.{key}", "arm")
    return params


def check_arm(values: Any, where: str) -> Any:
    """Check the settings of one arm against those of its method.

    Raises:
        UserError: Naming the key below `where`.
    """
    if not isinstance(values, dict) or "method" not in values:
        raise UserError(f"params.yaml: {where}.method is missing: choose one of {', '.join(method_names())}")
    check_choice(values["method"], method_names(), f"{where}.method", "method")
    return check(settings_of(values["method"]), values, where)


def check_choice(value: Any, choices: Any, where: str, what: str) -> None:
    """Raise a UserError unless the value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise UserError(f"params.yaml: {where} is {value!r}, which is no {what}: choose one of {', '.join(choices)}")


def check(kind: type, values: Any, where: str = "") -> Any:
    """Check values against a settings dataclass and return an instance of it.

    Raises:
        UserError: Naming the first key that is wrong.
    """
    try:
        return _adapter(kind).validate_python(values)
    except ValidationError as error:
        # A key that does not exist first: it usually is the misspelt name of one that is missing.
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "unexpected_keyword_argument")
        keys = {_key(problem) for problem in problems}
        more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
        same = [problem for problem in problems if _key(problem) == _key(problems[0])]
        raise UserError(f"params.yaml: {_sentence(kind, same, where)}{more}") from None


def _key(problem: dict[str, Any]) -> tuple[str, ...]:
    """Return the path of the wrong key, without the alternatives that pydantic adds where a type is a union."""
    path = [str(part) for part in problem["loc"]]
    return tuple(
        part
        for part in path
        if part not in ("float", "int", "str") and not part.startswith(("literal[", "constrained-", "list["))
    )


def _sentence(kind: type, problems: list[dict[str, Any]], where: str) -> str:
    """Say what is wrong with one key; there are several problems where none of several types fits."""
    problem, location = problems[0], list(_key(problems[0]))
    key = ".".join(filter(None, [where, *location]))
    given = problem["input"]
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "unexpected_keyword_argument":
            close = difflib.get_close_matches(location[-1], _names(kind, location[:-1]), n=1)
            hint = f": did you mean {close[0]}?" if close else ": remove it, or check its spelling"
            return f"{key} is no setting{hint}"
        case "value_error":
            return f"{key + ': ' if key else ''}{problem['ctx']['error']}"
        case "literal_error":
            return f"{key} is {given!r}: choose {problem['ctx']['expected']}"
        case _:
            reasons = dict.fromkeys(p["msg"][0].lower() + p["msg"][1:] for p in problems)
            return f"{key} is {given!r}: {', or '.join(reasons)}"


def _names(kind: type, path: list[str]) -> list[str]:
    """Return the names of the settings at a path below a dataclass."""
    for part in path:
        hint = get_type_hints(kind).get(part)
        kind = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), kind)
    return [f.name for f in fields(kind)]


def params_schema() -> dict[str, Any]:
    """Return the JSON schema of params.yaml, for editors."""
    every_method = Union[tuple(settings_of(method) for method in method_names())]  # noqa: UP007 (a tuple of types)
    schema = _adapter(Params).json_schema()
    arms = _adapter(dict[str, every_method]).json_schema()  # type: ignore[valid-type]
    schema["properties"]["arms"] = {**arms, "title": "Arms"}
    schema["$defs"] |= schema["properties"]["arms"].pop("$defs")
    return schema
