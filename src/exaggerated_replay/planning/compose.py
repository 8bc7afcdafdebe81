"""conf/ to params.yaml: Hydra composes, params.yaml is what everything reads."""

from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan

GROUPS = ("dataset", "encoder", "study", "compute", "reading", "rules")


def compose_values(conf: Path, overrides: list[str]) -> dict[str, Any]:
    """Compose conf/config.yaml under Hydra overrides such as `dataset=mnist` or `study.seeds=3`.

    Raises:
        UserError: An override names a group, an option or a key that does not exist.
    """
    try:
        with initialize_config_dir(str(conf.resolve()), version_base=None):
            return OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"conf/ cannot be composed with {' '.join(overrides)}: {_reason(str(error))}") from None


def _reason(message: str) -> str:
    """Put Hydra's several lines into one sentence, without its hints at its own command line."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line.rstrip(".") for line in lines if not line.startswith(("Config search path", "provider=", "To append"))]
    if "Could not override" in told[0]:
        return f"{told[0]}, because conf/ has no such key"
    return "; ".join(told)


def write_params(conf: Path, overrides: list[str], target: Path) -> None:
    """Compose, check and write params.yaml; a file that would not be valid is not written.

    Raises:
        UserError: The composition fails, or its outcome is not valid.
    """
    values = compose_values(conf, overrides)
    make_plan(check_params(values))
    write_text(target, yaml.safe_dump(values, sort_keys=False, width=110))


def drift(conf: Path, values: dict[str, Any]) -> list[str]:
    """Return the keys in which params.yaml differs from what conf/ composes for the same groups.

    Single keys set on the command line when composing show up too: they are differences from conf/.
    """
    chosen = [f"{group}={values[group]['name']}" for group in GROUPS if group in values]
    return sorted(_differences(compose_values(conf, chosen), values, ""))


def drift_warning(conf: Path, values: dict[str, Any]) -> str:
    """Return what to tell the user where params.yaml differs from conf/; an empty text where it does not."""
    keys = drift(conf, values)
    if not keys:
        return ""
    return (
        f"params.yaml differs from conf/ in: {', '.join(keys)}. What params.yaml says is used; "
        "`exaggerated-replay compose` writes it from conf/ again."
    )


def _differences(left: Any, right: Any, where: str) -> list[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        keys = left.keys() | right.keys()
        return [d for k in keys for d in _differences(left.get(k), right.get(k), f"{where}.{k}".lstrip("."))]
    return [] if left == right else [where]
