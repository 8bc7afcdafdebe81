"""The model of the cell in focus, where its path names neither arm nor digest."""

import shutil
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import replacing
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.store.records import RECORD, WEIGHTS, is_complete


def copy_focus(plan: Plan, target: Path) -> None:
    """Copy checkpoint and record of the first seed of the cell in focus.

    A copy, because DVC knows files by their content: it stores the checkpoint once.

    Args:
        plan: Whose cell in focus it is.
        target: Folder to copy to.

    Raises:
        UserError: The run is missing, or its checkpoint is not the one that its record names.
    """
    run = plan.cells[plan.focus].runs[0].directory
    if not is_complete(run):
        raise UserError(f"{run} is not whole: `exaggerated-replay verify` says what is wrong")
    for name in (WEIGHTS, RECORD):
        with replacing(target / name) as temporary:
            shutil.copyfile(run / name, temporary)
