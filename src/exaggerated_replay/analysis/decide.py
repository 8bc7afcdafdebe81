"""Adding seeds until every claim of a study is decided, or a limit is reached.

All verdicts here are the anytime-valid ones: looking after every round costs nothing but width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from exaggerated_replay.analysis.verdicts import sentence
from exaggerated_replay.errors import UserError
from exaggerated_replay.settings.rules import RulesSettings

UNDECIDED = "undecided"


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


def chosen(verdicts: pd.DataFrame, claims: Sequence[str]) -> pd.DataFrame:
    """Select claims by name: a grid, a cell, or CELL:METRIC such as `rr-ra-f5:first20`; none means all.

    Raises:
        UserError: A name is neither.
    """
    if not claims:
        return verdicts
    names = pd.DataFrame(
        {"grid": verdicts["grid"], "cell": verdicts["cell"], "claim": verdicts["cell"] + ":" + verdicts["metric"]}
    )
    for claim in claims:
        if not (names == claim).any(axis=None):
            known = ", ".join(dict.fromkeys([*names["grid"], *names["cell"]]))
            raise UserError(
                f"'{claim}' is not a claim of this study: choose a grid or a cell ({known}), or CELL:METRIC"
            )
    return verdicts[names.isin(list(claims)).any(axis="columns")]


def next_step(verdicts: pd.DataFrame, claims: Sequence[str], seeds: Sequence[int], at_most: int) -> Step:
    """Decide which claims are decided, and which seeds to add for the others.

    As many are added as the claim that is nearest to its verdict seems to need; never more than there were, because
    a spread estimated from a few seeds is a guess.

    Args:
        verdicts: From `verdicts`, at these seeds.
        claims: Which rows count; see `chosen`.
        seeds: The study's seeds so far.
        at_most: Number of seeds in all that must not be exceeded.

    Raises:
        UserError: A claim is unknown.
    """
    rows = chosen(verdicts, claims)
    open_rows = rows["anytime_verdict"] == UNDECIDED
    decided, undecided = rows[~open_rows], rows[open_rows]
    room = max(0, at_most - len(seeds))
    wanted = undecided["anytime_more_seeds"].min() if len(undecided) else 0
    count = int(min(wanted, len(seeds), room))
    first = max(seeds) + 1
    return Step(decided, undecided, tuple(range(first, first + count)))


def decide(
    seeds: Sequence[int],
    at_most: int,
    claims: Sequence[str],
    judge: Callable[[Sequence[int]], pd.DataFrame],
    tell: Callable[[str], None],
) -> Step:
    """Go on in rounds until every claim is decided or the limit is reached.

    Args:
        seeds: The study's seeds.
        at_most: Number of seeds in all that must not be exceeded.
        claims: Which claims to decide; none means all.
        judge: Trains what is missing at some seeds and returns the verdicts.
        tell: Is told about every round.

    Returns:
        What is known at the end; its `seeds` are empty.

    Raises:
        UserError: A claim is unknown.
    """
    while True:
        step = next_step(judge(seeds), claims, seeds, at_most)
        tell(f"{len(seeds)} seeds: {len(step.decided)} decided, {len(step.undecided)} undecided")
        if not step.seeds:
            return step
        seeds = [*seeds, *step.seeds]


def summary(step: Step, rules: RulesSettings) -> str:
    """Say what was decided and what remains, one line per claim."""
    decided = [sentence(row, rules, "anytime_") for _, row in step.decided.iterrows()]
    remaining = [sentence(row, rules, "anytime_") for _, row in step.undecided.iterrows()]
    return "\n".join(["Decided:", *(decided or ["nothing"]), "Undecided:", *(remaining or ["nothing"])])
