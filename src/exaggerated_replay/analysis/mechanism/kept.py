"""What tables of mechanism said before, where today's traces say less: records travel, traces often do not."""

from collections.abc import Collection
from io import StringIO

import pandas as pd

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.study.tables import as_csv


def cells_as_before(study: Study, before: Study) -> set[str]:
    """Return the cells whose earlier tables still hold: all their runs are there and unchanged, and their baseline's.

    Args:
        study: As it is now; it may have more runs of a cell.
        before: As it was when the tables were made.
    """
    then, now = before.plan.baselines, study.plan.baselines

    def holds(cell: str) -> bool:
        runs = {run.name for run in before.plan.cells[cell].runs}
        here = {run.name for run in study.plan.cells[cell].runs} if cell in study.plan.cells else set()
        return runs <= here and all(study.records[run].written == before.records[run].written for run in runs)

    return {
        cell
        for cell in before.plan.cells
        if holds(cell) and then.get(cell) == now.get(cell) and (cell not in then or holds(then[cell]))
    }


def completed(table: str, before: str, cells: Collection[str], order: Collection[str]) -> str:
    """Take, cell by cell, the rows of the table that speaks of more seeds; of today's where both speak of as many.

    Args:
        table: Of today's traces, as CSV with the columns cell and seeds; empty where there are none.
        before: The same table as it was.
        cells: Those whose earlier rows still hold.
        order: All cells, in the order of the rows.
    """
    today, earlier = _read(table), _read(before)
    of_today, of_earlier = (rows.groupby("cell")["seeds"].max() for rows in (today, earlier))
    chosen = [
        earlier[earlier["cell"] == cell]
        if cell in cells and of_earlier.get(cell, 0) > of_today.get(cell, 0)
        else today[today["cell"] == cell]
        for cell in order
    ]
    rows = pd.concat([rows for rows in chosen if len(rows)] or [today])
    return "" if rows.empty else as_csv(rows)


def _read(table: str) -> pd.DataFrame:
    """Read a table whose values stay as they are written; one that is damaged counts as empty."""
    try:
        read = pd.read_csv(StringIO(table), dtype=str, keep_default_na=False)
        return read.astype({"cell": str, "seeds": int})
    except (KeyError, ValueError):
        return pd.DataFrame({"cell": [], "seeds": []})
