"""Adding seeds until every claim of a study is decided, or a limit is reached.

Verdicts are anytime-valid: looking after every round costs nothing but width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.verdicts.sentences import finding, size_note
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.study_plan import StudyPlan

Judge = Callable[[Sequence[int]], pd.DataFrame]
"""Trains what is missing at some seeds and returns the verdicts of all grids."""


@dataclass(frozen=True)
class Step:
    """What is known after a round, and what to do next.

    Attributes:
        decided: The claims that have a verdict, rows of the verdicts.
        undecided: Those that need more seeds.
        seeds: Seeds to add in the next round; none where all is decided or the limit is reached.
    """

    decided: pd.DataFrame
    undecided: pd.DataFrame
    seeds: tuple[int, ...]


def check_claims(plan: StudyPlan, claims: Sequence[str]) -> None:
    """Refuse, before anything is trained, a claim that names no grid, no compared cell, and no CELL:METRIC.

    Raises:
        UserError: Naming the first such claim.
    """
    cells = dict.fromkeys(row.cell for row in plan.rows if row.baseline)
    known = {*plan.grids, *cells, *(f"{cell}:{metric}" for cell in cells for metric in METRICS)}
    for claim in claims:
        if claim not in known:
            choices = ", ".join(dict.fromkeys([*plan.grids, *cells]))
            raise UserError(
                f"'{claim}' is not a claim of this study: choose a grid or a cell ({choices}), or one metric "
                f"of a cell, as in {next(iter(cells), 'CELL')}:first20"
            )


def chosen(verdicts: pd.DataFrame, claims: Sequence[str]) -> pd.DataFrame:
    """Select verdicts by grid, cell or CELL:METRIC; no claims select all."""
    cells = verdicts["cell"]
    names = [verdicts["grid"], cells, cells + ":" + verdicts["metric"]]
    return verdicts[pd.concat(names, axis="columns").isin(list(claims)).any(axis="columns")] if claims else verdicts


def next_step(verdicts: pd.DataFrame, claims: Sequence[str], seeds: Sequence[int], at_most: int) -> Step:
    """Decide which claims are decided, and which seeds to add for the others.

    As many are added as the claim that is nearest to its verdict seems to need; never more than there were, because
    a spread estimated from a few seeds is a guess.

    Args:
        verdicts: Of all grids, at these seeds.
        claims: Which rows count; see `chosen`.
        seeds: The study's seeds so far.
        at_most: Number of seeds in all that must not be exceeded.
    """
    rows = chosen(verdicts, claims).drop_duplicates(["cell", "baseline", "metric"])  # two grids may hold one
    is_open = rows["verdict"] == "undecided"
    decided, undecided = rows[~is_open], rows[is_open]
    wanted = undecided["more_seeds"].min() if len(undecided) else 0
    count = int(min(wanted, len(seeds), max(0, at_most - len(seeds))))
    first = max(seeds) + 1
    return Step(decided, undecided, tuple(range(first, first + count)))


def decide(
    seeds: Sequence[int], at_most: int, claims: Sequence[str], judge: Judge, tell: Callable[[str], None] = print
) -> Step:
    """Go on in rounds until every claim is decided or the limit is reached.

    Args:
        seeds: The study's seeds.
        at_most: Number of seeds in all that must not be exceeded.
        claims: Which claims to decide; none means all.
        judge: Trains and judges.
        tell: Is told about every round.

    Returns:
        What is known at the end; its `seeds` are empty.
    """
    while True:
        step = next_step(judge(seeds), claims, seeds, at_most)
        done = f"{len(seeds)} seeds: {len(step.decided)} decided, {len(step.undecided)} undecided"
        if not step.seeds:
            tell(f"{done}; {'the limit is reached' if len(step.undecided) else 'nothing remains'}.")
            return step
        tell(f"{done}; the next round adds seeds {', '.join(map(str, step.seeds))}.")
        seeds = [*seeds, *step.seeds]


def summary(plan: StudyPlan, step: Step) -> str:
    """Say what was decided and what remains, one line per claim, and of which size all that speaks."""
    parts = []
    for heading, rows in (("Decided", step.decided), ("Undecided", step.undecided)):
        said = [f"- {finding(plan, row)}" for _, row in rows.iterrows()]
        parts += [f"{heading}:", *(said or ["- nothing"])]
    rows = pd.concat([step.decided, step.undecided])
    return "\n".join([*parts, *dict.fromkeys(filter(None, (size_note(plan, row) for _, row in rows.iterrows())))])
