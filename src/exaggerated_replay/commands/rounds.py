"""The command `decide`: rounds of seeds, each trained by the workflow that trains everything else."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.verdicts.table import verdicts
from exaggerated_replay.commands.decide import check_claims, decide, summary
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text
from exaggerated_replay.planning.params import check_params, read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.strict_yaml import dump_yaml


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
        UserError: params.yaml is not valid, a claim is unknown, or the workflow fails.
    """
    _, settings = read_params(params)
    plan = make_plan(settings)
    check_claims(plan, claims)
    seeds = sorted(plan.study.seed_list)

    def judge(seeds: Sequence[int]) -> pd.DataFrame:
        write_seeds(params, seeds)
        run_workflow(workflow)
        return verdicts(open_study(results / settings.study.name))

    print(summary(plan, decide(seeds, at_most, claims, judge)))


def run_workflow(command: Sequence[str]) -> None:
    """Run the workflow, as somebody would who types the command.

    Raises:
        UserError: It failed.
    """
    status = subprocess.run(command, check=False).returncode
    if status:
        raise UserError(
            f"`{' '.join(command)}` ended with status {status}: fix what it names, then type the same command to resume"
        )


def write_seeds(params: Path, seeds: Sequence[int]) -> None:
    """Write a study's seeds into params.yaml, as short as can be; where they stand already, the file is left alone.

    What params.yaml was composed with is kept in step, so that no difference from conf/ is reported.
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
    write_text(params, dump_yaml(changed))


def short_seeds(seeds: Sequence[int]) -> int | str | list[int]:
    """Return seeds as params.yaml takes them: a count (of 0, 1, 2 ...), a range such as 100-119, or a list."""
    first, last = min(seeds), max(seeds)
    if sorted(seeds) != list(range(first, last + 1)):
        return list(seeds)
    return len(seeds) if first == 0 else f"{first}-{last}"
