"""What grows or shrinks with the size, as the page shows it."""

from collections import Counter

import pandas as pd

from exaggerated_replay.analysis.words import SHORT, amount, between, counted
from exaggerated_replay.planning.questions import SIZES
from exaggerated_replay.report.tables import Value, estimated

NOTE = (
    "In every seed a straight line is laid through the differences over the logarithm of the size. Its slope is level "
    "if it is within the margin of negligible differences per tenfold size; else it rises or falls if zero is "
    "excluded; else it is undecided. The anytime-valid intervals, which decide this, hold for all rows of this table "
    "together. Nothing is said of sizes that were not run."
)


def headings(table: pd.DataFrame) -> list[str]:
    """Return the headings of the columns; the paper's size has one where the table holds it."""
    papers = ["the paper's"] if "papers" in table else []
    return ["arm", "classes", "sizes run", *papers, "seeds", "points per tenfold size", "anytime-valid", "difference"]


def rows(table: pd.DataFrame) -> list[list[Value]]:
    """Lay out the table, a row per arm and metric."""
    return [
        [
            Value(row["arm"]),
            Value(SHORT[row["metric"]]),
            Value(f"{amount(row['least'])} to {amount(row['most'])}"),
            *([Value(amount(row["papers"]))] if "papers" in table else []),
            Value(str(row["seeds"])),
            Value(estimated(row["slope"], row["low"], row["high"])),
            Value(between(row["valid_low"], row["valid_high"])),
            Value(row["verdict"], badge=True),
        ]
        for _, row in table.iterrows()
    ]


def clause(tables: pd.DataFrame) -> str:
    """Say of every size how many differences rise and fall with it."""
    return "; ".join(_of_size(table) for _, table in tables.groupby("size", sort=False))


def _of_size(table: pd.DataFrame) -> str:
    verdicts, first = Counter(table["verdict"]), table.iloc[0]
    words = {"rises": "rising", "falls": "falling", "level": "level", "undecided": "undecided"}
    counts = ", ".join(f"{verdicts[verdict]} {word}" for verdict, word in words.items() if verdicts[verdict])
    least, most = amount(table["least"].min()), amount(table["most"].max())
    title = SIZES[first["size"]].title
    return f"from {least} to {most} ({title}), of {counted(len(table), 'difference')} {counts}"
