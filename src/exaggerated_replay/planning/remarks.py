"""What is to be said of a plan when it is composed: what the user's own data are like, and what has no part in it."""

import re
from collections.abc import Sequence
from pathlib import Path

from exaggerated_replay.data.readers.npz import WHITE
from exaggerated_replay.data.values import remarks, values_in
from exaggerated_replay.planning.plan import Plan


def remarks_on_data(plan: Plan) -> list[str]:
    """Say what range the values of the user's npz file have and what is done with it; nothing of published data.

    Raises:
        UserError: The file cannot be read.
    """
    settings = plan.source.settings
    if settings.own_file is None or settings.own_reader != "npz":
        return []
    values = values_in(Path(settings.own_file), "dataset.source")
    return remarks(values, settings.white or WHITE, settings.deviation, replayed=plan.replayed)


def remarks_on_arms(plan: Plan, overrides: Sequence[str]) -> list[str]:
    """Say which arms that the user's settings make or change are in no grid of the study."""
    asked = dict.fromkeys(found[1] for given in overrides if (found := re.match(r"\+{0,2}arms\.([\w-]+)", given)))
    used = {cell.arm for cell in plan.cells.values()}
    return [
        f"No grid of the study {plan.study.name} has the arm {arm}, so it is not trained: name it in one, such as "
        f"study.grids.{next(iter(plan.grids))}."
        for arm in asked
        if arm not in used
    ]
