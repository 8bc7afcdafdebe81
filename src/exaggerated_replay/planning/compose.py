"""conf/ to params.yaml: Hydra composes, params.yaml is what everything reads.

Hydra is imported where it composes: half a second that most starts of the workflow do without.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json, write_text
from exaggerated_replay.git import git
from exaggerated_replay.locks import at_work, is_held
from exaggerated_replay.places import EXPERIMENT, HELD, SNAKEMAKE, checkout
from exaggerated_replay.planning.params import PARAMS, check_params, read_params
from exaggerated_replay.planning.plan import Plan, make_plan
from exaggerated_replay.settings.nested import flat, follow
from exaggerated_replay.strict_yaml import dump_yaml
from exaggerated_replay.wording import did_you_mean

GROUPS = ("dataset", "hyper", "size", "encoder", "study", "compute", "reading", "rules")
OPEN = ("methods", "arms", "study.grids", "study.figures")
"""Keys below which names are the user's own."""


def compose_values(conf: Path, overrides: list[str]) -> dict[str, Any]:
    """Compose conf/config.yaml under Hydra overrides such as `dataset=mnist` or `study.seeds=3`.

    Raises:
        UserError: An override names a group, an option or a key that does not exist, or a file of conf/ is broken.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    given = f" with {' '.join(overrides)}" if overrides else ""
    for override in overrides:
        check_override(override)
    try:
        with initialize_config_dir(str(conf.resolve()), version_base=None):
            values = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
            return cast(dict[str, Any], values)  # of a mapping it is one
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{conf.name}/ cannot be composed{given}: {_reason(str(error), conf, overrides)}") from None


def check_override(override: str) -> None:
    """Refuse a value with characters that mean something else to Hydra, as the path of a file may have them.

    Raises:
        UserError: It has, and is not in quotes.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    key, equals, value = override.partition("=")
    try:
        if not OverridesParser.create().parse_override(override).is_sweep_override():
            return
    except (HydraException, OmegaConfBaseException):
        pass
    if equals and re.fullmatch(r"[\w./@]+", key) and value[:1] not in ("'", '"', "[", "{"):
        quoted = os.path.expanduser(value).replace("\\", "\\\\").replace('"', '\\"')
        raise UserError(
            f"{key}: {value!r} has characters that mean something to Hydra, such as = , ( # ~ (a list stands in "
            f"""brackets): put it in quotes, {shlex.quote(f'{key}="{quoted}"')}"""
        )


def _reason(message: str, conf: Path, overrides: list[str]) -> str:
    """Put Hydra's several lines into one sentence, without its hints at its own command line."""
    if found := re.search(r"Could not find '(\w+)/(.+)'", message):
        group, option = found.groups()
        names = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        hint = did_you_mean(option, names, f"choose one of {', '.join(names)}")
        return f"{conf.name}/{group}/ has no {option}.yaml: {hint}"
    if overrides and (found := re.search(r"Could not override '([^']+)'", message)):
        key, usual = found[1], compose_values(conf, [])
        above, _, name = key.rpartition(".")
        if above in OPEN:
            close = did_you_mean(name, follow(usual, above), "", most=1)
            hint = f"{close} A new one takes a plus, '+{key}=...'".lstrip()
        else:
            hint = did_you_mean(key, [*GROUPS, *flat(usual)], "check its spelling", most=1)
        return f"{conf.name}/ has no key {key}: {hint}"
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line.rstrip(".") for line in lines if not line.startswith(("Config search path", "provider=", "To append"))]
    return "; ".join(told) or "it is nested too deeply"


def write_params(conf: Path, overrides: list[str], target: Path) -> Plan:
    """Compose, check and write params.yaml; what the workflow would refuse is not written.

    Args:
        conf: The folder conf/.
        overrides: What the user asks for; it is written down under `composed_with`.
        target: params.yaml.

    Returns:
        The plan that follows.

    Raises:
        UserError: The composition fails, or its outcome is not valid, or asks for what cannot be; or a run is at work.
    """
    try:
        values = {**compose_values(conf, overrides), "composed_with": overrides}
        plan = make_plan(check_params(values))
    except UserError as error:
        told = str(error).removeprefix(f"{PARAMS}: ")  # what was given is at fault, and not what the file holds
        raise UserError(f"{told}; {_still_held(target)}") from None
    put_params(target, values)
    return plan


def put_params(target: Path, values: dict[str, Any]) -> None:
    """Write params.yaml, and note what it holds.

    Raises:
        UserError: A run is at work: its later jobs, and the next stage of `dvc repro`, would read another params.yaml.
    """
    if is_held(SNAKEMAKE):
        raise UserError(at_work(SNAKEMAKE))
    text = dump_yaml(values)
    write_text(target, text)
    note_held(text)


def note_held(params: str) -> None:
    """Note the text of params.yaml, and beside what committed one, unless DVC composed it, for an experiment."""
    if EXPERIMENT not in os.environ:
        write_json(checkout() / HELD, {"params": params, "committed": committed_params("HEAD")})


def committed_params(commit: str) -> str:
    """Return Git's name of the content of params.yaml in a commit; an empty text where Git knows none."""
    try:
        return git("rev-parse", "--quiet", "--verify", f"{commit}:{PARAMS}").stdout.strip()
    except FileNotFoundError:
        return ""


def spelt(value: Any) -> str:
    """Return a value as Hydra reads it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {spelt(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelt, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, str):
        return str(value)
    return value if re.fullmatch(r"[A-Za-z][\w-]*", value) else "'{}'".format(value.replace("'", r"\'"))


def _still_held(target: Path) -> str:
    """Say what params.yaml holds where it was not written anew: that is what a next command would run."""
    if not target.exists():
        return f"{target} is not written"
    try:
        values, params = read_params(target)
    except (UserError, OSError):
        return f"{target} is left as it was, which is not valid either"
    given = values.get("composed_with")
    how = f", composed with {' '.join(given)}" if given else ""
    return f"{target} still holds the study {params.study.name}{how}"
