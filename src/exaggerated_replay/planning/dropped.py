"""What held here and `dvc exp run` would drop: it composes params.yaml from conf/ anew, and knows only its own -S."""

import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.git import git
from exaggerated_replay.places import EXPERIMENT, HELD, checkout
from exaggerated_replay.planning.compose import (
    GROUPS,
    committed_params,
    compose_values,
    differences,
    options,
    spelt,
)
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.settings.nested import follow, holder_of
from exaggerated_replay.strict_yaml import parse_yaml


def check_nothing_dropped(conf: Path, values: dict[str, Any]) -> None:
    """Check, in an experiment of DVC's, that params.yaml still says what was asked for here before.

    Args:
        conf: The folder conf/.
        values: What params.yaml says now.

    Raises:
        UserError: A setting that was asked for before is the one of conf/ again, and nobody asked for that.
    """
    before = _held()
    if before is None:
        return
    try:
        gone = dropped(conf, values, before)
    except UserError:  # conf/ is broken, which is told elsewhere
        return
    if gone:
        with_what = before.get("composed_with") or []
        back = (
            f"; `{shlex.join(['exaggerated-replay', 'compose', *with_what])}` writes it as it was" if with_what else ""
        )
        raise UserError(
            f"`dvc exp run` composes {PARAMS} from conf/ anew and would drop {', '.join(gone)}: name that with -S, "
            f"too, or write what is to hold with `exaggerated-replay compose` first{back}"
        )


def dropped(conf: Path, values: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return the settings, as overrides, that somebody had chosen and that are as conf/ has them by itself again.

    A setting that is neither as it was nor as conf/ has it was chosen anew.

    Raises:
        UserError: conf/ cannot be composed.
    """
    usual, chosen, now = (
        dict(option.split("=") for option in options(conf, it))
        for it in (
            compose_values(conf, []),
            before,
            values,
        )
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


def _held() -> dict[str, Any] | None:
    """Return what params.yaml held before the experiment; None outside of one, and where nothing is known."""
    commit = os.environ.get(EXPERIMENT)
    if commit is None:
        return None
    with suppress(UserError, OSError, KeyError, TypeError):
        noted = read_json(checkout() / HELD)
        before, now = noted["committed"], committed_params(commit)
        if before == now or not (before and now):  # else another version was checked out since
            return dict(noted["params"])
    try:
        held = parse_yaml(git("show", f"{commit}:{PARAMS}").stdout, PARAMS.name)
    except (UserError, OSError):
        return None
    return held if isinstance(held, dict) else None
