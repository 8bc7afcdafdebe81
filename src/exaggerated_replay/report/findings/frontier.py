"""What lies beyond the baseline's reach, as the page shows it."""

from collections import Counter

import pandas as pd

from exaggerated_replay.analysis.words import SHORT, amount, counted
from exaggerated_replay.report.tables import Value, chance, number

NOTE = (
    "At a strength c of synaptic intelligence, an arm lies beyond the baseline's reach if, of each strength of the "
    "baseline and of all that lies on a straight line between two of them, it exceeds the accuracy on the first 20 % "
    "of classes or on all of them; within it if there is a strength of the baseline that it exceeds on neither by as "
    "much as the margin; else it is undecided. Both are decided by anytime-valid evidence, for all rows of this table "
    "together. Differences are those from what is hardest to exceed."
)


def headings(table: pd.DataFrame) -> list[str]:
    """Return the headings of the columns, which are the same for every table."""
    metrics = (SHORT["first20"], SHORT["overall"])
    return ["cell", "c", "hardest c of the baseline", "seeds", *metrics, "p", "of the baseline's reach"]


def rows(table: pd.DataFrame) -> list[list[Value]]:
    """Lay out the table, a row per cell."""
    return [
        [
            Value(row["cell"], runs_of=row["cell"]),
            Value(amount(row["c"])),
            Value(_strength(row), runs_of=row["rival"]),
            Value(str(row["seeds"])),
            Value(number(row["first20"])),
            Value(number(row["overall"])),
            Value(chance(row["p"])),
            Value(row["verdict"], badge=True),
        ]
        for _, row in table.iterrows()
    ]


def _strength(row: pd.Series) -> str:
    if pd.isna(row["other_c"]):
        return amount(row["rival_c"])
    return "between {} and {}".format(*map(amount, sorted([row["rival_c"], row["other_c"]])))


def clause(tables: pd.DataFrame) -> str:
    """Say how many cells lie beyond the reach."""
    verdicts = Counter(tables["verdict"])
    return (
        "beyond the baseline's reach at any strength c of synaptic intelligence: "
        f"{verdicts['beyond']} of {counted(len(tables), 'cell')} "
        f"({verdicts['within']} within it, {verdicts['undecided']} undecided)"
    )
