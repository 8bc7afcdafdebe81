"""The command `decide`: seeds are added until every claim of a study is decided, or a limit is reached.

Each round is trained by the workflow that trains everything else. Verdicts are anytime-valid: looking after every round
costs nothing but width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.verdicts.sentences import finding, size_note
from exaggerated_replay.analysis.verdicts.table import verdicts
from exaggerated_replay.commands.programs import run_to_its_end
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.compose import put_params
from exaggerated_replay.planning.params import check_params, read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.study_plan import StudyPlan

Judge = Callable[[Sequence[int]], pd.DataFrame]
"""Trains what is missing at some seeds and returns the verdicts of all grids."""


def run_rounds(claims: Sequence[str], at_most: int, workflow: Sequence[str], params: Path, results: Path) -> None:
    """Add seeds to the study of params.yaml until its claims are decided, and print what was done and what remains.

    Every round writes the seeds into params.yaml and runs the workflow; what is finished already is not trained
    again, so that an interrupted command goes on when it is given once more.

    Args:
        claims: Grids, cells or CELL:METRIC; none means all.
        at_most: Number of seeds in all that must not be exceeded.
        workflow: The command that trains what params.yaml asks for, for example `snakemake --cores all metrics`.
        params: params.yaml.
        results: The folder of studies.

    Raises:
        UserError: params.yaml is not valid, a claim is unknown, or the workflow fails or makes no tables.
    """
    _, settings = read_params(params)
    plan = make_plan(settings)
    check_claims(plan, claims)
    seeds, folder = sorted(plan.study.seed_list), results / plan.study.name

    def judge(seeds: Sequence[int]) -> pd.DataFrame:
        write_seeds(params, seeds)
        run_workflow(workflow)
        study = open_study(folder)
        if study.plan.named.keys() != make_plan(read_params(params)[1]).named.keys():
            raise UserError(
                f"{folder} does not have the runs that {params} asks for: give a --workflow that makes tables of them, "
                "such as `snakemake --cores all metrics`"
            )
        return verdicts(study)

    print(summary(plan, decide(seeds, at_most, claims, judge)))


def run_workflow(command: Sequence[str]) -> None:
    """Run the workflow, as somebody would who types the command.

    Raises:
        UserError: It failed.
    """
    status, _ = run_to_its_end(command)
    if status:
        raise UserError(
            f"`{' '.join(command)}` ended with status {status}: fix what it names, then type the same command to resume"
        )


def write_seeds(params: Path, seeds: Sequence[int]) -> None:
    """Write a study's seeds into params.yaml, as short as can be; where they stand already, the file is left alone.

    What params.yaml was composed with is kept in step, so that no difference from conf/ is reported.

    Raises:
        UserError: The study cannot have them, or a run is at work.
    """
    values, _ = read_params(params)
    short = short_seeds(seeds)
    if values["study"]["seeds"] in (short, list(seeds)):
        return
    changed: dict[str, Any] = {**values, "study": {**values["study"], "seeds": short}}
    if values.get("composed_with") is not None:
        others = [given for given in values["composed_with"] if not given.startswith("study.seeds=")]
        changed["composed_with"] = [*others, f"study.seeds={short}"]
    check_params(changed)
    put_params(params, changed)


def short_seeds(seeds: Sequence[int]) -> int | str | list[int]:
    """Return seeds as params.yaml takes them: a count (of 0, 1, 2 ...), a range such as 100-119, or a list."""
    first, last = min(seeds), max(seeds)
    if sorted(seeds) != list(range(first, last + 1)):
        return list(seeds)
    return len(seeds) if first == 0 else f"{first}-{last}"


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
    a spread estimated from a few seeds is a guess; and none for claims whose pairs all diverged.

    Args:
        verdicts: Of all grids, at these seeds.
        claims: Which rows count; see `chosen`.
        seeds: The study's seeds so far.
        at_most: Number of seeds in all that must not be exceeded.
    """
    rows = chosen(verdicts, claims).drop_duplicates(["cell", "baseline", "metric"])  # two grids may hold one
    is_open = rows["verdict"] == "undecided"
    decided, undecided = rows[~is_open], rows[is_open]
    diverging = (undecided["seeds"] == 0) & (undecided["left_out"] > 0)  # every pair so far: others would, too
    hopeful = undecided[~diverging]
    wanted = hopeful["more_seeds"].min() if len(hopeful) else 0
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
            limit = "the limit is reached" if len(seeds) >= at_most else "all others diverge at every seed"
            tell(f"{done}; {limit if len(step.undecided) else 'nothing remains'}.")
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
