"""What is to be said of a plan when it is composed: what the user's own data are like, and what is made of them."""

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
