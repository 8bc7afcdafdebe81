"""params.yaml checked against the settings, and refused with one sentence if something is off."""

from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.checking import check, check_arm, check_choice
from exaggerated_replay.settings.arms import Appearance, Arm
from exaggerated_replay.settings.methods import use_own
from exaggerated_replay.settings.study import Params
from exaggerated_replay.strict_yaml import read_yaml

PARAMS = Path("params.yaml")
LOOK = tuple(Appearance.__dataclass_fields__)
"""Keys of an arm that are no settings of its method."""


def read_params(path: Path) -> tuple[dict[str, Any], Params]:
    """Read params.yaml and check it; return what it says, as it stands there and as settings.

    Raises:
        UserError: It is missing, not YAML, or says something that is not valid.
    """
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: `exaggerated-replay compose` writes it") from None
    return values, check_params(values)


def check_params(values: Any) -> Params:
    """Check a parsed params.yaml and return it as settings.

    Raises:
        UserError: Naming the first key that is unknown, missing or out of bounds.
    """
    if not isinstance(values, dict):
        raise UserError("params.yaml must be a mapping of settings")
    use_own(check(dict[str, str], values.get("methods", {}), "methods"))
    arms = values.get("arms")
    if not isinstance(arms, dict):
        raise UserError("params.yaml: arms must be a mapping from names to settings")
    arms = {name: _arm(arm, f"arms.{name}") for name, arm in arms.items()}
    params = check(Params, {**values, "arms": arms})
    for key in ("baseline", "treatment"):
        check_choice(getattr(params.study, key), params.arms, f"study.{key}", "an arm")
    return params


def _arm(values: Any, where: str) -> Arm:
    """Check one arm: what it looks like, and the settings of its method."""
    if not isinstance(values, dict):
        return Arm(method=check_arm(values, where))
    asked = {key: value for key, value in values.items() if key in LOOK}
    method = check_arm({key: value for key, value in values.items() if key not in LOOK}, where)
    return Arm(**vars(check(Appearance, asked, where)), method=method)
