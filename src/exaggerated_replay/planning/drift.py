"""Where params.yaml differs from what conf/ composes, and how that is said."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, read_json, write_json
from exaggerated_replay.places import DRIFT, is_experiments_copy
from exaggerated_replay.planning.compose import GROUPS, compose_values
from exaggerated_replay.settings.nested import differences


def drift(conf: Path, values: dict[str, Any]) -> list[str]:
    """Return the keys in which params.yaml differs from what conf/ composes under what the user asked for.

    `dvc exp run -S` does not write down what it was given: then conf/ is composed for the same options of all groups,
    and single keys that were set show up.

    Raises:
        UserError: conf/ cannot be composed.
    """
    asked = values.get("composed_with")
    wanted = compose_values(conf, asked if asked is not None else options(conf, values))
    return sorted(differences({**wanted, "composed_with": asked}, values))


def drift_warning(conf: Path, values: dict[str, Any]) -> str:
    """Return what to tell the user where params.yaml differs from conf/; an empty text where it does not.

    A broken conf/ is told too, and is no reason to refuse a params.yaml that is right.
    """
    try:
        keys = drift(conf, values)
    except UserError as error:
        return f"{error}. What params.yaml says is used."
    if not keys:
        return ""
    study = conf / "study" / f"{_study(values)}.yaml"
    if is_experiments_copy() and not study.is_file():
        return (
            f"{study} is not in this copy, in which an experiment has what Git tracks and no other file. What "
            "params.yaml says is used; add the study to Git to have it compared with conf/."
        )
    if values.get("composed_with") is None:
        return (
            f"params.yaml has values of its own, set by hand or by `dvc exp run -S`, for: {', '.join(keys)}. They are "
            "used; `exaggerated-replay compose` writes the file from conf/ again."
        )
    return (
        f"params.yaml differs from conf/ in: {', '.join(keys)}. What params.yaml says is used; "
        "`exaggerated-replay compose` writes it from conf/ again."
    )


def drift_warning_once(conf: Path, values: dict[str, Any], *, note: bool) -> str:
    """Return `drift_warning`, composed once for the same params.yaml and the same conf/: it takes a second.

    Args:
        conf: The folder conf/.
        values: What params.yaml says.
        note: Whether to write down what was found; who only looks changes nothing.
    """
    files = {str(path): file_digest(path) for path in sorted(conf.rglob("*.yaml"))}
    compared = digest_of([values, files, is_experiments_copy()])
    with suppress(UserError, OSError, KeyError, TypeError):
        before = read_json(DRIFT)
        if before["compared"] == compared:
            return str(before["told"])
    told = drift_warning(conf, values)
    if note:
        write_json(DRIFT, {"compared": compared, "told": told})
    return told


def options(conf: Path, values: dict[str, Any]) -> list[str]:
    """Return the option of each group that the values were composed from, as far as conf/ has it."""
    names = {group: values.get(group, {}).get("name") for group in GROUPS} | {"study": _study(values)}
    return [f"{group}={name}" for group, name in names.items() if (conf / group / f"{name}.yaml").is_file()]


def _study(values: dict[str, Any]) -> str:
    """Return what the file of the study is called, whose name may end in that of a size."""
    return str(values.get("study", {}).get("name")).removesuffix(values.get("size", {}).get("suffix") or "")
