"""What held here and `dvc exp run` would drop: it composes params.yaml from conf/ anew, and knows only its own -S."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json, write_text
from exaggerated_replay.git import git
from exaggerated_replay.places import EXPERIMENT, HELD, checkout
from exaggerated_replay.planning.compose import GROUPS, committed_params, compose_values, spelt
from exaggerated_replay.planning.drift import options
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.settings.nested import differences, follow, holder_of
from exaggerated_replay.strict_yaml import parse_yaml, read_yaml


def check_nothing_dropped(conf: Path, values: dict[str, Any]) -> None:
    """Check, in an experiment of DVC's, that params.yaml still says what was asked for here before.

    Args:
        conf: The folder conf/.
        values: What params.yaml says now.

    Raises:
        UserError: A setting that was asked for before is the one of conf/ again, and nobody asked for that.
    """
    try:
        before = parse_yaml(_held() or "", PARAMS.name)
        gone = dropped(conf, values, before) if isinstance(before, dict) else []
    except UserError:  # conf/ is broken, which is told elsewhere
        return
    if gone:
        raise UserError(
            f"`dvc exp run` composes {PARAMS} from conf/ anew and would drop {', '.join(gone)}: name that with -S, "
            "too, or write what is to hold with `exaggerated-replay compose` first"
        )


@contextmanager
def put_back() -> Iterator[None]:
    """Give params.yaml, where the block refuses what DVC composed for an experiment, what it held before.

    A command that is refused changes nothing: the next one would run what nobody got to see.
    """
    try:
        yield
    except UserError as error:
        before = _held()
        if before is None or not _composed_by_dvc():
            raise
        write_text(PARAMS, before)
        raise UserError(f"{error}; {PARAMS} holds again what it held before") from None


def dropped(conf: Path, values: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return the settings, as overrides, that somebody had chosen and that are as conf/ has them by itself again.

    A setting that is neither as it was nor as conf/ has it was chosen anew.

    Raises:
        UserError: conf/ cannot be composed.
    """
    usual, chosen, now = (
        dict(option.split("=") for option in options(conf, it)) for it in (compose_values(conf, []), before, values)
    )
    groups = [
        f"{group}={chosen[group]}"
        for group in GROUPS
        if group in chosen and chosen[group] != now.get(group) == usual.get(group)
    ]
    by_conf = {**compose_values(conf, options(conf, before)), "composed_with": before.get("composed_with")}
    again = compose_values(conf, options(conf, values))
    gone = []
    for key in sorted(differences(by_conf, before)):
        was, is_now, is_usual = (follow(where, key) for where in (before, values, again))
        if was != is_now == is_usual:
            new = "" if holder_of(again, key) else "++"  # to Hydra, what conf/ does not have
            gone.append(f"{new}{key}={spelt(was)}" if holder_of(before, key) else f"~{key}")
    return [*groups, *gone]


def _composed_by_dvc() -> bool:
    """Tell whether params.yaml is as DVC composes it, which does not write down what it was given."""
    with suppress(UserError, OSError):
        values = read_yaml(PARAMS)
        return isinstance(values, dict) and values.get("composed_with") is None
    return False


def _held() -> str | None:
    """Return the text of params.yaml before the experiment; None outside of one, and where nothing is known."""
    commit = os.environ.get(EXPERIMENT)
    if commit is None:
        return None
    with suppress(UserError, OSError, KeyError, TypeError):
        noted = read_json(checkout() / HELD)
        before, now = noted["committed"], committed_params(commit)
        if before == now or not (before and now):  # else another version was checked out since
            return str(noted["params"])
    with suppress(OSError):
        return git("show", f"{commit}:{PARAMS}").stdout or None
    return None
