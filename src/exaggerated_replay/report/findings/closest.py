"""Which reading comes closest to the paper's Table 1, as the page shows it."""

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.words import DASH, SHORT
from exaggerated_replay.report.tables import Value, number

NOTE = (
    "How far each cell that exaggerates is from the paper's Table 1: the root mean square, over its three columns, of "
    "the difference found here minus the table's gain (its mean over f), in points. The last row is a method without "
    "any effect. The last column says in which share of resampled sets of seeds a cell is the closest; ties count in "
    "part, and seeds at which a cell diverged do not."
)


def headings(table: pd.DataFrame) -> list[str]:
    """Return the headings of the columns, which are the same for every table."""
    return ["cell", "seeds", *SHORT.values(), "points from Table 1", "closest"]


def rows(table: pd.DataFrame) -> list[list[Value]]:
    """Lay out the table, a row per cell, the closest first."""
    found = [
        [
            Value(row["cell"], runs_of=row["cell"]),
            Value(str(row["seeds"])),
            *(Value(number(row[metric])) for metric in METRICS),
            Value(f"{row['distance']:.2f}"),
            Value(DASH if pd.isna(row["closest"]) else f"{100 * row['closest']:.0f} %"),
        ]
        for _, row in table.iterrows()
    ]
    nothing = [Value("no effect at all"), Value(""), *(Value(number(0)) for _ in METRICS)]
    return [*found, [*nothing, Value(f"{table['without_effect'][0]:.2f}"), Value("")]]


def clause(tables: pd.DataFrame) -> str:
    """Say which cell of all grids is the closest, and how close."""
    row = tables.iloc[int(tables["distance"].to_numpy().argmin())]
    return (
        f"closest to the paper's Table 1 comes {row['cell']}, {row['distance']:.2f} points from it (root mean square "
        f"over its columns; no effect at all is {row['without_effect']:.2f} from it)"
    )
