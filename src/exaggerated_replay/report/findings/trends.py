"""What grows or shrinks towards the paper's size, as the page shows it."""

from collections import Counter

import pandas as pd

from exaggerated_replay.analysis.words import PARTS, counted, points
from exaggerated_replay.planning.questions import SIZES
from exaggerated_replay.report.tables import SHORT, Value, chance, estimated, size

NOTE = (
    "In every seed a straight line is laid through the differences over the logarithm of the size. Its slope is level "
    "if it is within the smallest effect of interest per tenfold size (two one-sided tests over seeds); else it rises "
    "or falls if a t test over seeds says so (adjusted by Holm for the rows of this table); else it is undecided. The "
    "last column draws the line on to the paper's size: a guess, as far as that lies from what was run, and none where "
    "parabolas in place of the lines bend, in the mean over seeds (t test)."
)
HEADINGS = (
    *("arm", "classes", "sizes run", "seeds", "points per tenfold size", "p (Holm)", "difference"),
    "drawn on to the paper's size",
)


def rows(table: pd.DataFrame) -> list[list[Value]]:
    """Lay out the table, a row per arm and metric."""
    return [
        [
            Value(row["arm"]),
            Value(SHORT[row["metric"]]),
            Value(f"{size(row['least'])} to {size(row['most'])}"),
            Value(str(row["seeds"])),
            Value(estimated(row["slope"], row["low"], row["high"])),
            Value(chance(row["p_holm"])),
            Value(row["verdict"], badge=True),
            Value(_drawn_on(row)),
        ]
        for _, row in table.iterrows()
    ]


def _drawn_on(row: pd.Series) -> str:
    if pd.isna(row["at_papers"]):
        return f"no straight line (p {chance(row['p_straight'])})"
    return estimated(row["at_papers"], row["at_papers_low"], row["at_papers_high"])


def clause(tables: pd.DataFrame, treatment: str) -> str:
    """Say of every size how many differences rise, and if that is decided, what the treatment's would come to."""
    return "; ".join(_of_size(table, treatment) for _, table in tables.groupby("size", sort=False))


def _of_size(table: pd.DataFrame, treatment: str) -> str:
    verdicts, first = Counter(table["verdict"]), table.iloc[0]
    words = {"rises": "rising", "falls": "falling", "level": "level", "undecided": "undecided"}
    counts = ", ".join(f"{verdicts[verdict]} {word}" for verdict, word in words.items() if verdicts[verdict])
    said = (
        f"towards the paper's {size(first['papers'])} ({SIZES[first['size']].title}), of "
        f"{counted(len(table), 'difference')} {counts}"
    )
    own = table["arm"].eq(treatment) & table["metric"].eq("first20") & table["verdict"].ne("undecided")
    for _, row in table[own].iterrows():
        what = f"{treatment} on {PARTS['first20']}"
        if pd.notna(row["at_papers_low"]):
            low, high = points(row["at_papers_low"]), points(row["at_papers_high"])
            said += f"; {what} would come to {points(row['at_papers'])} points there ({low} to {high})"
        elif pd.isna(row["at_papers"]):
            said += f"; {what} follows no straight line"
    return said
